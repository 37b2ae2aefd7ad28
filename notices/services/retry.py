"""A person decides that a delivery is tried again."""

import uuid
from typing import Any

from django.db import transaction
from django.db.models import Func, Q, QuerySet, UUIDField
from django.db.models.functions import Now
from django.utils import timezone

from notices import doorbell
from notices.models import Delivery
from notices.services import states
from notices.services.states import State

RETRIED = {State.FAILED, State.UNKNOWN}


@transaction.atomic
def retry(*, delivery_id: int) -> bool:
    """Queues a failed or unknown delivery anew; False if it is on its way or past it already.

    What failed certainly did not arrive, so it goes out under a new key: the provider would
    otherwise answer with the old failure. What is unknown keeps its key, so that the provider is
    asked, and a mail program shows one message if two came. An expired code stays failed.
    """
    delivery = states.locked(delivery_id)
    expired = delivery.expires_at is not None and delivery.expires_at <= timezone.now()
    if delivery.state not in RETRIED or delivery.channel == Delivery.Channel.DOOR or expired:
        return False
    changes: dict[str, Any] = {"attempts": 0, "due_at": timezone.now(), "error": ""}
    if delivery.state == State.FAILED:
        changes |= {"key": uuid.uuid4(), "provider_id": "", "sent_at": None}
    if delivery.channel == Delivery.Channel.EMAIL:
        # Nobody can be asked about a mail; the person has decided.
        changes["in_doubt_since"] = None
    states.move(delivery, State.QUEUED, **changes)
    doorbell.after_commit(doorbell.ring_dispatcher)
    return True


def retry_failed(*, deliveries: QuerySet[Delivery]) -> int:
    """Queues all that failed among `deliveries`, set-wise; returns how many.

    The unknown ones are decided one by one: each might arrive a second time.
    """
    usable = Q(expires_at__isnull=True) | Q(expires_at__gt=Now())
    failed = deliveries.filter(usable, state=State.FAILED).exclude(channel=Delivery.Channel.DOOR)
    number = failed.update(
        state=State.QUEUED,
        key=Func(function="gen_random_uuid", output_field=UUIDField()),
        due_at=Now(),
        attempts=0,
        provider_id="",
        sent_at=None,
        error="",
    )
    doorbell.after_commit(doorbell.ring_dispatcher)
    return number
