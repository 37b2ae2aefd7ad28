"""What must hold of payouts and the bank, for verify_books.

bank line = Σ its entries, or has none      day of a month signed off = Σ its entries
a day there = here + here on another day + its differences      for paid, refunded and fees
"""

from payments.books import community_rule

community_rule(
    "a_payout_is_shared_out_whole",
    subject="c.code || ' bank line ' || b.id",
    detail="b.amount || ' ≠ ' || s.total",
    source="""(
        SELECT line_id, SUM(amount) AS total FROM payments_settlemententry
        WHERE undone_at IS NULL AND line_id IS NOT NULL GROUP BY line_id
    ) s JOIN payments_bankline b ON b.id = s.line_id
    JOIN community_community c ON c.id = b.community_id""",
    broken="s.total <> b.amount OR b.use <> 'channel'",
)
community_rule(
    "a_payout_is_for_earlier_days_of_its_channel",
    subject="c.code || ' ' || r.provider || ' ' || r.day",
    detail="'bank line ' || b.id || ' of ' || b.provider || ' ' || b.booked_on",
    source="""payments_settlemententry e
        JOIN payments_reconciliation r ON r.id = e.reconciliation_id
        JOIN community_community c ON c.id = r.community_id
        JOIN payments_bankline b ON b.id = e.line_id""",
    broken="e.undone_at IS NULL AND (r.provider <> b.provider OR r.day >= b.booked_on)",
)
community_rule(
    "a_day_adds_up",
    subject="c.code || ' ' || r.provider || ' ' || r.day",
    detail="""'paid ' || r.their_paid - r.our_paid - r.elsewhere_paid - COALESCE(s.paid, 0)
        || ', refunded '
        || r.their_refunded - r.our_refunded - r.elsewhere_refunded - COALESCE(s.refunded, 0)
        || ', fees ' || r.fees - r.fees_due - COALESCE(s.fees, 0)
        || ' are not accounted for'""",
    source="""payments_reconciliation r
        JOIN community_community c ON c.id = r.community_id
        LEFT JOIN (
            SELECT reconciliation_id,
                SUM(effect) FILTER (WHERE kind <> 'fee' AND flow = 'payment') AS paid,
                SUM(effect) FILTER (WHERE kind <> 'fee' AND flow = 'refund') AS refunded,
                SUM(effect) FILTER (WHERE kind = 'fee') AS fees
            FROM (
                SELECT reconciliation_id, kind, flow,
                    COALESCE(theirs, 0) - COALESCE(ours, 0) AS effect
                FROM payments_reconciliationline WHERE stands AND state <> 'gone'
            ) standing GROUP BY reconciliation_id
        ) s ON s.reconciliation_id = r.id""",
    # Days compared before the contract's fees were kept are not known well enough.
    broken="""r.fees_due IS NOT NULL AND (
        r.their_paid - r.our_paid - r.elsewhere_paid <> COALESCE(s.paid, 0)
        OR r.their_refunded - r.our_refunded - r.elsewhere_refunded <> COALESCE(s.refunded, 0)
        OR r.fees - r.fees_due <> COALESCE(s.fees, 0))""",
)
community_rule(
    "a_month_signed_off_has_nothing_outstanding",
    subject="c.code || ' ' || r.provider || ' ' || r.day",
    detail="(r.their_paid - r.their_refunded - r.fees) || ' ≠ ' || COALESCE(s.total, 0)",
    source="""payments_settlementmonth m
        JOIN community_community c ON c.id = m.community_id
        JOIN payments_reconciliation r ON r.community_id = m.community_id
            AND r.day >= m.month AND r.day < m.month + INTERVAL '1 month'
        LEFT JOIN (
            SELECT reconciliation_id, SUM(amount) AS total FROM payments_settlemententry
            WHERE undone_at IS NULL GROUP BY reconciliation_id
        ) s ON s.reconciliation_id = r.id""",
    broken="r.their_paid - r.their_refunded - r.fees <> COALESCE(s.total, 0)",
)
