"""How a day of a channel adds up, for whoever signs it off.

there = here + here on another day + settled + still open        each for paid, refunded and fees
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, DecimalField, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.money import ZERO
from payments.models import Reconciliation, ReconciliationLine

Kind, Flow = ReconciliationLine.Kind, ReconciliationLine.Flow
State, Way = ReconciliationLine.State, ReconciliationLine.Way
_YUAN: "DecimalField[Any, Any]" = DecimalField(max_digits=14, decimal_places=2)
# What a line makes of the difference between the sides, in yuan: a side without it has nothing.
_EFFECT = Coalesce("theirs", Value(ZERO), output_field=_YUAN) - Coalesce(
    "ours", Value(ZERO), output_field=_YUAN
)


@dataclass(frozen=True)
class SideBySide:
    """One kind of money on both sides, in yuan, and what became of the difference."""

    label: str | Promise
    there: Decimal
    here: Decimal
    elsewhere: Decimal
    settled: Decimal
    open: Decimal

    @property
    def difference(self) -> Decimal:
        return self.there - self.here

    @property
    def unaccounted(self) -> Decimal:
        """0, or the bill changed after a difference was settled."""
        return self.difference - self.elsewhere - self.settled - self.open


@dataclass(frozen=True)
class Settled:
    """How differences of one kind of money were settled: one way, how many, what they make in
    yuan."""

    of: str | Promise
    way: str | Promise
    count: int
    amount: Decimal
    here: bool  # our books have it now: it is no part of the difference any more


@dataclass(frozen=True)
class DaySums:
    """A day's sums, and the ways in which its differences were settled."""

    rows: list[SideBySide]
    ways: list[Settled]

    @property
    def elsewhere(self) -> bool:
        return any(row.elsewhere for row in self.rows)

    @property
    def adds_up(self) -> bool:
        return not any(row.unaccounted for row in self.rows)


def sums_of(day: Reconciliation) -> DaySums:
    """The sums of a day and of its differences (one query)."""
    groups: list[Any] = list(
        day.lines.exclude(state=State.GONE)
        .order_by()
        .values("kind", "flow", "state", "way", "stands")
        .annotate(count=Count("pk"), amount=Sum(_EFFECT))
    )
    sides: list[tuple[Any, str, Decimal, Decimal, Decimal]] = [
        (_("Paid"), Flow.PAYMENT, day.their_paid, day.our_paid, day.elsewhere_paid),
        (_("Refunded"), Flow.REFUND, day.their_refunded, day.our_refunded, day.elsewhere_refunded),
    ]
    if day.fees_due is not None:  # what the contract says was not kept from the beginning
        label = pgettext_lazy("of a channel", "Fees")
        sides.append((label, Kind.FEE, day.fees, day.fees_due, ZERO))
    rows = []
    for label, name, there, here, elsewhere in sides:
        own = [one for one in groups if one["stands"] and _side(one) == name]
        settled = _total(one for one in own if one["state"] == State.SETTLED)
        rows.append(SideBySide(label, there, here, elsewhere, settled, _total(own) - settled))
    labels = {name: label for label, name, *_figures in sides}
    return DaySums(rows, _ways(groups, labels))


def _side(group: dict[str, Any]) -> str:
    """Which sum a group of differences belongs to."""
    name: str = Kind.FEE if group["kind"] == Kind.FEE else group["flow"]
    return name


def _total(groups: Iterable[dict[str, Any]]) -> Decimal:
    return sum((one["amount"] for one in groups), ZERO)


def _ways(groups: Iterable[dict[str, Any]], labels: dict[str, Any]) -> list[Settled]:
    """In the order of the sums; `labels` are what these are called."""
    found: dict[tuple[str, str, bool], list[dict[str, Any]]] = defaultdict(list)
    for one in groups:
        if one["state"] == State.SETTLED and _side(one) in labels:
            found[_side(one), one["way"], not one["stands"]].append(one)
    order = list(labels)
    return [
        Settled(labels[of], Way(way).label, sum(one["count"] for one in same), _total(same), here)
        for (of, way, here), same in sorted(
            found.items(), key=lambda item: (order.index(item[0][0]), item[0])
        )
    ]
