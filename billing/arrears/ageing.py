"""How old the arrears of a community are, by building."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _

from billing.arrears.sql import BY_BUILDING, DUE_DATES, rows
from community.models import Community
from core.money import ZERO


class Age(NamedTuple):
    """From so many days past the due date to so many, both inclusive; None: and longer."""

    least: int
    most: int | None

    @property
    def label(self) -> str:
        if self.least == 0:
            return _("not due")
        if self.most is None:
            return _("more than %(n)s days") % {"n": self.least - 1}
        return _("%(least)s–%(most)s days") % {"least": self.least, "most": self.most}

    @property
    def short(self) -> str:
        """For the head of a column, under "days past the due date"."""
        if self.least == 0:
            return _("not due")
        return f"> {self.least - 1}" if self.most is None else f"{self.least}–{self.most}"

    @property
    def key(self) -> str:
        """How the age is called in an address."""
        return str(self.least)


# Not due is what falls due on the day or later: a bill is late from the day after.
AGES = (
    Age(0, 0),
    Age(1, 30),
    Age(31, 60),
    Age(61, 90),
    Age(91, 180),
    Age(181, 365),
    Age(366, None),
)


@dataclass(frozen=True)
class Aged:
    """Open amounts in yuan by the ages of `AGES`, and what of the oldest is past three years."""

    amounts: tuple[Decimal, ...]
    past_limit: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return sum(self.amounts, ZERO)

    @property
    def overdue(self) -> Decimal:
        return sum(self.amounts[1:], ZERO)


@dataclass(frozen=True)
class OfBuilding:
    """The arrears of a building; `accounts` of them are overdue."""

    building_id: int
    code: str
    accounts: int
    aged: Aged


def ageing(community: Community, day: datetime.date | None = None) -> list[OfBuilding]:
    """The buildings with something open on a day (today), in natural order (one query)."""
    return [
        OfBuilding(building_id, code, accounts, Aged(tuple(amounts), past))
        for building_id, code, accounts, past, *amounts in rows(BY_BUILDING, community, day)
    ]


def sum_of(buildings: list[OfBuilding]) -> OfBuilding:
    """All buildings together."""
    columns = zip(*(building.aged.amounts for building in buildings), strict=True)
    amounts = tuple(sum(column, ZERO) for column in columns) or (ZERO,) * len(AGES)
    past = sum((building.aged.past_limit for building in buildings), ZERO)
    accounts = sum(building.accounts for building in buildings)
    return OfBuilding(0, "", accounts, Aged(amounts, past))


def open_by_due_date(
    community: Community, day: datetime.date | None = None
) -> dict[datetime.date, Decimal]:
    """What is open in all, in yuan, by due date."""
    return dict(rows(DUE_DATES, community, day))
