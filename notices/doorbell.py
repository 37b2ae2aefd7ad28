"""The bells of this room: one delivery, the dispatcher, a campaign (see core.doorbell)."""

from core.doorbell import after_commit, ring

__all__ = ["after_commit", "ring_delivery", "ring_dispatcher", "ring_fan_out"]

# Redis serves the lower number first: somebody who waits for his code overtakes a campaign.
FIRST, LAST = 0, 9


def ring_delivery(delivery_id: int, *, urgent: bool = False) -> None:
    """Asks a worker to send one delivery."""
    ring("notices.tasks.deliver", delivery_id, priority=FIRST if urgent else LAST)


def ring_dispatcher() -> None:
    """Asks for a look at what is due, without waiting for the next beat."""
    ring("notices.tasks.dispatch", priority=FIRST)


def ring_fan_out(campaign_id: int) -> None:
    """Asks for a campaign to be addressed, or to be gone on with."""
    ring("notices.tasks.fan_out_campaign", campaign_id, priority=LAST)
