"""How each way of charging explains itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import groupby

from django.utils.translation import gettext as _

from billing.calculation import Span, parse_tiers
from billing.calculation.spans import month_parts
from billing.explanation import equations as eq
from billing.explanation.beside import words_beside_fees
from billing.explanation.readings import words_of_readings
from billing.explanation.tiers import TierOfUsage, quantity_in_tier, words_of_tier
from billing.models import Charge, MeterReading, MeterReplacement, Tariff
from core.money import to_fen

Method = Tariff.Method


@dataclass(frozen=True)
class Pool:
    """A shared cost as it was shared: yuan, over so many m² or units."""

    amount: Decimal
    whole: Decimal
    cost: int | None = None  # its id: the list by unit is open to everybody who shares it


@dataclass(frozen=True)
class Surroundings:
    """What a charge alone does not know."""

    tier: int = 0  # which line of its usage it is, from 0
    tiers_used: int = 1  # how many lines its usage has
    pools: Sequence[Pool] = ()
    readings: Sequence[MeterReading] = ()  # of its meter, in order of their days
    replacements: Sequence[MeterReplacement] = ()  # of its meter too


@dataclass(frozen=True)
class Explained:
    """A charge with the equations that lead to its amount, and what else there is to say.

    No equations: it was not computed (an opening balance), or what it was computed from is not
    fully on record.
    """

    charge: Charge
    equations: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cost: int | None = None  # the shared cost of which it is a share


def explain(charge: Charge, around: Surroundings) -> Explained:
    """The explanation of a charge whose tariff is loaded, in the language of the moment."""
    tariff = charge.tariff
    if charge.kind != Charge.Kind.FEE:
        return Explained(charge, notes=words_beside_fees(charge))
    if tariff is None:
        return Explained(charge)
    if tariff.method in {Method.AREA, Method.HOUSEHOLD}:
        return _by_days(charge, tariff)
    if tariff.method == Method.USAGE:
        return _by_usage(charge, around)
    if tariff.method == Method.TIERED:
        return _by_tier(charge, tariff, around)
    if tariff.method == Method.ONCE:
        return _once(charge)
    return _by_share(charge, tariff, around)


def _proven(charge: Charge, shown: Sequence[eq.Equation], *notes: str) -> Explained:
    """The explanation if its last equation gives the amount of the charge, else none."""
    if not shown or shown[-1].fen != to_fen(charge.amount):
        return Explained(charge)
    return Explained(charge, tuple(each.shown for each in shown), tuple(filter(None, notes)))


def _by_days(charge: Charge, tariff: Tariff) -> Explained:
    if charge.unit_price is None:
        return Explained(charge)
    parts = list(month_parts(Span(charge.starts_on, charge.ends_on)))
    rate = (
        [eq.square_metres(charge.quantity), eq.per_square_metre(charge.unit_price)]
        if tariff.method == Method.AREA
        else [eq.per_month(charge.unit_price)]
    )
    factor = [eq.plain(charge.factor)] if charge.factor != 1 else []
    vacant = (
        _("The unit was vacant: %(factor)s of the price is charged.")
        % {"factor": f"{eq.number(charge.factor * 100)} %"}
        if factor
        else ""
    )
    if tariff.rounding == Tariff.Rounding.MONTHLY and len(parts) > 1:
        return _month_by_month(charge, rate, parts, factor, vacant)
    return _proven(charge, [eq.product([*rate, eq.months(parts), *factor], charge.amount)], vacant)


def _month_by_month(
    charge: Charge,
    rate: list[eq.Term],
    parts: list[eq.MonthPart],
    factor: list[eq.Term],
    vacant: str,
) -> Explained:
    """Each month rounded by itself, months that come to the same told once, then the sum."""
    shown: list[eq.Equation] = []
    summed: list[tuple[int, Decimal]] = []
    for (days, length), alike in groupby(parts, key=_same_month):
        each = eq.product([*rate, eq.months([(days, length)]), *factor])
        if each not in shown:
            shown.append(each)
        summed.append((len(list(alike)), Decimal(each.fen).scaleb(-2)))
    note = _("Each month is rounded to the fen, then they are added.")
    return _proven(charge, [*shown, eq.total(summed, charge.amount)], note, vacant)


def _same_month(part: eq.MonthPart) -> eq.MonthPart:
    """Whole months come to the same whatever their length."""
    days, length = part
    return (1, 1) if days == length else part


def _by_usage(charge: Charge, around: Surroundings) -> Explained:
    if charge.unit_price is None:
        return Explained(charge)
    terms = [eq.cubic_metres(charge.quantity), eq.per_cubic_metre(charge.unit_price)]
    readings = _readings(charge, charge.quantity, around)
    return _proven(charge, [eq.product(terms, charge.amount)], *readings)


def _readings(charge: Charge, usage: Decimal | Fraction, around: Surroundings) -> tuple[str, ...]:
    """The two readings whose difference is the usage, if they are still on record."""
    return words_of_readings(
        usage,
        since=charge.starts_on,
        readings=around.readings,
        replacements=around.replacements,
    )


def _by_tier(charge: Charge, tariff: Tariff, around: Surroundings) -> Explained:
    tiers = parse_tiers(tariff.tiers)
    if around.tier >= len(tiers) or charge.unit_price is None:
        return Explained(charge)
    tier = TierOfUsage(
        above=(around.tier and tiers[around.tier - 1].upto) or Decimal(0),
        upto=tiers[around.tier].upto,
        is_last=around.tier == around.tiers_used - 1,
        months=eq.months(list(month_parts(Span(charge.starts_on, charge.ends_on)))),
    )
    quantity = quantity_in_tier(charge.quantity, tier)
    shown = eq.product([quantity, eq.per_cubic_metre(charge.unit_price)], charge.amount)
    usage = quantity.exact + Fraction(tier.above) * tier.months.exact
    readings = _readings(charge, usage, around) if tier.is_last else ()
    return _proven(charge, [shown], words_of_tier(around.tier + 1, tier), *readings)


def _once(charge: Charge) -> Explained:
    if charge.unit_price is None:
        return Explained(charge)
    terms = [eq.per_unit(charge.unit_price), eq.units(charge.quantity)]
    note = _("Charged once, in the period in which the fee standard begins.")
    return _proven(charge, [eq.product(terms, charge.amount)], note)


def _by_share(charge: Charge, tariff: Tariff, around: Surroundings) -> Explained:
    by_area = tariff.method == Method.SHARED_AREA
    for pool in around.pools:
        if not pool.whole:
            continue
        exact = Fraction(pool.amount) * Fraction(charge.quantity) / Fraction(pool.whole)
        # Largest remainder: a share is its exact value, less or more than a fen rounded away.
        if abs(exact * 100 - to_fen(charge.amount)) >= 1:
            continue
        share = (
            f"{eq.square_metres(charge.quantity).shown} ÷ {eq.square_metres(pool.whole).shown}"
            if by_area
            else _("1 unit ÷ %(n)s units") % {"n": eq.number(pool.whole)}
        )
        written = f"{eq.yuan(pool.amount).shown} × {share} = {eq.yuan(charge.amount).shown}"
        note = (
            _("Shared by area over all units it is for; the fen add up to the whole cost.")
            if by_area
            else _("Shared equally over all units it is for; the fen add up to the whole cost.")
        )
        return Explained(charge, (written,), (note,), pool.cost)
    return Explained(charge)
