"""Why a bill differs from the one before: the difference, taken apart by cause, exact to the fen.

Each fee item is compared with itself. What depends on days is area × months × price × factor; the
new figures take the place of the old ones in that order, and each step's difference is the part of
its cause. What is metered is computed anew at the old price from the new usage. So the parts always
sum to the difference, whatever changed at the same time.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from billing.calculation.metering import split_by_tiers
from billing.calculation.spans import Span, months_in
from billing.calculation.tariffs import BY_DAYS, BY_METER, BY_SHARE, Tier
from core.money import round_to_fen

ONE = Decimal(1)


class Cause(StrEnum):
    """Why a line came to something else than the last time."""

    PRICE = "price"  # another price, or another way of charging
    DAYS = "days"  # more or fewer days billed: handover, transfer
    AREA = "area"  # the area on record was corrected
    USAGE = "usage"  # m³
    SHARED = "shared"  # the cost that is shared, or by how many
    VACANCY = "vacancy"
    ADJUSTMENT = "adjustment"  # waivers, discounts, extra charges
    OTHER = "other"  # a fee item that is new, or no longer billed


@dataclass(frozen=True, slots=True)
class Billed:
    """A line as it was billed. `quantity` is m², m³ or units, `fen` what it came to.

    `price` is yuan for one, None for tiers and shared costs; `tariff` tells two versions apart.
    """

    item: int
    tariff: int
    method: str
    span: Span
    quantity: Decimal
    price: Decimal | None
    factor: Decimal
    fen: int
    tiers: tuple[Tier, ...] = ()

    @property
    def days(self) -> int:
        return (self.span.end - self.span.start).days + 1

    def by_standard(self) -> "Billed":
        """The line as the fee standard has it: without what its payer's vacancy took off."""
        exact = Fraction(self.quantity) * Fraction(self.price or 0) * months_in(self.span)
        return replace(self, factor=ONE, fen=round_to_fen(exact))


@dataclass(frozen=True, slots=True)
class Part:
    """So many fen of the difference, and their cause. `item` is None for adjustments.

    `more` is how many days or m³ more (below zero: fewer) stand behind it, where one number says
    it; `prices` the old and the new price in yuan, where there is one of each.
    """

    cause: Cause
    item: int | None
    fen: int
    more: Decimal | None = None
    prices: tuple[Decimal, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """What one period came to: its lines, and the fen by which adjustments changed them."""

    lines: Sequence[Billed]
    adjusted: int = 0

    @property
    def fen(self) -> int:
        return sum(line.fen for line in self.lines) + self.adjusted


@dataclass(frozen=True, slots=True)
class Difference:
    """Two periods beside each other, in fen; the parts sum to `fen`."""

    before: int
    now: int
    parts: tuple[Part, ...]

    @property
    def fen(self) -> int:
        return self.now - self.before


def difference(before: Side, now: Side) -> Difference:
    """What changed from one period to the next, fee item by fee item."""
    old, new = _by_item(before.lines), _by_item(now.lines)
    parts = [
        part
        for item in dict.fromkeys([*new, *old])
        for part in _of_item(item, old.get(item, []), new.get(item, []))
    ]
    parts.append(Part(Cause.ADJUSTMENT, None, now.adjusted - before.adjusted))
    return Difference(before.fen, now.fen, tuple(part for part in parts if part.fen))


def _by_item(lines: Iterable[Billed]) -> dict[int, list[Billed]]:
    found: dict[int, list[Billed]] = defaultdict(list)
    for line in lines:
        found[line.item].append(line)
    return found


def _of_item(item: int, old: list[Billed], new: list[Billed]) -> list[Part]:
    change = sum(line.fen for line in new) - sum(line.fen for line in old)
    if not old or not new:
        return [Part(Cause.OTHER, item, change)]
    methods = {line.method for line in [*old, *new]}
    if methods <= BY_SHARE:
        return [Part(Cause.SHARED, item, change)]
    if methods <= BY_METER and all(_is_one_usage(lines) for lines in (old, new)):
        return _metered(item, old, new, change)
    if len(methods) == 1 and methods <= BY_DAYS:
        return _by_days(item, old, new, change)
    return [Part(_by_another_standard(old, new), item, change)]


def _by_another_standard(old: list[Billed], new: list[Billed]) -> Cause:
    """The price if the tariff changed, else nothing that has a name."""
    same = {line.tariff for line in old} == {line.tariff for line in new}
    return Cause.OTHER if same else Cause.PRICE


class _Rate:
    """Lines that depend on days, as one product: months × area × price × factor, all exact."""

    def __init__(self, lines: Sequence[Billed]) -> None:
        months = [months_in(line.span) for line in lines]
        areas = [Fraction(line.quantity) * m for line, m in zip(lines, months, strict=True)]
        prices = [Fraction(line.price or 0) * a for line, a in zip(lines, areas, strict=True)]
        yuan = [Fraction(line.factor) * p for line, p in zip(lines, prices, strict=True)]
        self.months = sum(months, Fraction(0))
        self.area = sum(areas, Fraction(0)) / self.months
        # Where the weights are all 0, any mean will do: the product is 0 all the same.
        self.price = _mean(prices, areas, [Fraction(line.price or 0) for line in lines])
        self.factor = _mean(yuan, prices, [Fraction(line.factor) for line in lines])


def _mean(
    weighted: Sequence[Fraction], weights: Sequence[Fraction], plain: Sequence[Fraction]
) -> Fraction:
    whole = sum(weights, Fraction(0))
    return sum(weighted, Fraction(0)) / whole if whole else plain[0]


def _by_days(item: int, old: list[Billed], new: list[Billed], change: int) -> list[Part]:
    was, now = _Rate(old), _Rate(new)
    exact = {
        Cause.DAYS: (now.months - was.months) * was.area * was.price * was.factor,
        Cause.AREA: now.months * (now.area - was.area) * was.price * was.factor,
        Cause.PRICE: now.months * now.area * (now.price - was.price) * was.factor,
        Cause.VACANCY: now.months * now.area * now.price * (now.factor - was.factor),
    }
    fen = {cause: round_to_fen(yuan) for cause, yuan in exact.items()}
    # What rounding has left over belongs to the largest part: it can hide there.
    rest = change - sum(fen.values())
    if rest:
        largest = max(exact, key=lambda cause: abs(exact[cause]))
        cause = largest if exact[largest] else _by_another_standard(old, new)
        fen[cause] = fen.get(cause, 0) + rest
    return [
        Part(
            cause,
            item,
            amount,
            more=_more_days(old, new, amount) if cause is Cause.DAYS else None,
            prices=_prices(old, new) if cause is Cause.PRICE else None,
        )
        for cause, amount in fen.items()
    ]


def _more_days(old: list[Billed], new: list[Billed], fen: int) -> Decimal | None:
    """How many days more; None where it would seem to contradict the amount.

    28 days may be a month and 30 days of another less than one.
    """
    more = sum(line.days for line in new) - sum(line.days for line in old)
    return Decimal(more) if more * fen > 0 else None


def _prices(old: list[Billed], new: list[Billed]) -> tuple[Decimal, Decimal] | None:
    was, now = {line.price for line in old}, {line.price for line in new}
    if len(was) > 1 or len(now) > 1:
        return None
    first, last = was.pop(), now.pop()
    return (first, last) if first is not None and last is not None and first != last else None


def _is_one_usage(lines: list[Billed]) -> bool:
    """Whether the lines are the tiers of one usage, and its tariff is known."""
    return len({(line.tariff, line.span) for line in lines}) == 1 and bool(_tiers(lines[0]))


def _tiers(line: Billed) -> tuple[Tier, ...]:
    """One price is one tier without an end."""
    if line.tiers:
        return line.tiers
    return (Tier(None, line.price),) if line.price is not None else ()


def _metered(item: int, old: list[Billed], new: list[Billed], change: int) -> list[Part]:
    was, now = _tiers(old[0]), _tiers(new[0])
    used = sum((line.quantity for line in new), Decimal(0))
    more = used - sum((line.quantity for line in old), Decimal(0))
    months = months_in(old[0].span), months_in(new[0].span)
    at_old_price, for_new_months = (
        sum(part.fen for part in split_by_tiers(used, was, each)) for each in months
    )
    by_days = for_new_months - at_old_price
    by_price = sum(line.fen for line in new) - for_new_months if was != now else 0
    by_usage = change - by_days - by_price
    return [
        Part(Cause.USAGE, item, by_usage, more=more if more * by_usage > 0 else None),
        Part(Cause.DAYS, item, by_days),
        Part(
            Cause.PRICE,
            item,
            by_price,
            prices=_prices(old, new) if len(was) == len(now) == 1 else None,
        ),
    ]
