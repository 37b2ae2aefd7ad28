"""What must hold of deposits and refunds, for verify_books.

held = received − given back − kept                 between 0 and what was received
a refund that stands took its amount exactly once   one that fell through gave it back
a refund entry was asked for and approved           money never leaves by itself
a voucher for each pay-out, of its amount           numbered without a gap per community and year
"""

from payments.books import community_rule, numbered_without_a_gap

_REFUND = "c.code || ' refund ' || r.id"


community_rule(
    "a_deposit_is_its_payment_and_its_receipt_line",
    subject="c.code || ' deposit ' || d.id",
    detail="d.amount || ' of ' || COALESCE(p.amount::text, 'no payment') || ', receipted '"
    " || COALESCE(l.amount::text, 'nowhere')",
    source="""payments_deposit d
        JOIN community_community c ON c.id = d.community_id
        JOIN billing_account a ON a.id = d.account_id
        LEFT JOIN payments_payment p ON p.id = d.payment_id
        LEFT JOIN payments_receiptline l ON l.deposit_id = d.id
        LEFT JOIN payments_receipt r ON r.id = l.receipt_id""",
    broken="""(p.amount, p.community_id, l.amount, l.account_id, r.payment_id, a.community_id)
        IS DISTINCT FROM
        (d.amount, d.community_id, d.amount, d.account_id, d.payment_id, d.community_id)""",
)
community_rule(
    "what_is_held_of_a_deposit_lies_between_0_and_what_was_received",
    subject="c.code || ' deposit ' || d.id",
    detail="d.amount || ' and ' || s.total",
    source="""payments_deposit d
        JOIN community_community c ON c.id = d.community_id
        JOIN (
            SELECT deposit_id, SUM(amount) AS total FROM payments_depositentry GROUP BY deposit_id
        ) s ON s.deposit_id = d.id""",
    broken="d.amount + s.total NOT BETWEEN 0 AND d.amount",
)
community_rule(
    "a_deposit_entry_undone_has_an_exact_twin",
    subject="c.code || ' deposit ' || d.id",
    detail="'entry ' || e.id",
    source="""payments_depositentry e
        JOIN payments_depositentry t ON t.id = e.reverses_id
        JOIN payments_deposit d ON d.id = e.deposit_id
        JOIN community_community c ON c.id = d.community_id""",
    broken="""(e.amount, e.deposit_id, e.kind, e.refund_id)
        IS DISTINCT FROM (-t.amount, t.deposit_id, t.kind, t.refund_id)""",
)
community_rule(
    "a_refund_that_stands_took_its_amount_once",
    subject=_REFUND,
    detail="r.state || ': ' || r.amount || ' and ' || r.withheld || ' kept; taken '"
    " || COALESCE(e.amount, 0) + COALESCE(b.amount, 0) || ', of a deposit '"
    " || COALESCE(s.returned, 0) || ' and ' || COALESCE(s.kept, 0)",
    source="""payments_refund r
        JOIN community_community c ON c.id = r.community_id
        LEFT JOIN billing_creditentry e ON e.id = r.entry_id
        LEFT JOIN billing_creditentry b ON b.id = r.given_back_id
        LEFT JOIN (
            SELECT refund_id,
                COALESCE(SUM(amount) FILTER (WHERE kind = 'returned'), 0) AS returned,
                COALESCE(SUM(amount) FILTER (WHERE kind = 'withheld'), 0) AS kept
            FROM payments_depositentry GROUP BY refund_id
        ) s ON s.refund_id = r.id""",
    broken="""(
        COALESCE(e.amount, 0) + COALESCE(b.amount, 0) + COALESCE(s.returned, 0),
        COALESCE(s.kept, 0),
        COALESCE(s.returned, 0) + COALESCE(s.kept, 0) <> 0
    ) IS DISTINCT FROM CASE WHEN r.state IN ('approved', 'processing', 'paid')
        THEN (-r.amount, -r.withheld, r.deposit_id IS NOT NULL) ELSE (0.00, 0.00, FALSE) END""",
)
community_rule(
    "a_refund_takes_from_its_own_account",
    subject=_REFUND,
    detail="'account ' || r.account_id",
    source="""payments_refund r
        JOIN community_community c ON c.id = r.community_id
        JOIN billing_account a ON a.id = r.account_id
        LEFT JOIN payments_deposit d ON d.id = r.deposit_id
        LEFT JOIN billing_creditentry e ON e.id = r.entry_id
        LEFT JOIN billing_creditentry b ON b.id = r.given_back_id
        LEFT JOIN payments_depositentry x ON x.refund_id = r.id""",
    broken="""a.community_id <> r.community_id
        OR d.account_id <> r.account_id OR e.account_id <> r.account_id
        OR b.reverses_id IS DISTINCT FROM CASE WHEN b.id IS NOT NULL THEN r.entry_id END
        OR b.takes_from_id IS DISTINCT FROM CASE WHEN b.id IS NOT NULL THEN e.takes_from_id END
        OR x.deposit_id IS DISTINCT FROM CASE WHEN x.id IS NOT NULL THEN r.deposit_id END""",
)
community_rule(
    "a_refund_of_a_payment_takes_what_that_brought",
    subject=_REFUND,
    detail="'of payment ' || COALESCE(r.payment_id::text, 'none') || ', taken from entry '"
    " || COALESCE(e.takes_from_id::text, 'none')",
    source="""payments_refund r
        JOIN community_community c ON c.id = r.community_id
        JOIN billing_creditentry e ON e.id = r.entry_id
        LEFT JOIN (
            payments_posting o JOIN billing_creditentry p ON p.id = o.credit_entry_id
        ) ON o.payment_id = r.payment_id AND p.account_id = r.account_id""",
    broken="e.takes_from_id IS DISTINCT FROM p.id",
)
community_rule(
    "money_leaves_an_account_by_a_refund_only",
    subject="c.code || ' entry ' || e.id",
    detail="e.amount || ' without a refund'",
    source="""billing_creditentry e
        JOIN billing_account a ON a.id = e.account_id
        JOIN community_community c ON c.id = a.community_id
        LEFT JOIN payments_refund r ON r.entry_id = e.id OR r.given_back_id = e.id""",
    broken="e.kind = 'refund' AND r.id IS NULL",
)
community_rule(
    "a_refund_was_decided_by_another",
    subject=_REFUND,
    detail="r.state || ', asked by ' || coalesce(r.requested_by_id::text, 'rule')",
    source="payments_refund r JOIN community_community c ON c.id = r.community_id",
    broken="""r.decided_by_id = r.requested_by_id
        OR (r.state IN ('approved', 'processing', 'paid', 'failed', 'rejected')
            AND r.decided_by_id IS NULL)""",
)
community_rule(
    "a_refund_paid_out_has_a_voucher_of_its_amount",
    subject=_REFUND,
    detail="r.state || ', ' || r.amount || ' ≠ ' || COALESCE(v.amount::text, 'no voucher')",
    source="""payments_refund r
        JOIN community_community c ON c.id = r.community_id
        LEFT JOIN payments_payoutvoucher v ON v.refund_id = r.id""",
    broken="""(v.amount, v.community_id) IS DISTINCT FROM
        CASE WHEN r.state = 'paid' AND r.amount > 0
        THEN (r.amount, r.community_id) ELSE (NULL::numeric, NULL::bigint) END""",
)
numbered_without_a_gap("vouchers", papers="payments_payoutvoucher", series="payments_voucherseries")
community_rule(
    "what_goes_back_of_a_payment_is_never_more_than_came",
    subject="c.code || ' payment ' || p.id",
    detail="g.given || ' of ' || COALESCE(s.posted, 0)",
    source="""(
        SELECT payment_id, account_id, SUM(amount) AS given FROM payments_refund
        WHERE payment_id IS NOT NULL AND state IN ('approved', 'processing', 'paid')
        GROUP BY payment_id, account_id
    ) g
    JOIN payments_payment p ON p.id = g.payment_id
    JOIN community_community c ON c.id = p.community_id
    LEFT JOIN (
        SELECT t.payment_id, e.account_id, SUM(e.amount) AS posted
        FROM payments_posting t JOIN billing_creditentry e ON e.id = t.credit_entry_id
        GROUP BY t.payment_id, e.account_id
    ) s ON (s.payment_id, s.account_id) = (g.payment_id, g.account_id)""",
    broken="g.given > COALESCE(s.posted, 0)",
)
community_rule(
    "a_payment_goes_back_another_way_where_its_channel_failed",
    subject=_REFUND,
    detail="'instead of ' || f.id || ', which is ' || f.state",
    source="""payments_refund r
        JOIN payments_refund f ON f.id = r.instead_of_id
        JOIN community_community c ON c.id = r.community_id""",
    broken="""(f.state, f.method, f.payment_id, f.community_id)
        IS DISTINCT FROM ('failed', 'original', r.payment_id, r.community_id)""",
)
community_rule(
    "a_voucher_counters_the_receipt_of_the_payment_that_went_back",
    subject=_REFUND,
    detail="'voucher ' || v.number",
    source="""payments_payoutvoucher v
        JOIN payments_refund r ON r.id = v.refund_id
        JOIN community_community c ON c.id = r.community_id
        LEFT JOIN payments_receipt x ON x.payment_id = r.payment_id""",
    broken="v.counters_id IS DISTINCT FROM x.id",
)
