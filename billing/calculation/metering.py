"""Charges by meter: one price (用量) or tiers (阶梯)."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from billing.calculation.facts import Reading, Unit
from billing.calculation.spans import Span, day_before
from billing.calculation.tariffs import Tier
from billing.calculation.tenure import is_handed_over, payer_on
from core.money import round_half_up


class NoReading(Exception):
    """A reading that the usage of the period needs is missing; says which."""


class Usage(NamedTuple):
    """What one payer (None: nobody) used between two readings, billed for a run of days."""

    span: Span
    party: int | None
    since: Reading
    until: Reading

    @property
    def quantity(self) -> Decimal:
        """m³; negative if the meter ran backwards."""
        return self.until.value - self.since.value


def usages(unit: Unit, readings: Sequence[Reading], period: Span) -> list[Usage]:
    """The usage of a period from the latest reading before it to the latest inside it.

    One usage, paid by the payer at the period's end. A reading on the day when another payer took
    over, or the old one was gone and nobody came, splits it: each pays for his own. So does a
    reading at handover, before which a developer pays or nobody has used anything. Raises
    NoReading.
    """
    last = max((r for r in readings if r.day in period), default=None)
    if last is None:
        raise NoReading(f"{period.start} – {period.end}")
    base = max((r for r in readings if r.day < period.start), default=None)
    used: list[Usage] = []
    start = period.start
    for reading in sorted(r for r in readings if r.day in period):
        eve = day_before(reading.day)
        before, after = payer_on(unit, eve), payer_on(unit, reading.day)
        if before == after:
            continue
        if before is not None or is_handed_over(unit, eve):
            if base is None:
                raise NoReading(f"< {period.start}")
            # At a transfer on the period's first day the old payer's days lie before it.
            since = start if start <= eve else base.day
            used.append(Usage(Span(since, eve), before, base, reading))
            start = reading.day
        # Before handover nobody has used anything, and the line still runs from the first day.
        base = reading
    if base is None:
        raise NoReading(f"< {period.start}")
    used.append(Usage(Span(start, period.end), payer_on(unit, period.end), base, last))
    return used


# A day's usage above so many times the average of all that was measured before is looked at.
HIGH = 3


def unusually_high(readings: Sequence[Reading], period: Span) -> str:
    """What is high about the usage of a period, in m³ a day; empty if it is not.

    It is measured against all earlier intervals of the meter together, of which there must be one.
    """
    inside = [r for r in readings if r.day in period]
    before = [r for r in readings if r.day < period.start]
    if not inside or not before:
        return ""
    first, base, last = min(before), max(before), max(inside)
    days, earlier_days = (last.day - base.day).days, (base.day - first.day).days
    used, earlier = last.value - base.value, base.value - first.value
    if not earlier_days or used * earlier_days <= HIGH * max(earlier, Decimal(0)) * days:
        return ""
    return f"{used / days:.3f} > {HIGH} × {earlier / earlier_days:.3f} m³/d"


class TierUsage(NamedTuple):
    """What of a usage falls into a tier: m³ to 3 decimals, and what it costs in fen."""

    tier: Tier
    quantity: Decimal
    fen: int


def split_by_tiers(quantity: Decimal, tiers: Sequence[Tier], months: Fraction) -> list[TierUsage]:
    """Each tier that a usage reaches; the bounds count per month, and belong to the lower tier.

    ``quantity`` is m³ with at most 3 decimals, prices are yuan per m³ with at most 4.
    """
    # In units of 1 / (1000 · denominator of months) m³ everything is an integer.
    scale = 1000 * months.denominator
    used = int(quantity * scale)
    parts = []
    lower = 0
    for tier in tiers:
        upper = used if tier.upto is None else int(tier.upto * 1000) * months.numerator
        part = min(used, upper) - lower
        if part <= 0:
            break
        fen = round_half_up(part * int(tier.price * 10_000), scale * 100)
        shown = Decimal(round_half_up(part, months.denominator)).scaleb(-3)
        parts.append(TierUsage(tier, shown, fen))
        lower = upper
    return parts
