"""Offers over the same months add up: who fulfils two gets both discounts off the same lines."""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from billing.models import EarlyPaymentOffer, FeeItem
from community.models import Community

State = EarlyPaymentOffer.State


@dataclass(frozen=True)
class Terms:
    """What an offer is about, made or still to be made: months, fee items by id, discount in %."""

    starts_on: datetime.date
    ends_on: datetime.date
    items: frozenset[int]
    percent: Decimal

    @classmethod
    def of(cls, offer: EarlyPaymentOffer) -> "Terms":
        items = frozenset(item.pk for item in offer.fee_items.all())
        return cls(offer.starts_on, offer.ends_on, items, offer.percent)


@dataclass(frozen=True)
class Overlap:
    """Another offer for some of the same fees: the months, both days inclusive, and the items."""

    other: EarlyPaymentOffer
    starts_on: datetime.date
    ends_on: datetime.date
    items: tuple[FeeItem, ...]
    together: Decimal  # % of both

    @property
    def words(self) -> str:
        return _(
            "“%(name)s” (%(state)s) gives %(percent)s %% off as well, on %(items)s of %(first)s to "
            "%(last)s: both together %(together)s %%."
        ) % {
            "name": self.other.name,
            "state": self.other.get_state_display(),
            "percent": plain(self.other.percent),
            "items": ", ".join(str(item) for item in self.items),
            "first": f"{self.starts_on:%Y-%m}",
            "last": f"{self.ends_on:%Y-%m}",
            "together": plain(self.together),
        }


def plain(percent: Decimal) -> str:
    """5.00 as 5."""
    return f"{percent.normalize():f}"


def counting(community: Community) -> QuerySet[EarlyPaymentOffer]:
    """The offers that somebody may get something by, or got: withdrawn ones are kept by who did."""
    found = EarlyPaymentOffer.objects.filter(community=community)
    return (
        found.filter(Q(state__in=(State.REQUESTED, State.APPROVED)) | Q(uses__isnull=False))
        .distinct()
        .order_by("starts_on", "pk")
        .prefetch_related("fee_items")
    )


def overlaps(terms: Terms, others: Iterable[EarlyPaymentOffer]) -> list[Overlap]:
    """Which of the others give something off the same fees of the same months."""
    found = []
    for other in others:
        first, last = max(terms.starts_on, other.starts_on), min(terms.ends_on, other.ends_on)
        items = tuple(item for item in other.fee_items.all() if item.pk in terms.items)
        if items and first <= last:
            found.append(Overlap(other, first, last, items, terms.percent + other.percent))
    return found


def most_together(terms: Terms, found: Collection[Overlap]) -> Decimal:
    """The most, in %, that an offer and all that overlap with it give off any one fee."""
    return terms.percent + max(
        (
            sum(
                (
                    each.other.percent
                    for each in found
                    if item in each.items and each.starts_on <= first.starts_on <= each.ends_on
                ),
                Decimal(0),
            )
            # Where the most hold at once, one of them begins.
            for first in found
            for item in first.items
        ),
        default=Decimal(0),
    )
