"""Charges by days: per m² and month (面积), per unit and month (户); or once (一次性)."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction

from billing.calculation.facts import Terms
from billing.calculation.spans import Span, month_parts, months_in
from billing.calculation.tariffs import Method, Rounding, Tariff
from core.money import round_half_up

ONE = Decimal(1)
# Area has 2 decimals, a price and a factor have 4, and a yuan has 100 fen.
_SCALE = 10 ** (2 + 4 + 4) // 100


class DayRate:
    """What a tariff comes to for a run of days, as integers: most units share it.

    ``terms.months`` is exact. ``fen(area)`` is remembered per area, since flats are alike.
    """

    __slots__ = ("_parts", "_remembered", "per_area", "terms")

    def __init__(self, tariff: Tariff, span: Span, *, vacant: bool) -> None:
        factor = tariff.vacancy_factor if vacant else ONE
        self.terms = Terms(tariff, span, tariff.price, months_in(span), factor)
        self.per_area = tariff.method is Method.AREA
        self._remembered: dict[Decimal, int] = {}
        price = _whole(tariff.price or Decimal(0), 4) * _whole(factor, 4)
        rounded_together = (
            Counter(Fraction(days, length) for days, length in month_parts(span))
            if tariff.rounding is Rounding.MONTHLY
            else {months_in(span): 1}
        )
        self._parts = [
            (price * months.numerator, _SCALE * months.denominator, count)
            for months, count in rounded_together.items()
        ]

    def fen(self, quantity: Decimal) -> int:
        """The charge in fen for m² (or for 1 unit), each part rounded half up once."""
        if quantity not in self._remembered:
            hundredths = _whole(quantity, 2)
            self._remembered[quantity] = sum(
                count * round_half_up(hundredths * rate, scale)
                for rate, scale, count in self._parts
            )
        return self._remembered[quantity]


def once(price: Decimal) -> int:
    """What a price of yuan, with at most 4 decimals, comes to where it is charged once, in fen."""
    return round_half_up(_whole(price, 4), 100)


def _whole(number: Decimal, places: int) -> int:
    """A number with at most so many decimals as an integer; ValueError if it has more."""
    scaled = number.scaleb(places)
    if scaled != int(scaled):
        raise ValueError(f"{number} has more than {places} decimals")
    return int(scaled)
