"""The queries of the ageing: each reads charges and allocations set-wise, whatever their number.

Most charges were settled by one allocation of just their amount, and are out at once. What is left
are few: of them the allocations are summed, and asked whose they are.
"""

import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from community.models import Community, today

# A fee counts from its bill's issue, a late fee from the last day it was computed for, what is on
# no bill from its first day; money counts from its value date.
_KNOWN = """CASE
        WHEN c.kind = 'late_fee' THEN c.ends_on <= %(day)s
        WHEN b.id IS NULL THEN c.starts_on <= %(day)s
        ELSE b.issued_at < %(end)s END
"""
_PAID = """JOIN billing_creditentry e ON e.id = l.credit_entry_id AND e.value_date <= %(day)s"""

# {paid} and {known} are empty for today: whatever is on record counts, whatever day it bears.
# A charge whose settling was undone is looked at too: it may have been settled whole before that.
_OPEN = """
    WITH allocated AS NOT MATERIALIZED (
        SELECT l.charge_id, l.amount FROM billing_allocation l {paid}
    ), looked_at AS MATERIALIZED (
        SELECT c.* FROM billing_charge c
        WHERE NOT EXISTS (
            SELECT 1 FROM allocated s WHERE s.charge_id = c.id AND s.amount = c.amount)
      UNION ALL
        SELECT c.* FROM billing_charge c
        WHERE c.id IN (SELECT charge_id FROM billing_allocation WHERE undoes_id IS NOT NULL)
            AND EXISTS (
                SELECT 1 FROM allocated s WHERE s.charge_id = c.id AND s.amount = c.amount)
    ), settled AS (
        SELECT l.charge_id, SUM(l.amount) AS amount
        FROM looked_at JOIN billing_allocation l ON l.charge_id = looked_at.id {paid}
        GROUP BY l.charge_id
    )
    SELECT c.account_id, COALESCE(b.due_on, c.due_on, c.starts_on) AS due,
        c.amount - COALESCE(settled.amount, 0) AS amount
    FROM looked_at c
    LEFT JOIN settled ON settled.charge_id = c.id
    JOIN billing_account a ON a.id = c.account_id AND a.community_id = %(community)s
    LEFT JOIN billing_bill b ON b.id = c.bill_id
    WHERE c.amount > COALESCE(settled.amount, 0) {known}
"""

DUE_DATES = "SELECT due, SUM(amount) FROM ({open}) open GROUP BY due ORDER BY due"

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
    FROM ({{open}}) open
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

# {chosen} and {order} come from fixed lists, never from outside.
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
    """The rows of one of the queries above on a day (today). `more` are its parameters."""
    on = day or today()
    midnight = datetime.datetime.combine(on + datetime.timedelta(days=1), datetime.time())
    parameters: dict[str, Any] = {
        "community": community.pk,
        "day": on,
        "end": timezone.make_aware(midnight),
    }
    is_past = on < today()
    opened = _OPEN.format(paid=_PAID if is_past else "", known=f"AND ({_KNOWN})" if is_past else "")
    with transaction.atomic(), connection.cursor() as cursor:
        # Sums and joins of a whole community stay in memory instead of going through files.
        cursor.execute("SET LOCAL work_mem = '128MB'")
        cursor.execute(sql.replace("{open}", opened), parameters | more)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
