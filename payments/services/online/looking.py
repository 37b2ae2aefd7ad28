"""A person's word that an order which did not settle by itself needs nobody any more."""

import datetime

from django.db import transaction
from django.utils import timezone

from community.models import User
from payments.models import EventLook, OrderLook, PaymentOrder, ProviderEvent


@transaction.atomic
def looked_at(
    *, order: PaymentOrder, by: User, words: str, problem: str, seen_at: datetime.datetime
) -> OrderLook:
    """Takes an order off the list of those that wait; `words` say what was done.

    `problem` and `seen_at` are what his page showed and when: what came up after that stays on the
    list. Pressed twice it is said once. Raises ValueError without words, or for a time to come.
    """
    if not words.strip() or seen_at > timezone.now():
        raise ValueError("say what was done about what you saw")
    look, _new = OrderLook.objects.get_or_create(
        order=order,
        by=by,
        seen_at=seen_at,
        defaults={"words": words.strip(), "problem": problem},
    )
    return look


@transaction.atomic
def looked_at_message(*, event: ProviderEvent, by: User, words: str) -> EventLook:
    """Takes a message about no order of ours off the list; the first who says so counts.

    Raises ValueError without words.
    """
    if not words.strip():
        raise ValueError("say what was done about the message")
    look, _new = EventLook.objects.get_or_create(
        event=event, defaults={"by": by, "words": words.strip()}
    )
    return look
