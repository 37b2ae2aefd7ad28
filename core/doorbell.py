"""Tells the workers to look now. PostgreSQL knows what is to be done; the broker only rings.

Ring `after_commit`: a bell that cannot be rung loses nothing, beat's sweep finds the row within
seconds.
"""

import logging
import os
import time
from collections.abc import Callable
from functools import lru_cache
from queue import Full, Queue
from threading import Thread
from typing import Any

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)
MOST_WAITING = 1_000
MOST_AT_ONCE = 8  # rows for one worker, who takes them one after the other
GATHERING = 0.02  # seconds in which rows of a crowd come together


def after_commit(ring: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """Calls `ring` with these arguments when the transaction has committed; its failure is logged.

    A function of its own, not a partial: Django logs the failure by the function's name, and fails
    itself on a partial, which has none.
    """

    def ring_the_bell() -> None:
        ring(*args, **kwargs)

    transaction.on_commit(ring_the_bell, robust=True)


def ring(task: str, *args: int, priority: int | None = None) -> None:
    """Has a worker run `task`. Raises the broker's error when it is down, without trying again:
    the caller may be a page that somebody waits for."""
    current_app.send_task(task, args=args, priority=priority, retry=False, ignore_result=True)


def ring_aside(task: str, row: int) -> None:
    """As `ring`, in a thread of the process: who calls never waits, not even for a broker that
    takes the connection and says nothing. Rows that wait for one task go to it together.

    What cannot be rung, or waits when the process ends, the sweep finds.
    """
    try:
        _waiting(os.getpid()).put_nowait((task, row))
    except Full:
        logger.warning("%s waits for the sweep: the broker hangs", task)


@lru_cache(maxsize=1)
def _waiting(process: int) -> "Queue[tuple[str, int]]":
    """The bells that wait, and a thread that rings them; a forked process needs its own."""
    waiting: Queue[tuple[str, int]] = Queue(MOST_WAITING)
    Thread(target=_ring_all, args=(waiting,), name="doorbell", daemon=True).start()
    return waiting


def _ring_all(waiting: "Queue[tuple[str, int]]") -> None:
    while True:
        bells: dict[str, list[int]] = {}
        task, row = waiting.get()
        bells[task] = [row]
        time.sleep(GATHERING)
        while not waiting.empty() and sum(map(len, bells.values())) < MOST_AT_ONCE:
            task, row = waiting.get()
            bells.setdefault(task, []).append(row)
        for task, rows in bells.items():
            try:
                ring(task, *rows)
            except Exception:  # whatever a broker's client raises: the next one may be heard
                logger.exception("ringing for %s failed", task)
