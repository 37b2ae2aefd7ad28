"""Quarters counted back from today."""

import datetime
from dataclasses import dataclass
from functools import cached_property

ISSUED_AFTER = datetime.timedelta(days=4)  # a quarter is billed on the 5th day after it
PAYABLE = datetime.timedelta(days=40)
LAST_IS_DUE_IN = datetime.timedelta(days=12)  # so that the newest bill is not overdue yet


@dataclass(frozen=True)
class Quarter:
    """A quarter that is over: its first day, and the day on which the demo is made."""

    starts_on: datetime.date
    today: datetime.date
    is_last: bool

    @property
    def ends_on(self) -> datetime.date:
        return first_of_next(self.starts_on) - datetime.timedelta(days=1)

    @cached_property
    def issued_on(self) -> datetime.date:
        return min(self.ends_on + ISSUED_AFTER, self.today)

    @cached_property
    def due_on(self) -> datetime.date:
        if self.is_last:
            return self.today + LAST_IS_DUE_IN
        return self.issued_on + PAYABLE


def quarters_before(today: datetime.date, count: int) -> list[Quarter]:
    """The last `count` quarters that are over on `today`, the oldest first."""
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    starts = []
    for _ in range(count):
        before = first - datetime.timedelta(days=1)
        first = before.replace(month=before.month - 2, day=1)
        starts.append(first)
    newest = starts[0]
    return [Quarter(start, today, start == newest) for start in reversed(starts)]


def first_of_next(start: datetime.date) -> datetime.date:
    """The first day of the quarter after the one that begins on `start`."""
    return (start + datetime.timedelta(days=93)).replace(day=1)
