"""Late fees (违约金): simple interest by the day on what was open at each day's start.

docs/domain.md: it starts the day after the due date and the days of grace, runs up to and including
the day of the money, and is rounded half up once per bill. Days in dispute never count. All amounts
are fen, the rate is a Decimal with at most six places; nothing here is ever a float.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from core.money import round_half_up, round_to_fen

DAY = datetime.timedelta(days=1)
_PLACES = 10**6


@dataclass(frozen=True)
class LateFeeRule:
    """Rate a day (0.0005 is 0.05 %), days of grace, and a cap as a share of the principal."""

    daily_rate: Decimal
    grace_days: int = 0
    cap: Decimal | None = None


@dataclass(frozen=True)
class Principal:
    """What a bill asked for without late fees, in fen, and how it shrank.

    `settled` says what money of which value date took off; taken back again it is negative.
    `held` are the spans in dispute, both days inclusive, the last day None while it goes on.
    """

    due_on: datetime.date
    fen: int
    settled: Sequence[tuple[datetime.date, int]] = ()
    held: Sequence[tuple[datetime.date, datetime.date | None]] = ()


class Stretch(NamedTuple):
    """So many days in a row, or apart, on which the same was open."""

    open_fen: int
    days: int


@dataclass(frozen=True)
class LateFee:
    """What has come together: fen, from which open amounts over how many days.

    `held_days` are the days on which something was open but in dispute; `capped` says that the cap
    and not the days made the amount.
    """

    fen: int = 0
    starts_on: datetime.date | None = None
    stretches: tuple[Stretch, ...] = ()
    held_days: int = 0
    capped: bool = False

    @property
    def days(self) -> int:
        return sum(stretch.days for stretch in self.stretches)


def first_day(due_on: datetime.date, rule: LateFeeRule) -> datetime.date:
    """The first day that counts."""
    return due_on + (rule.grace_days + 1) * DAY


def late_fee(principal: Principal, rule: LateFeeRule, on: datetime.date) -> LateFee:
    """The late fee of a bill from its first day up to and including `on`."""
    start = first_day(principal.due_on, rule)
    if on < start:
        return LateFee()
    days: dict[int, int] = defaultdict(int)  # open fen → days; insertion order is time
    held_days = 0
    for first, last, open_fen in _spans(principal, start, on):
        if open_fen <= 0:
            continue
        held = _days_held(principal.held, first, last)
        held_days += held
        days[open_fen] += (last - first).days + 1 - held
    stretches = tuple(Stretch(fen, n) for fen, n in days.items() if n)
    rate = int(rule.daily_rate * _PLACES)
    exact = sum(fen * n for fen, n in stretches) * rate
    fen = round_half_up(exact, _PLACES)
    capped = False
    if rule.cap is not None:
        most = round_to_fen(Fraction(principal.fen, 100) * Fraction(rule.cap))
        capped = fen > most
        fen = min(fen, most)
    return LateFee(fen, start, stretches, held_days, capped)


def _spans(
    principal: Principal, start: datetime.date, on: datetime.date
) -> Iterator[tuple[datetime.date, datetime.date, int]]:
    """(first day, last day, open fen) from `start` to `on`; money counts from the day after."""
    changes: dict[datetime.date, int] = defaultdict(int)
    open_fen = principal.fen
    for value_date, fen in principal.settled:
        if value_date < start:
            open_fen -= fen
        elif value_date < on:
            changes[value_date] += fen
    first = start
    for value_date in sorted(changes):
        yield first, value_date, open_fen
        first = value_date + DAY
        open_fen -= changes[value_date]
    yield first, on, open_fen


def _days_held(
    held: Iterable[tuple[datetime.date, datetime.date | None]],
    first: datetime.date,
    last: datetime.date,
) -> int:
    """How many days from `first` to `last` lie in at least one of the spans."""
    total, seen = 0, first - DAY
    for begins, ends in sorted(held, key=lambda span: span[0]):
        begins = max(begins, seen + DAY)
        ends = last if ends is None else min(ends, last)
        if begins <= ends:
            total += (ends - begins).days + 1
            seen = ends
    return total
