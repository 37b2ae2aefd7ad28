"""Genuine messages of providers about orders that we do not have."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from community.models import Community
from payments import providers
from payments.models import ProviderEvent
from payments.providers.base import PermanentError
from payments.unsettled.orders import Reason
from payments.unsettled.reasons import plain_reason


@dataclass(frozen=True)
class Astray:
    """A message about no order of ours; `amount` in yuan, None where it says none."""

    event: ProviderEvent
    channel: str
    amount: Decimal | None
    reason: Reason


def astray_messages(community: Community, *, looked: bool = False) -> QuerySet[ProviderEvent]:
    """Those of the merchant accounts that the community uses, the newest first.

    Communities that share an account all see them: nobody can tell whose they are. With `looked`
    those that somebody dealt with, else those that wait.
    """
    accounts = {
        key: providers.merchant_of(kind, community.code)
        for key, kind in providers.all_providers().items()
    }
    found = ProviderEvent.objects.astray(accounts).filter(look__isnull=not looked)
    return found.order_by("-received_at")


def explain_messages(events: Iterable[ProviderEvent]) -> list[Astray]:
    """`events` as people read them; no query."""
    return [
        Astray(
            event,
            str(providers.all_providers()[event.provider].method.label),
            _amount(event),
            Reason(plain_reason(event.outcome), [event.outcome]),
        )
        for event in events
    ]


def _amount(event: ProviderEvent) -> Decimal | None:
    """What a message says was paid, in yuan; a message that makes no sense says nothing."""
    provider = providers.all_providers()[event.provider](event.merchant)
    try:
        claim = provider.claim(event.payload)
    except (PermanentError, KeyError):
        return None
    return claim.amount if claim else None
