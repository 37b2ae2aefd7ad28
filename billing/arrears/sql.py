"""The queries of the ageing: each sums whole tables once, whatever the number of accounts.

A bill's amount is the sum of its fees, so bills are read instead of their lines; late fees, and
charges without a bill, are added. What is settled is taken off under the due date of what it
settled. Within an account and a due date nothing is below zero, so nothing is hidden by the sum.
"""

import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from community.models import Community, today

_OF_COMMUNITY = "JOIN billing_account a ON a.id = {}.account_id AND a.community_id = %(community)s"

# A fee counts from its bill's issue, a late fee from the last day it was computed for.
_KNOWN = """
    (NOT %(is_past)s OR CASE
        WHEN c.kind = 'late_fee' THEN c.ends_on <= %(day)s
        WHEN b.id IS NULL THEN c.starts_on <= %(day)s
        ELSE b.issued_at < %(end)s END)
"""

_MOVES = f"""
    SELECT b.account_id, b.due_on AS due, b.amount
    FROM billing_bill b {_OF_COMMUNITY.format("b")}
    WHERE NOT %(is_past)s OR b.issued_at < %(end)s
  UNION ALL
    SELECT c.account_id, COALESCE(b.due_on, c.due_on, c.starts_on), c.amount
    FROM billing_charge c {_OF_COMMUNITY.format("c")}
    LEFT JOIN billing_bill b ON b.id = c.bill_id
    WHERE (c.bill_id IS NULL OR c.kind = 'late_fee') AND {_KNOWN}
  UNION ALL
    SELECT c.account_id, COALESCE(b.due_on, c.due_on, c.starts_on), -l.amount
    FROM billing_allocation l
    JOIN billing_charge c ON c.id = l.charge_id {_OF_COMMUNITY.format("c")}
    LEFT JOIN billing_bill b ON b.id = c.bill_id
    WHERE {_KNOWN} AND (NOT %(is_past)s OR EXISTS (
        SELECT 1 FROM billing_creditentry e
        WHERE e.id = l.credit_entry_id AND e.value_date <= %(day)s))
"""

DUE_DATES = f"""
    SELECT due, SUM(amount) FROM ({_MOVES}) moves GROUP BY due HAVING SUM(amount) <> 0 ORDER BY due
"""

_AGE = "%(day)s::date - due"
_BOUNDS = ((None, 0), (1, 30), (31, 60), (61, 90), (91, 180), (181, 365), (366, None))


def _within(least: int | None, most: int | None) -> str:
    if least is None:
        return f"{_AGE} <= {most}"
    return f"{_AGE} >= {least}" if most is None else f"{_AGE} BETWEEN {least} AND {most}"


_COLUMNS = [f"age_{number}" for number in range(len(_BOUNDS))]
_SUMS = ",\n        ".join(
    f"COALESCE(SUM(amount) FILTER (WHERE {_within(*bounds)}), 0) AS {column}"
    for column, bounds in zip(_COLUMNS, _BOUNDS, strict=True)
)

# One row an account with anything open: its sums by age, what is past three years, the oldest day.
_AGED = f"""
    SELECT account_id,
        {_SUMS},
        COALESCE(SUM(amount) FILTER (
            WHERE due + INTERVAL '3 years' < %(day)s::date), 0) AS past_limit,
        MIN(due) AS oldest, SUM(amount) AS total
    FROM (
        SELECT account_id, due, SUM(amount) AS amount
        FROM ({_MOVES}) moves GROUP BY account_id, due HAVING SUM(amount) > 0
    ) open
    GROUP BY account_id
"""

_OPEN_SUMS = ", ".join(f"SUM({column})" for column in _COLUMNS)

BY_BUILDING = f"""
    SELECT building.id, building.code, COUNT(*) FILTER (WHERE total > age_0), SUM(past_limit),
        {_OPEN_SUMS}
    FROM ({_AGED}) aged
    JOIN billing_account a ON a.id = aged.account_id
    JOIN community_unit unit ON unit.id = a.unit_id
    JOIN community_building building ON building.id = unit.building_id
    GROUP BY building.id, building.code
    ORDER BY MIN(unit.sort_key)
"""

# {{order}} comes from a fixed list, never from outside.
ACCOUNTS = f"""
    SELECT aged.account_id, a.unit_id, unit.code, party.id, party.name, party.phone,
        oldest, total, past_limit, {", ".join(_COLUMNS)}, COUNT(*) OVER ()
    FROM ({_AGED}) aged
    JOIN billing_account a ON a.id = aged.account_id
    JOIN community_unit unit ON unit.id = a.unit_id
    JOIN community_party party ON party.id = a.party_id
    WHERE (%(building)s::bigint IS NULL OR unit.building_id = %(building)s)
        AND {{chosen}}
    ORDER BY {{order}}, unit.sort_key, aged.account_id
    LIMIT %(limit)s OFFSET %(offset)s
"""


def rows(
    sql: str, community: Community, day: datetime.date | None = None, **more: Any
) -> list[tuple[Any, ...]]:
    """The rows of one of the queries above on a day (today)."""
    on = day or today()
    midnight = datetime.datetime.combine(on + datetime.timedelta(days=1), datetime.time())
    parameters: dict[str, Any] = {
        "community": community.pk,
        "day": on,
        # Whatever is on record today counts today, whatever day it bears.
        "is_past": on < today(),
        "end": timezone.make_aware(midnight),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters | more)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
