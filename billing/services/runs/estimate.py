"""What the months to come will cost, by the fee standards that are known today.

For paying ahead. Only what is charged by days (面积, 户) can be told beforehand: usage and shared
costs are known when they have happened.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.db.models import Max

from billing import calculation as calc
from billing.calculation.spans import ONE_DAY
from billing.calculation.tariffs import BY_DAYS
from billing.explanation.charges import Explained, Surroundings, explain
from billing.models import Account, BillingPeriod, BillingSettings, Charge, CreditEntry, Tariff
from billing.services.runs import facts
from community.models import today
from core.money import ZERO, from_fen

# As far as anybody pays ahead; the prices of later years are anybody's guess.
MOST_MONTHS = 36


@dataclass(frozen=True)
class Line:
    """One line of a bill to come: a charge that is on no bill yet, explained."""

    explained: Explained

    @property
    def charge(self) -> Charge:
        """Not saved: it has no id, and must not get one."""
        return self.explained.charge


@dataclass(frozen=True)
class Estimate:
    """What `months` whole months will cost, in yuan. Both days inclusive."""

    starts_on: datetime.date
    ends_on: datetime.date
    months: int
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        return sum((line.charge.amount for line in self.lines), ZERO)


@dataclass(frozen=True)
class Coverage:
    """How far a credit reaches: whole months that it covers, to `until`; None: not even one."""

    credit: Decimal
    months: int
    until: datetime.date | None


def first_unbilled_day(account: Account, on: datetime.date) -> datetime.date:
    """The first of the month after all that is billed to the unit; of this month if nothing is."""
    periods = BillingPeriod.objects.filter(community=account.community_id, issued_at__isnull=False)
    # Who moved in or out lately may have been billed for more, or reversed for a part of it.
    charges = Charge.objects.filter(
        account__unit=account.unit_id,
        account__party=account.party_id,
        kind=Charge.Kind.FEE,
        tariff__method__in=[m.value for m in BY_DAYS],
    ).exclude(lessened_by__kind=CreditEntry.Kind.REVERSAL)
    ends = [
        periods.aggregate(last=Max("ends_on"))["last"],
        charges.aggregate(last=Max("ends_on"))["last"],
    ]
    last = max((day for day in ends if day), default=on.replace(day=1) - ONE_DAY)
    return (last + ONE_DAY) if (last + ONE_DAY).day == 1 else _next_month(last)


class Ahead:
    """The months after what is billed, for one account, looked at in several ways: read once.

    They begin after what is billed to this day, `on` (today) if nothing is. They are billed in the
    community's periods, so that what is prepaid is what the bills will say, to the fen. Somebody
    who does not pay for the unit then has no lines.
    """

    def __init__(self, account: Account, on: datetime.date | None = None) -> None:
        on = on or today()
        self.account = account
        self.start = first_unbilled_day(account, on)
        self.cycle = BillingSettings.of(account.community).cycle
        longest = calc.Span(self.start, _last_day(self.start, MOST_MONTHS))
        self._tariffs = [
            tariff
            for tariff in facts.tariffs_of(account.community, longest)
            if tariff.method in BY_DAYS
        ]
        self._of_tariff = Tariff.objects.select_related("fee_item").in_bulk(
            [t.id for t in self._tariffs]
        )
        (self._unit,) = facts.AskedUnits([account.unit_id], longest).load()
        self._known: dict[calc.Span, list[Line]] = {}

    def estimate(self, months: int) -> Estimate:
        """What the first `months` of them will cost; ValueError unless 1 ≤ months ≤ MOST_MONTHS."""
        if not 1 <= months <= MOST_MONTHS:
            raise ValueError(f"{months} months: from 1 to {MOST_MONTHS}")
        end = _last_day(self.start, months)
        lines = [
            line
            for period in _periods(calc.Span(self.start, end), self.cycle)
            for line in self._lines(period)
        ]
        return Estimate(self.start, end, months, tuple(lines))

    def covered_by(self, credit: Decimal) -> Coverage:
        """How many of them `credit` yuan will pay for, MOST_MONTHS at most."""
        reached = Coverage(credit, 0, None)
        for months in range(1, MOST_MONTHS + 1):
            estimate = self.estimate(months)
            if not estimate.total or estimate.total > credit:
                break
            reached = Coverage(credit, months, estimate.ends_on)
        return reached

    def _lines(self, period: calc.Span) -> list[Line]:
        if period not in self._known:
            calculator = calc.Calculator(period=period, tariffs=self._tariffs)
            self._known[period] = [
                Line(explain(self._charge(line), Surroundings()))
                for line in calculator.bill(self._unit).lines
                if line.party == self.account.party_id
            ]
        return self._known[period]

    def _charge(self, line: calc.Line) -> Charge:
        terms = line.terms
        tariff = self._of_tariff[terms.tariff.id]
        return Charge(
            account=self.account,
            kind=Charge.Kind.FEE,
            fee_item=tariff.fee_item,
            tariff=tariff,
            starts_on=terms.span.start,
            ends_on=terms.span.end,
            quantity=line.quantity,
            unit_price=terms.price,
            months=None if terms.months is None else _decimal(terms.months),
            factor=terms.factor,
            amount=from_fen(line.fen),
        )


def _decimal(months: Fraction) -> Decimal:
    return round(Decimal(months.numerator) / Decimal(months.denominator), 6)


def _periods(span: calc.Span, cycle: int) -> Iterator[calc.Span]:
    """The community's periods in a span of whole months, which may begin inside one."""
    start = span.start
    while start <= span.end:
        left = cycle - (start.month - 1) % cycle  # months to the end of this period
        end = min(_last_day(start, left), span.end)
        yield calc.Span(start, end)
        start = end + ONE_DAY


def _last_day(first: datetime.date, months: int) -> datetime.date:
    """The last day of so many months from the first of one."""
    for _month in range(months):
        first = _next_month(first)
    return first - ONE_DAY


def _next_month(day: datetime.date) -> datetime.date:
    """The first of the month after a day's."""
    return (day.replace(day=28) + 4 * ONE_DAY).replace(day=1)
