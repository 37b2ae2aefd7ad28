"""Door notices that somebody hung up: who and when is the proof."""

from collections.abc import Iterable

from django.db import transaction

from community.models import User
from notices.models import Delivery
from notices.services import states
from notices.services.states import State


@transaction.atomic
def mark_posted(*, deliveries: Iterable[int], by: User) -> int:
    """Door notices hang at their doors; returns how many did not before. Twice is once."""
    waiting = (
        Delivery.objects.select_for_update(of=("self",))
        .filter(pk__in=list(deliveries), channel=Delivery.Channel.DOOR, state=State.QUEUED)
        .order_by("pk")
    )
    return sum(bool(states.mark_delivered(delivery, posted_by=by)) for delivery in waiting)
