"""Costs shared over units (公摊), to the fen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from billing.calculation.facts import Place, Problem, Reason, SharedCost, Terms, Unit
from billing.calculation.spans import Span, calendar_months
from billing.calculation.tariffs import BY_SHARE, Method, Tariff, TariffBook

ONE = Decimal(1)


class Share(NamedTuple):
    """What of a cost falls to a unit. ``quantity`` is its m², or 1 where all bear the same."""

    terms: Terms
    quantity: Decimal
    fen: int

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.fen).scaleb(-2)


@dataclass(slots=True)
class Sharing:
    """How a cost falls on units, by unit id, and what kept it from being shared."""

    shares: dict[int, Share] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def whole(self) -> Decimal:
        """The m² of all units together, or how many they are."""
        return sum((share.quantity for share in self.shares.values()), Decimal(0))


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of ``total`` in proportion to ``weights``, which sum to it exactly.

    Each gets its share rounded down; what is left goes, one each, to the largest remainders, and
    among equal ones to the earlier. The weights must sum to more than 0.
    """
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share_cost(cost: SharedCost, places: Iterable[Place | Unit], book: TariffBook) -> Sharing:
    """Share a cost over the units in scope, which must come in natural order.

    In scope is a unit for which a tariff shares this item on the cost's last day, in the cost's
    building, and which was handed over by then. A unit of unknown area is named, not billed 0.
    """
    sharing = Sharing()
    in_scope: list[tuple[Place | Unit, Tariff]] = []
    methods: set[Method] = set()
    for place in places:
        tariff = _tariff_of(cost, place, book)
        if tariff is None:
            continue
        if tariff.method is Method.SHARED_AREA and not place.area:
            sharing.problems.append(Problem(place.id, cost.item, Reason.CANNOT_COMPUTE, "m² = 0"))
            continue
        methods.add(tariff.method)
        in_scope.append((place, tariff))
    if len(methods) > 1:
        both = " + ".join(sorted(methods))
        return Sharing(problems=[Problem(None, cost.item, Reason.CANNOT_COMPUTE, both)])
    if not in_scope:
        sharing.problems.append(Problem(None, cost.item, Reason.NOBODY_IN_SCOPE))
        return sharing
    by_area = Method.SHARED_AREA in methods
    weights = [int(place.area * 100) if by_area else 1 for place, _tariff in in_scope]
    terms: dict[Tariff, Terms] = {}
    for (place, tariff), fen in zip(in_scope, largest_remainder(cost.fen, weights), strict=True):
        if tariff not in terms:
            terms[tariff] = Terms(tariff, cost.span, None, None, ONE)
        sharing.shares[place.id] = Share(terms[tariff], place.area if by_area else ONE, fen)
    return sharing


def months_without_cost(
    window: Span, pool: Sequence[Span], costs: Sequence[Span]
) -> list[list[Span]]:
    """Runs of calendar months of a window in which a pool is to be shared and no cost is known.

    ``pool`` are the days on which a tariff shares it. A cost may begin and end inside months: one
    that touches those days of a month is that month's.
    """
    runs: list[list[Span]] = [[]]
    for month in calendar_months(window):
        days = [part for span in pool if (part := span.meet(month))]
        if days and not any(part.meet(cost) for part in days for cost in costs):
            runs[-1].append(month)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _tariff_of(cost: SharedCost, place: Place | Unit, book: TariffBook) -> Tariff | None:
    """The tariff by which a unit shares a cost, or None if it is out of scope."""
    if cost.building not in (None, place.building):
        return None
    if place.handover is None or place.handover > cost.span.end:
        return None
    tariff = book.on(cost.span.end, item=cost.item, scope=book.scope(place))
    return tariff if tariff and tariff.method in BY_SHARE else None
