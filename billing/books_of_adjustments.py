"""What must hold of adjustments, late fees and discounts, for verify_books.

late fees of a bill     ≤ what its days make under the rule of its due date, or what was waived
approved adjustment     = Σ its credit entries, all of its line; or its charge
waiver, write-off       has an approved adjustment; a discount that, or an offer that was earned
discount of an offer    ≤ its percentage of what stands of its lines, and settles these to the fen
"""

import datetime
from collections.abc import Iterator

from django.db import connection

from billing.books import ASKED_FOR, OF_ACCOUNT, account_rule
from billing.calculation.late_fee import late_fee
from billing.services.accounts.late_fee_facts import late_bills
from core.books import rule
from core.money import plain_fen

account_rule(
    "a_late_fee_stands_on_a_bill_with_a_rule",
    select="'charge ' || x.id",
    source="billing_charge x LEFT JOIN billing_bill b ON b.id = x.bill_id",
    account="x.account_id",
    broken="""x.kind = 'late_fee' AND (b.id IS NULL OR NOT EXISTS (
        SELECT 1 FROM billing_latefeepolicy p
        WHERE p.community_id = a.community_id AND b.due_on >= p.starts_on
          AND (p.ends_on IS NULL OR b.due_on <= p.ends_on)
          AND x.ends_on > b.due_on + p.grace_days))""",
)
account_rule(
    "an_approved_adjustment_is_what_it_posted",
    select="'adjustment ' || x.id || ': ' || x.amount || ' ≠ ' || COALESCE(e.total, k.amount, 0)",
    source="""billing_adjustment x
        LEFT JOIN (
            SELECT e.adjustment_id, SUM(e.amount) total,
                   COUNT(*) FILTER (WHERE e.charge_id IS DISTINCT FROM j.lessens_id
                                       OR e.account_id <> j.account_id) astray
            FROM billing_creditentry e JOIN billing_adjustment j ON j.id = e.adjustment_id
            WHERE e.amount > 0 GROUP BY e.adjustment_id
        ) e ON e.adjustment_id = x.id
        LEFT JOIN billing_charge k ON k.id = x.charge_id""",
    account="x.account_id",
    broken="""CASE
        WHEN x.state <> 'approved' THEN e.adjustment_id IS NOT NULL OR k.id IS NOT NULL
        WHEN x.kind = 'extra' THEN
            (k.amount, k.account_id, k.kind) IS DISTINCT FROM (x.amount, x.account_id, 'extra')
        ELSE e.total IS DISTINCT FROM x.amount OR e.astray > 0 END""",
)
account_rule(
    "an_adjustment_was_decided_by_another_person",
    select="'adjustment ' || x.id",
    source="billing_adjustment x",
    account="x.account_id",
    broken="""x.state IN ('approved', 'rejected')
        AND (x.decided_by_id IS NULL OR x.decided_by_id = x.requested_by_id)""",
)
account_rule(
    "an_extra_charge_was_approved",
    select="'charge ' || x.id",
    source="billing_charge x LEFT JOIN billing_adjustment j ON j.charge_id = x.id",
    account="x.account_id",
    broken="x.kind = 'extra' AND j.state IS DISTINCT FROM 'approved'",
)
account_rule(
    "what_is_waived_or_given_up_was_approved",
    select="x.kind || ' ' || x.id || ': ' || x.amount",
    source="billing_creditentry x LEFT JOIN billing_adjustment j ON j.id = x.adjustment_id",
    account="x.account_id",
    # A line that is taken back as a whole takes its waiver along: a counter-entry of its own.
    broken="""x.kind IN ('waiver', 'write_off') AND x.reverses_id IS NULL
        AND j.state IS DISTINCT FROM 'approved'""",
)
account_rule(
    "a_discount_was_approved_or_earned",
    select="'entry ' || x.id || ': ' || x.amount",
    source="""billing_creditentry x
        LEFT JOIN billing_adjustment j ON j.id = x.adjustment_id
        LEFT JOIN billing_offeruse o ON o.credit_entry_id = x.id""",
    account="x.account_id",
    broken="""x.kind = 'discount' AND x.reverses_id IS NULL
        AND j.state IS DISTINCT FROM 'approved'
        AND (o.id IS NULL OR o.account_id <> x.account_id)
        AND NOT EXISTS (SELECT 1 FROM billing_creditentry t WHERE t.reverses_id = x.id)""",
)
account_rule(
    "a_discount_is_what_its_offer_gives_for_what_stands",
    select="""'offer ' || f.id || ', entry ' || e.id || ': ' || e.amount || ' > ' || f.percent
        || ' %% of ' || s.base || ', or on its lines only ' || s.settled""",
    source="""billing_offeruse x
        JOIN billing_creditentry e ON e.id = x.credit_entry_id
        JOIN billing_earlypaymentoffer f ON f.id = x.offer_id
        CROSS JOIN LATERAL (
            SELECT
                COALESCE(SUM(k.amount - COALESCE((
                    SELECT SUM(n.amount) FROM billing_creditentry n WHERE n.charge_id = k.id
                ), 0)), 0) base,
                COALESCE(SUM((
                    SELECT SUM(l.amount) FROM billing_allocation l
                    WHERE l.charge_id = k.id AND l.credit_entry_id = e.id
                )), 0) settled
            FROM billing_charge k
            JOIN billing_earlypaymentoffer_fee_items i
                ON i.earlypaymentoffer_id = f.id AND i.feeitem_id = k.fee_item_id
            WHERE k.account_id = x.account_id AND k.kind = 'fee'
              AND k.starts_on >= f.starts_on AND k.ends_on <= f.ends_on
              AND NOT EXISTS (
                  SELECT 1 FROM billing_creditentry r
                  WHERE r.charge_id = k.id AND r.kind = 'reversal' AND r.reverses_id IS NULL)
        ) s""",
    account="x.account_id",
    broken="""(e.amount > round(s.base * f.percent / 100, 2) OR s.settled <> e.amount)
        AND NOT EXISTS (SELECT 1 FROM billing_creditentry t WHERE t.reverses_id = e.id)""",
)
account_rule(
    "an_offer_was_earned_in_time",
    select="'offer ' || f.id || ', entry ' || e.id",
    source="""billing_offeruse x
        JOIN billing_creditentry e ON e.id = x.credit_entry_id
        JOIN billing_earlypaymentoffer f ON f.id = x.offer_id""",
    account="x.account_id",
    broken="""e.kind <> 'discount' OR e.value_date > f.pay_by OR f.community_id <> a.community_id
        OR f.approved_by_id IS NULL OR f.approved_by_id = f.created_by_id""",
)
account_rule(
    "what_lessens_a_charge_settles_no_other",
    select="'entry ' || e.id || ', allocation ' || x.id",
    source="billing_allocation x JOIN billing_creditentry e ON e.id = x.credit_entry_id",
    account="e.account_id",
    broken="e.charge_id IS NOT NULL AND e.charge_id <> x.charge_id",
)
account_rule(
    "only_late_fee_is_taken_back_as_such",
    select="'entry ' || x.id",
    source="billing_creditentry x LEFT JOIN billing_charge k ON k.id = x.charge_id",
    account="x.account_id",
    broken="x.kind = 'late_back' AND k.kind IS DISTINCT FROM 'late_fee'",
)


def _late_fees_within_rule(community: str | None) -> Iterator[tuple[str, str]]:
    """Computed once more from due date, rule, value dates and disputes; never from what it says."""
    subjects = _bills_with_late_fees(community)
    # Any bill with a late fee is past its days of grace in the far future.
    for pk, bill in late_bills(dict.fromkeys(subjects, datetime.date.max)).items():
        if bill.posted_until is None:
            continue
        right = late_fee(bill.principal, bill.rule, bill.posted_until)
        most = max(right.fen, bill.waived)
        if bill.standing > most:
            yield subjects[pk], f"bill {pk}: {plain_fen(bill.standing)} > {plain_fen(most)}"


def _bills_with_late_fees(community: str | None) -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT x.bill_id, c.code || ' ' || u.code
            FROM billing_charge x {OF_ACCOUNT.format(account="x.account_id")}
            WHERE x.kind = 'late_fee' AND x.bill_id IS NOT NULL AND {ASKED_FOR}
            """,
            {"community": community},
        )
        return dict(cursor.fetchall())


rule("billing.late_fees_never_exceed_their_rule", _late_fees_within_rule)
