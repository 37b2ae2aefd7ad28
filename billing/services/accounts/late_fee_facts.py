"""What late fees are computed from, read set-wise: two queries for any number of bills."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from billing.calculation.late_fee import LateFeeRule, Principal
from core.money import to_fen

# Bills whose days of grace are over before the day asked for. The policy in force on a bill's due
# date holds for it to its end.
_BILLS = """
    SELECT b.id, b.account_id, a.community_id, b.due_on, b.amount, p.daily_rate, p.grace_days, p.cap
    FROM unnest(%(bills)s::bigint[], %(days)s::date[]) AS asked (bill_id, day)
    JOIN billing_bill b ON b.id = asked.bill_id
    JOIN billing_account a ON a.id = b.account_id
    JOIN billing_latefeepolicy p ON p.community_id = a.community_id
        AND b.due_on >= p.starts_on AND (p.ends_on IS NULL OR b.due_on <= p.ends_on)
    WHERE b.due_on + p.grace_days < asked.day AND p.daily_rate > 0
"""

# A line that was taken back was never owed: it counts from the beginning. Everything else counts
# from its value date, whenever it was matched.
_FACTS = """
    SELECT c.bill_id, CASE WHEN e.kind = 'reversal' THEN 'reversed' ELSE 'settled' END,
           e.value_date, NULL::date, SUM(l.amount)
    FROM billing_charge c
    JOIN billing_allocation l ON l.charge_id = c.id
    JOIN billing_creditentry e ON e.id = l.credit_entry_id
    WHERE c.bill_id = ANY(%(bills)s) AND c.kind <> 'late_fee'
    GROUP BY 1, 2, 3
  UNION ALL
    SELECT bill_id, 'held', starts_on, ends_on, 0
    FROM billing_disputehold WHERE bill_id = ANY(%(bills)s)
  UNION ALL
    SELECT bill_id, 'posted', MAX(ends_on), NULL, SUM(amount)
    FROM billing_charge WHERE bill_id = ANY(%(bills)s) AND kind = 'late_fee'
    GROUP BY bill_id
  UNION ALL
    SELECT c.bill_id, CASE WHEN e.adjustment_id IS NULL THEN 'taken back' ELSE 'waived' END,
           NULL, NULL, SUM(l.amount)
    FROM billing_charge c
    JOIN billing_allocation l ON l.charge_id = c.id
    JOIN billing_creditentry e ON e.id = l.credit_entry_id
    WHERE c.bill_id = ANY(%(bills)s) AND c.kind = 'late_fee' AND e.charge_id = c.id
    GROUP BY 1, 2
"""


@dataclass
class LateBill:
    """A bill that is late, with everything that its late fee depends on; amounts in fen."""

    bill_id: int
    account_id: int
    community_id: int
    due_on: datetime.date
    fen: int
    rule: LateFeeRule
    settled: list[tuple[datetime.date, int]] = field(default_factory=list)
    held: list[tuple[datetime.date, datetime.date | None]] = field(default_factory=list)
    posted: int = 0
    posted_until: datetime.date | None = None
    taken_back: int = 0
    waived: int = 0

    @property
    def principal(self) -> Principal:
        return Principal(self.due_on, self.fen, self.settled, self.held)

    @property
    def standing(self) -> int:
        """What was posted and not taken back; a waiver does not make it accrue again."""
        return self.posted - self.taken_back

    def add(self, what: str, day: Any, until: Any, fen: int) -> None:
        """One row of `_FACTS`."""
        if what == "settled":
            self.settled.append((day, fen))
        elif what == "reversed":
            self.fen -= fen
        elif what == "held":
            self.held.append((day, until))
        elif what == "posted":
            self.posted, self.posted_until = fen, day
        elif what == "taken back":
            self.taken_back = fen
        else:
            self.waived = fen


def late_bills(days: Mapping[int, datetime.date]) -> dict[int, LateBill]:
    """Those of the bills that are past their days of grace on the day asked for each."""
    if not days:
        return {}
    found: dict[int, LateBill] = {}
    with connection.cursor() as cursor:
        cursor.execute(_BILLS, {"bills": list(days), "days": list(days.values())})
        for pk, account, community, due_on, amount, rate, grace, cap in cursor.fetchall():
            rule = LateFeeRule(rate, grace, cap)
            found[pk] = LateBill(pk, account, community, due_on, to_fen(amount), rule)
        if found:
            _add_facts(cursor, found)
    return found


def _add_facts(cursor: Any, bills: dict[int, LateBill]) -> None:
    wanted: Collection[int] = list(bills)
    cursor.execute(_FACTS, {"bills": wanted})
    for bill_id, what, day, until, amount in cursor.fetchall():
        bills[bill_id].add(what, day, until, to_fen(amount))
