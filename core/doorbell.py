"""Tells the workers to look now. PostgreSQL knows what is to be done; the broker only rings.

Ring `after_commit`: a bell that cannot be rung loses nothing, beat's sweep finds the row within
seconds.
"""

from collections.abc import Callable
from typing import Any

from celery import current_app
from django.db import transaction


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
