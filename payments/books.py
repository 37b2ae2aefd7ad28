"""What must hold of payments, receipts and orders, for verify_books.

payment = Σ its postings + its deposit + suspense     suspense of transfers and of channels' bills
receipt = Σ its lines = what was posted or is held    numbered without a gap per community and year
an order is paid exactly when there is a payment for it, of its amount
an account is cleared up to the last day of its clearance notes
"""

from core.books import sql_rule

ASKED_FOR = "(%(community)s::text IS NULL OR c.code = %(community)s)"

# What became of each payment: credit of accounts, or a deposit.
_POSTED = """
    SELECT payment_id, SUM(amount) AS posted FROM (
        SELECT t.payment_id, e.amount
        FROM payments_posting t JOIN billing_creditentry e ON e.id = t.credit_entry_id
        UNION ALL
        SELECT payment_id, amount FROM payments_deposit
    ) became GROUP BY payment_id
"""
_OF_PAYMENT = "JOIN community_community c ON c.id = p.community_id"
_OF_RECEIPT = """
    JOIN payments_payment p ON p.id = r.payment_id
    JOIN community_community c ON c.id = r.community_id
"""
_RECEIPT = "c.code || ' receipt ' || r.year || lpad(r.number::text, 8, '0')"


def community_rule(name: str, *, subject: str, detail: str, source: str, broken: str) -> None:
    """A rule over `source`, which joins the community as `c`."""
    sql_rule(
        f"payments.{name}",
        f"SELECT {subject}, {detail} FROM {source} WHERE ({broken}) AND {ASKED_FOR}",
    )


def numbered_without_a_gap(what: str, *, papers: str, series: str) -> None:
    """The rule on the numbers of papers, one series a community and year."""
    community_rule(
        f"{what}_are_numbered_without_a_gap",
        subject="c.code || ' ' || COALESCE(s.year, n.year)",
        detail=f"COALESCE(n.papers, 0) || ' {what} up to ' || COALESCE(n.last, 0)"
        " || ', the series is at ' || COALESCE(s.last_number, 0)",
        source=f"""{series} s FULL JOIN (
            SELECT community_id, year, COUNT(*) AS papers, MIN(number) AS first, MAX(number) AS last
            FROM {papers} GROUP BY community_id, year
        ) n ON (n.community_id, n.year) = (s.community_id, s.year)
        JOIN community_community c ON c.id = COALESCE(s.community_id, n.community_id)""",
        broken="""COALESCE(n.papers, 0) <> COALESCE(s.last_number, 0)
            OR COALESCE(n.last, 0) <> COALESCE(s.last_number, 0) OR n.first <> 1""",
    )


community_rule(
    "a_payment_is_its_postings_deposit_and_suspense",
    subject="c.code || ' payment ' || p.id",
    detail="p.amount || ' ≠ ' || COALESCE(s.posted, 0)",
    source=f"""payments_payment p {_OF_PAYMENT}
        LEFT JOIN ({_POSTED}) s ON s.payment_id = p.id
        LEFT JOIN payments_reconciliationline d ON d.payment_id = p.id AND d.way = 'suspense'""",
    broken="""COALESCE(s.posted, 0) > p.amount
        OR (p.method <> 'transfer' AND d.id IS NULL AND COALESCE(s.posted, 0) <> p.amount)""",
)
community_rule(
    "a_posting_is_a_payment_entry_of_the_same_community_and_day",
    subject="c.code || ' payment ' || p.id",
    detail="'entry ' || e.id",
    source=f"""payments_posting t
        JOIN payments_payment p ON p.id = t.payment_id
        JOIN billing_creditentry e ON e.id = t.credit_entry_id
        JOIN billing_account a ON a.id = e.account_id {_OF_PAYMENT}""",
    broken="""(e.kind, a.community_id, e.value_date)
        IS DISTINCT FROM ('payment', p.community_id, p.value_date)""",
)
community_rule(
    "money_on_an_account_was_received",
    subject="c.code || ' entry ' || e.id",
    detail="e.amount || ' without a payment'",
    source="""billing_creditentry e
        JOIN billing_account a ON a.id = e.account_id
        JOIN community_community c ON c.id = a.community_id
        LEFT JOIN payments_posting t ON t.credit_entry_id = e.id""",
    broken="e.kind = 'payment' AND e.reverses_id IS NULL AND t.id IS NULL",
)
community_rule(
    "what_is_posted_has_a_receipt_of_that_amount",
    subject="c.code || ' payment ' || p.id",
    detail="COALESCE(r.amount::text, 'no receipt') || ' ≠ ' || COALESCE(s.posted, 0)",
    source=f"""payments_payment p {_OF_PAYMENT}
        LEFT JOIN ({_POSTED}) s ON s.payment_id = p.id
        LEFT JOIN payments_receipt r ON r.payment_id = p.id""",
    broken="""COALESCE(s.posted, 0) <> COALESCE(r.amount, 0)
        OR (r.id IS NOT NULL AND r.community_id <> p.community_id)""",
)
community_rule(
    "a_receipt_is_the_sum_of_its_lines",
    subject=_RECEIPT,
    detail="r.amount || ' ≠ ' || COALESCE(s.total, 0)",
    source=f"""payments_receipt r {_OF_RECEIPT} LEFT JOIN (
        SELECT receipt_id, SUM(amount) AS total FROM payments_receiptline GROUP BY receipt_id
    ) s ON s.receipt_id = r.id""",
    broken="r.amount <> COALESCE(s.total, 0)",
)
community_rule(
    "a_receipt_says_what_each_account_got",
    subject=_RECEIPT,
    detail="'account ' || COALESCE(l.account_id, s.account_id) || ': '"
    " || COALESCE(l.told, 0) || ' ≠ ' || COALESCE(s.posted, 0)",
    source=f"""(
        SELECT receipt_id, account_id, SUM(amount) AS told
        FROM payments_receiptline WHERE deposit_id IS NULL GROUP BY receipt_id, account_id
    ) l FULL JOIN (
        SELECT r.id AS receipt_id, e.account_id, SUM(e.amount) AS posted
        FROM payments_receipt r
        JOIN payments_posting t ON t.payment_id = r.payment_id
        JOIN billing_creditentry e ON e.id = t.credit_entry_id
        GROUP BY r.id, e.account_id
    ) s ON (s.receipt_id, s.account_id) = (l.receipt_id, l.account_id)
    JOIN payments_receipt r ON r.id = COALESCE(l.receipt_id, s.receipt_id) {_OF_RECEIPT}""",
    broken="COALESCE(l.told, 0) <> COALESCE(s.posted, 0)",
)
community_rule(
    "a_receipt_line_names_a_charge_of_its_account",
    subject=_RECEIPT,
    detail="'line ' || l.id",
    source=f"""payments_receiptline l
        JOIN payments_receipt r ON r.id = l.receipt_id
        JOIN billing_charge x ON x.id = l.charge_id {_OF_RECEIPT}""",
    broken="x.account_id <> l.account_id OR l.amount > x.amount",
)
numbered_without_a_gap("receipts", papers="payments_receipt", series="payments_receiptseries")
community_rule(
    "an_order_is_paid_exactly_when_there_is_a_payment",
    subject="c.code || ' order ' || o.out_trade_no",
    detail="o.state || ', ' || o.amount || ' ≠ ' || COALESCE(p.amount::text, 'no payment')",
    source="""payments_paymentorder o
        JOIN community_community c ON c.id = o.community_id
        LEFT JOIN payments_payment p ON p.order_id = o.id""",
    broken="""(o.state = 'paid') <> (p.id IS NOT NULL)
        OR p.amount <> o.amount OR p.community_id <> o.community_id""",
)
community_rule(
    "an_order_is_the_sum_of_its_lines",
    subject="c.code || ' order ' || o.out_trade_no",
    detail="o.amount || ' ≠ ' || COALESCE(s.total, 0)",
    source="""payments_paymentorder o
        JOIN community_community c ON c.id = o.community_id
        LEFT JOIN (
            SELECT order_id, SUM(amount) AS total FROM (
                SELECT order_id, amount FROM payments_orderbill
                UNION ALL SELECT order_id, amount FROM payments_orderaccount
            ) lines GROUP BY order_id
        ) s ON s.order_id = o.id""",
    broken="o.amount <> COALESCE(s.total, 0)",
)
community_rule(
    "an_account_is_cleared_up_to_the_day_of_its_note",
    subject="c.code || ' account ' || a.id",
    detail="COALESCE(a.cleared_until::text, 'not cleared') || ' ≠ ' || COALESCE(s.day::text, '')",
    source="""billing_account a
        JOIN community_community c ON c.id = a.community_id
        LEFT JOIN (
            SELECT account_id, MAX(day) AS day FROM payments_clearance
            WHERE state = 'cleared' GROUP BY account_id
        ) s ON s.account_id = a.id""",
    broken="a.cleared_until IS DISTINCT FROM s.day",
)
community_rule(
    "a_use_of_credit_is_what_it_settled",
    subject="c.code || ' use of credit ' || u.id",
    detail="u.amount || ' ≠ ' || COALESCE(s.total, 0)",
    source="""payments_credituse u
        JOIN billing_account a ON a.id = u.account_id
        JOIN community_community c ON c.id = a.community_id
        LEFT JOIN (
            SELECT l.use_id, SUM(m.amount) AS total, MIN(e.account_id) AS first,
                MAX(e.account_id) AS last
            FROM payments_credituseline l
            JOIN billing_allocation m ON m.id = l.allocation_id
            JOIN billing_creditentry e ON e.id = m.credit_entry_id
            GROUP BY l.use_id
        ) s ON s.use_id = u.id""",
    broken="""(u.amount, u.account_id, u.account_id)
        IS DISTINCT FROM (s.total, s.first, s.last)""",
)
community_rule(
    "a_note_leaves_out_what_was_accepted",
    subject="c.code || ' clearance ' || l.id",
    detail="(one ->> 'item') || ' ' || (one ->> 'from') || ' – ' || (one ->> 'to')",
    source="""payments_clearance l
        JOIN community_community c ON c.id = l.community_id
        CROSS JOIN LATERAL jsonb_array_elements(l.snapshot -> 'left_out') one""",
    broken="one ->> 'why' <> 'cost_to_come' AND NOT l.accepted @> jsonb_build_array(one)",
)
community_rule(
    "a_day_signed_off_has_no_open_difference",
    subject="c.code || ' ' || r.provider || ' ' || r.day",
    detail="'difference ' || l.id || ': ' || l.kind || ' ' || l.out_trade_no",
    source="""payments_reconciliation r
        JOIN community_community c ON c.id = r.community_id
        JOIN payments_reconciliationline l ON l.reconciliation_id = r.id""",
    broken="r.state = 'closed' AND l.state = 'open'",
)
community_rule(
    "a_difference_was_settled_by_money_of_that_amount",
    subject="c.code || ' difference ' || l.id",
    detail="p.amount || ' ≠ ' || l.theirs - CASE l.kind WHEN 'amount' THEN l.ours ELSE 0 END",
    source="""payments_reconciliationline l
        JOIN payments_reconciliation r ON r.id = l.reconciliation_id
        JOIN community_community c ON c.id = r.community_id
        JOIN payments_payment p ON p.id = l.payment_id""",
    broken="""p.community_id <> r.community_id
        OR p.amount <> l.theirs - CASE l.kind WHEN 'amount' THEN l.ours ELSE 0 END""",
)
