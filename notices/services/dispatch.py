"""Finding what is due and ringing for it, every few seconds; putting back what got stuck."""

import datetime

from celery.exceptions import OperationalError as CeleryOperationalError
from django.db.models.functions import Now
from kombu.exceptions import OperationalError as BrokerDown

from core import outbox
from notices import doorbell
from notices.models import Campaign, Delivery
from notices.services.deliver import EXPIRED
from notices.services.states import State

# How long a bell may wait in the broker before it is rung again.
BELL_LEASE = datetime.timedelta(seconds=120)
# Bells in the broker at one time: enough to keep workers busy until the next beat, few enough
# that a code asked for now is not behind an hour of fee notices.
MOST_IN_FLIGHT = 400


def dispatch() -> int:
    """Rings for deliveries that are due; returns for how many.

    Started twice at once it rings twice for none: the claims skip each other's rows.
    """
    waiting = Delivery.objects.outgoing().filter(state=State.QUEUED)
    in_flight = waiting.filter(leased_until__gt=Now()).count()
    due = waiting.filter(due_at__lte=Now()).order_by("priority", "due_at", "id")
    ids = outbox.claim(due, limit=max(0, MOST_IN_FLIGHT - in_flight), lease=BELL_LEASE)
    urgent = set(Delivery.objects.filter(pk__in=ids, priority=Delivery.URGENT).values_list("pk"))
    for position, delivery_id in enumerate(ids):
        try:
            doorbell.ring_delivery(delivery_id, urgent=(delivery_id,) in urgent)
        except (BrokerDown, CeleryOperationalError):
            # Nothing is lost; the next beat finds them free instead of after the lease.
            outbox.release(waiting.filter(pk__in=ids[position:]))
            raise
    return len(ids)


def reconcile() -> None:
    """Puts back what a dead worker held, drops what has expired, goes on with half campaigns."""
    put_back()
    drop_expired()
    for campaign_id in waiting_campaigns():
        doorbell.ring_fan_out(campaign_id)


def put_back() -> int:
    """Deliveries whose worker died go back to the queue, in doubt; returns how many."""
    return outbox.reconcile(
        Delivery.objects.filter(state=State.SENDING), state=State.QUEUED, due_at=Now()
    )


def drop_expired() -> int:
    """Codes that nobody could use any more fail, and their secret goes; returns how many."""
    return Delivery.objects.filter(
        state=State.QUEUED, expires_at__lte=Now(), in_doubt_since__isnull=True
    ).update(state=State.FAILED, secret="", error=EXPIRED, leased_until=None)


def waiting_campaigns() -> list[int]:
    """Campaigns not yet fully addressed that nobody is at."""
    unfinished = Campaign.objects.exclude(state=Campaign.State.ADDRESSED)
    fresh = unfinished.filter(leased_until__isnull=True)
    return list((fresh | outbox.lapsed(unfinished)).values_list("pk", flat=True))
