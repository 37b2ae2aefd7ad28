"""Which days of a channel a payout at the bank pays for. Pure: no database.

A channel pays the net of a day some days later, or that of several days at once: after a holiday,
or because refunds made a day negative and it waited for the next. So a payout fits a run of
outstanding days that follow each other and together are exactly its amount. It is matched only
when there is one such run and no other payout wants a day of it; else a person decides.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO

# The longest holidays have eight days, and the days before and after them are worked.
REACH = datetime.timedelta(days=14)


@dataclass(frozen=True)
class AccountDay:
    """A day of a merchant account with what is outstanding of its net, in yuan."""

    account: tuple[str, str]  # provider and merchant account
    day: datetime.date
    outstanding: Decimal


@dataclass(frozen=True)
class Payout:
    """A line of the bank: who sent it, when it came, how much, in yuan."""

    id: int
    provider: str
    booked_on: datetime.date
    amount: Decimal


Run = tuple[AccountDay, ...]


def runs_that_fit(payout: Payout, days: Iterable[AccountDay]) -> list[Run]:
    """Every run of outstanding days before the payout that is exactly its amount."""
    near: dict[tuple[str, str], list[AccountDay]] = {}
    for one in sorted(days, key=lambda day: (day.account, day.day)):
        in_reach = payout.booked_on - REACH <= one.day < payout.booked_on
        if one.account[0] == payout.provider and in_reach and one.outstanding:
            near.setdefault(one.account, []).append(one)
    return [run for row in near.values() for run in _runs(row, payout.amount)]


def _runs(days: Sequence[AccountDay], amount: Decimal) -> Iterator[Run]:
    for first in range(len(days)):
        total = ZERO
        for last in range(first, len(days)):
            total += days[last].outstanding
            if total == amount:
                yield tuple(days[first : last + 1])


def match(payouts: Sequence[Payout], days: Iterable[AccountDay]) -> dict[int, Run]:
    """The runs of the payouts that leave no doubt, by the payout's id."""
    days = list(days)
    fits = {one.id: runs_that_fit(one, days) for one in payouts}
    found: dict[int, Run] = {}
    while sure := _sure(fits):
        found |= sure
        taken = {day for run in sure.values() for day in run}
        fits = {
            key: [run for run in runs if taken.isdisjoint(run)]
            for key, runs in fits.items()
            if key not in sure
        }
    return found


def _sure(fits: dict[int, list[Run]]) -> dict[int, Run]:
    """Payouts with one run only, of which no other such payout wants a day."""
    single = {key: runs[0] for key, runs in fits.items() if len(runs) == 1}
    wanted = [day for run in single.values() for day in run]
    return {key: run for key, run in single.items() if all(wanted.count(day) == 1 for day in run)}


def shares(parts: Sequence[tuple[int, Decimal]], amount: Decimal) -> list[tuple[int, Decimal]]:
    """`amount` over days that want (id, yuan): each gets its own, the last the difference too."""
    found = dict(parts)
    found[parts[-1][0]] += amount - sum(found.values(), ZERO)
    return list(found.items())


def working_days_after(day: datetime.date, count: int) -> datetime.date:
    """The day `count` working days after `day`: Monday to Friday, holidays are not known."""
    while count:
        day += datetime.timedelta(days=1)
        count -= day.weekday() < 5
    return day
