"""Moving a delivery from state to state; everything that writes `state` goes through here."""

from typing import Any

from django.utils import timezone

from notices.models import Delivery

State = Delivery.State
_KEEPS_SECRET = {State.QUEUED, State.SENDING}


class IllegalTransition(Exception):
    """The delivery is not in a state from which it could go there."""


def locked(delivery_id: int) -> Delivery:
    """The delivery, locked until the transaction ends. Raises Delivery.DoesNotExist."""
    return Delivery.objects.select_for_update(of=("self",)).get(pk=delivery_id)


def move(delivery: Delivery, to: str, **changes: Any) -> Delivery:
    """Takes a locked delivery to state `to` and writes `changes` with it.

    A one-time code is emptied as soon as it can no longer be sent, and leaving `sending` ends the
    lease. Raises IllegalTransition for what `Delivery.TRANSITIONS` does not list.
    """
    if to not in Delivery.TRANSITIONS[delivery.state]:
        raise IllegalTransition(f"delivery {delivery.pk}: {delivery.state} → {to}")
    changes["state"] = to
    if to not in _KEEPS_SECRET:
        changes["secret"] = ""
    if to != State.SENDING:
        changes["leased_until"] = None
    for name, value in changes.items():
        setattr(delivery, name, value)
    delivery.save(update_fields=list(changes))
    return delivery


def mark_sent(delivery: Delivery, *, provider_id: str = "") -> Delivery:
    """The provider took it."""
    return move(
        delivery,
        State.SENT,
        provider_id=provider_id or delivery.provider_id,
        sent_at=timezone.now(),
        in_doubt_since=None,
        error="",
    )


def mark_delivered(delivery: Delivery, **changes: Any) -> Delivery:
    """It arrived, as the provider reports or whoever hung it up says."""
    now = timezone.now()
    changes.setdefault("sent_at", delivery.sent_at or now)
    return move(
        delivery, State.DELIVERED, delivered_at=now, in_doubt_since=None, error="", **changes
    )


def mark_failed(delivery: Delivery, *, reason: str, **changes: Any) -> Delivery:
    """It certainly did not arrive, and trying again by ourselves would not help."""
    return move(delivery, State.FAILED, error=reason[:300], in_doubt_since=None, **changes)
