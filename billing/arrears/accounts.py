"""Who is in arrears: the accounts behind the sums, one page at a time."""

import datetime
from dataclasses import dataclass
from typing import Any

from billing.arrears.ageing import AGES, Aged
from billing.arrears.limitation import limit_of
from billing.arrears.sql import ACCOUNTS, rows
from community.models import Community

SORTS = {
    "amount": "total - age_0 DESC, total DESC",
    "oldest": "oldest",
    "unit": "unit.sort_key",
}
# Which accounts: any that is overdue, of one age, past the limit, or with anything open at all.
CHOICES = {
    "overdue": "total > age_0",
    "past": "past_limit > 0",
    "open": "TRUE",
    **{age.key: f"age_{number} > 0" for number, age in enumerate(AGES)},
}


@dataclass(frozen=True)
class InArrears:
    """An account with something open; `oldest` is the earliest due date."""

    account_id: int
    unit_id: int
    unit: str
    party_id: int
    name: str
    phone: str
    oldest: datetime.date
    aged: Aged

    @property
    def limit(self) -> datetime.date:
        """When the three years of the oldest amount end, unless a demand arrived since."""
        return limit_of(self.oldest)


def accounts_in_arrears(
    community: Community,
    day: datetime.date | None = None,
    *,
    building_id: int | None = None,
    which: str = "overdue",
    sort: str = "amount",
    limit: int | None = None,
    offset: int = 0,
) -> tuple[list[InArrears], int]:
    """Some of the accounts, and how many there are in all (one query).

    `which` and `sort` are keys of CHOICES and SORTS; KeyError for anything else. Past the end there
    are no accounts, and 0 of them.
    """
    sql = ACCOUNTS.replace("{chosen}", CHOICES[which]).replace("{order}", SORTS[sort])
    found = rows(sql, community, day, building=building_id, limit=limit, offset=offset)
    count = found[0][-1] if found else 0
    return [_read(row) for row in found], count


def _read(row: tuple[Any, ...]) -> InArrears:
    account, unit_id, unit, party, name, phone, oldest, _total, past, *amounts, _count = row
    aged = Aged(tuple(amounts), past)
    return InArrears(account, unit_id, unit, party, name, phone, oldest, aged)
