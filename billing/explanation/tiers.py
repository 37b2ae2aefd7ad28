"""What of a usage lies in a tier, told exactly even where a bound is no round number.

A bound counts per month. For whole months what lies in a tier has 3 decimals, as the charge keeps
it; for part of a month (a transfer) it may not, and is told by the bound and the months instead.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.explanation import equations as eq
from core.money import round_half_up


@dataclass(frozen=True)
class TierOfUsage:
    """A tier that a usage reached: its bounds in m³ per month, and the months of the usage."""

    above: Decimal
    upto: Decimal | None
    is_last: bool  # the usage ends in this tier
    months: eq.Term


def quantity_in_tier(kept: Decimal, tier: TierOfUsage) -> eq.Term:
    """The exact m³ behind `kept`, which is rounded to 3 decimals."""
    lower = Fraction(tier.above) * tier.months.exact
    if not tier.is_last and tier.upto is not None:
        width = tier.upto - tier.above
        exact = Fraction(width) * tier.months.exact
        shown = f"{_bound(width)} × {tier.months.shown}"
    else:
        usage = _usage_behind(kept, lower)
        exact = Fraction(usage) - lower
        bound = f"{_bound(tier.above)} × {tier.months.shown}"
        shown = f"({eq.cubic_metres(usage).shown} − {bound})"
    return eq.cubic_metres(kept) if exact == kept else eq.Term(exact, shown)


def _usage_behind(kept: Decimal, lower: Fraction) -> Decimal:
    """The usage in m³ to 3 decimals whose part above `lower` was rounded to `kept`."""
    nearest = _thousandths(Fraction(kept) + lower)
    for usage in (nearest, nearest - 1, nearest + 1):
        if Decimal(_thousandths(Fraction(usage, 1000) - lower)).scaleb(-3) == kept:
            return Decimal(usage).scaleb(-3)
    return kept


def _thousandths(value: Fraction) -> int:
    return round_half_up(value.numerator * 1000, value.denominator)


def _bound(cubic_metres: Decimal) -> str:
    return _("%(n)s m³/month") % {"n": eq.number(cubic_metres)}


def words_of_tier(position: int, tier: TierOfUsage) -> str:
    """Which tier it is, counted from 1."""
    words = {"tier": position, "above": eq.number(tier.above), "months": tier.months.shown}
    if tier.upto is None:
        return _("Tier %(tier)s: what is above %(above)s m³ a month, for %(months)s.") % words
    words["upto"] = eq.number(tier.upto)
    return _("Tier %(tier)s: above %(above)s up to %(upto)s m³ a month, for %(months)s.") % words
