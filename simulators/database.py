"""One SQLite file, shared by the threads of a simulator, that can be waited on."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Database:
    """Writes one at a time; every write wakes whoever waits for a change.

    The journal is write-ahead: what was committed survives a SIGKILL of the process.
    """

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._changed = threading.Condition()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. May be nested: the outermost commits."""
        with self._changed:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            self._changed.notify_all()

    def execute(self, statement: str, *values: Any) -> int:
        """Run one write; the id of the row it inserted."""
        with self.transaction():
            return int(self._connection.execute(statement, values).lastrowid or 0)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self._changed:
            return [dict(row) for row in self._connection.execute(query, values)]

    def row(self, query: str, *values: Any) -> dict[str, Any] | None:
        return next(iter(self.rows(query, *values)), None)

    def wait_for(self, find: Callable[[], Any], *, seconds: float) -> Any:
        """What `find` returns once it is true, or its last answer after so many seconds."""
        with self._changed:
            return self._changed.wait_for(find, timeout=seconds)

    def sleep(self, seconds: Callable[[], float]) -> None:
        """Rest until the next change, or for as long as `seconds` says right now."""
        with self._changed:
            if (length := seconds()) > 0:
                self._changed.wait(length)

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._connection.close()
