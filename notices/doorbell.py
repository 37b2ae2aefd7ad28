"""Tells the workers to look now. PostgreSQL knows what is to be done; the broker only rings.

Ring `after_commit`: a bell that cannot be rung loses nothing, the dispatcher finds the row within
seconds.
"""

from celery import current_app

from core.doorbell import after_commit

__all__ = ["after_commit", "ring_delivery", "ring_dispatcher", "ring_fan_out"]

# Redis serves the lower number first: somebody who waits for his code overtakes a campaign.
FIRST, LAST = 0, 9


def ring_delivery(delivery_id: int, *, urgent: bool = False) -> None:
    """Asks a worker to send one delivery. Raises the broker's error when it is down."""
    _ring("notices.tasks.deliver", delivery_id, priority=FIRST if urgent else LAST)


def ring_dispatcher() -> None:
    """Asks for a look at what is due, without waiting for the next beat."""
    _ring("notices.tasks.dispatch", priority=FIRST)


def ring_fan_out(campaign_id: int) -> None:
    """Asks for a campaign to be addressed, or to be gone on with."""
    _ring("notices.tasks.fan_out_campaign", campaign_id, priority=LAST)


def _ring(task: str, *args: int, priority: int) -> None:
    # retry=False: the caller may be a page that somebody waits for.
    current_app.send_task(task, args=args, priority=priority, retry=False, ignore_result=True)
