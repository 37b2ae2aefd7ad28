"""The general limitation period (诉讼时效): three years."""

import datetime
from dataclasses import dataclass

from billing.models import Account
from community.models import today

YEARS = 3
NEAR = datetime.timedelta(days=180)


def limit_of(due_on: datetime.date) -> datetime.date:
    """The last day of the three years that begin the day after `due_on`, if nothing interrupts.

    Civil Code art. 188 (three years), 201 (the first day is not counted), 202 (the corresponding
    day ends a period of years; where there is none, the last day of the month). A demand that
    arrived begins them anew (art. 195).
    """
    try:
        return due_on.replace(year=due_on.year + YEARS)
    except ValueError:  # 29 February
        return due_on.replace(year=due_on.year + YEARS, day=28)


@dataclass(frozen=True)
class Limit:
    """The three years of the oldest open charge of an account."""

    due_on: datetime.date
    ends_on: datetime.date

    @property
    def is_past(self) -> bool:
        return self.ends_on < today()

    @property
    def is_near(self) -> bool:
        """Whether half a year or less is left: time for a demand."""
        return not self.is_past and self.ends_on - today() <= NEAR


def limit_of_account(account: Account) -> Limit | None:
    """The limit of an account of `with_oldest_due`; None if nothing is overdue."""
    due_on: datetime.date | None = account.oldest_due  # type: ignore[attr-defined]
    return Limit(due_on, limit_of(due_on)) if due_on and due_on < today() else None
