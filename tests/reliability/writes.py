"""The writes of a piece of work, counted; after one of them the process kills itself."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

_WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)


class Writes:
    """How many statements of this thread wrote; SIGKILL after the `last`, where it is above 0."""

    def __init__(self, last: int = 0) -> None:
        self.count = 0
        self._last = last

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = execute(sql, params, many, context)
        if _WRITE.match(sql):
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return result


@contextmanager
def counted(last: int = 0) -> Iterator[Writes]:
    """Counts the writes of the block. The heartbeat of a job has a connection of its own."""
    writes = Writes(last)
    with connection.execute_wrapper(writes):
        yield writes
