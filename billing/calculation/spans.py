"""Days and months. A span holds both its first and its last day."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

ONE_DAY = timedelta(days=1)
FOREVER = date.max


class Span(NamedTuple):
    """A run of days; ``end`` is its last day, FOREVER for an open one."""

    start: date
    end: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.start <= day <= self.end

    def meet(self, other: "Span") -> "Span | None":
        """The days in both, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start <= end else None


def day_before(day: date) -> date:
    """The day before, also of FOREVER's neighbours; date.min stays."""
    return day - ONE_DAY if day > date.min else day


def day_after(day: date) -> date:
    """The day after; FOREVER stays."""
    return day + ONE_DAY if day < FOREVER else day


def months_before(period: Span) -> Span:
    """Of a period of whole months: as many months, ending on the day before it."""
    end = day_before(period.start)
    last, first = period.end, period.start
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    year, month = divmod(first.year * 12 + first.month - 1 - count, 12)
    return Span(date(year, month + 1, 1), end)


def calendar_months(span: Span) -> Iterable[Span]:
    """The calendar months of a bounded span, each as far as it lies in it."""
    start = span.start
    while start <= span.end:
        last = start.replace(day=monthrange(start.year, start.month)[1])
        yield Span(start, min(last, span.end))
        start = day_after(last)


def month_parts(span: Span) -> Iterable[tuple[int, int]]:
    """For each calendar month of a bounded span: its days in the span, and all its days."""
    year, month = span.start.year, span.start.month
    while (year, month) <= (span.end.year, span.end.month):
        length = monthrange(year, month)[1]
        first = span.start.day if (year, month) == (span.start.year, span.start.month) else 1
        last = span.end.day if (year, month) == (span.end.year, span.end.month) else length
        yield last - first + 1, length
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


@lru_cache(maxsize=4096)
def months_in(span: Span) -> Fraction:
    """Months of a line: Σ over calendar months of its days ÷ the days of that month."""
    return sum((Fraction(days, length) for days, length in month_parts(span)), Fraction(0))
