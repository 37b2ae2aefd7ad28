"""Door notices that somebody hung up: who and when is the proof."""

from django.db.models import QuerySet
from django.utils import timezone

from community.models import User
from notices.models import Delivery
from notices.services.states import State


def mark_posted(*, doors: QuerySet[Delivery], by: User) -> int:
    """queued → delivered for door notices; returns how many did not hang before. Twice is once.

    One statement for a whole entrance: the condition on the state is checked under the row's lock,
    so of two who press at once only one is written down.
    """
    now = timezone.now()
    return doors.filter(channel=Delivery.Channel.DOOR, state=State.QUEUED).update(
        state=State.DELIVERED, posted_by=by, sent_at=now, delivered_at=now
    )
