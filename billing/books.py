"""What must hold of accounts, charges and bills: DESIGN's "Money in one picture", for verify_books.

open(charge)    = amount − Σ allocations         between 0 and amount
credit(account) = Σ credit entries − Σ allocations   never below 0
a bill is the sum of its charges (late fees join it later), a run the sum of its bills
"""

from core.books import sql_rule

# Every query names the account's community `c`, the unit `u`.
OF_ACCOUNT = """
    JOIN billing_account a ON a.id = {account}
    JOIN community_unit u ON u.id = a.unit_id
    JOIN community_community c ON c.id = a.community_id
"""
ASKED_FOR = "(%(community)s::text IS NULL OR c.code = %(community)s)"


def account_rule(name: str, *, select: str, source: str, account: str, broken: str) -> None:
    """A rule over rows that belong to an account; `select` is the detail, as text."""
    sql_rule(
        f"billing.{name}",
        f"""
        SELECT c.code || ' ' || u.code, {select}
        FROM {source} {OF_ACCOUNT.format(account=account)}
        WHERE ({broken}) AND {ASKED_FOR}
        """,
    )


account_rule(
    "open_of_a_charge_lies_between_0_and_its_amount",
    select="'charge ' || x.id || ': ' || x.amount || ' − ' || COALESCE(s.settled, 0)",
    source="""billing_charge x LEFT JOIN (
        SELECT charge_id, SUM(amount) settled FROM billing_allocation GROUP BY charge_id
    ) s ON s.charge_id = x.id""",
    account="x.account_id",
    broken="COALESCE(s.settled, 0) NOT BETWEEN 0 AND x.amount",
)
account_rule(
    "a_credit_entry_settles_at_most_its_amount",
    select="'entry ' || x.id || ': ' || x.amount || ' − ' || s.used",
    source="""billing_creditentry x JOIN (
        SELECT credit_entry_id, SUM(amount) used FROM billing_allocation GROUP BY credit_entry_id
    ) s ON s.credit_entry_id = x.id""",
    account="x.account_id",
    broken="s.used NOT BETWEEN 0 AND GREATEST(x.amount, 0)",
)
account_rule(
    "credit_of_an_account_is_never_below_0",
    select="COALESCE(e.credited, 0) || ' − ' || COALESCE(s.used, 0)",
    # By the charges' account: an allocation that lost its entry counts as well.
    source="""(
        SELECT account_id, SUM(l.amount) used
        FROM billing_allocation l JOIN billing_charge x ON x.id = l.charge_id
        GROUP BY account_id
    ) s FULL JOIN (
        SELECT account_id, SUM(amount) credited FROM billing_creditentry GROUP BY account_id
    ) e ON e.account_id = s.account_id""",
    account="COALESCE(s.account_id, e.account_id)",
    broken="COALESCE(e.credited, 0) < COALESCE(s.used, 0)",
)
account_rule(
    "an_allocation_stays_within_one_account",
    select="'allocation ' || l.id",
    source="""billing_allocation l
        JOIN billing_charge x ON x.id = l.charge_id
        JOIN billing_creditentry e ON e.id = l.credit_entry_id""",
    account="x.account_id",
    broken="x.account_id <> e.account_id",
)
account_rule(
    "an_undone_allocation_has_an_exact_negative_twin",
    select="'allocation ' || l.id",
    source="""billing_allocation l
        JOIN billing_allocation t ON t.id = l.undoes_id
        JOIN billing_charge x ON x.id = l.charge_id""",
    account="x.account_id",
    broken="""(l.amount, l.charge_id, l.credit_entry_id)
        IS DISTINCT FROM (-t.amount, t.charge_id, t.credit_entry_id)""",
)
account_rule(
    "a_reversed_credit_entry_has_an_exact_negative_twin",
    select="'entry ' || x.id",
    source="billing_creditentry x JOIN billing_creditentry t ON t.id = x.reverses_id",
    account="x.account_id",
    broken="(x.amount, x.account_id) IS DISTINCT FROM (-t.amount, t.account_id)",
)
account_rule(
    "a_bill_is_the_sum_of_its_charges",
    select="'bill ' || b.id || ': ' || b.amount || ' ≠ ' || COALESCE(s.total, 0)",
    source="""billing_bill b LEFT JOIN (
        SELECT bill_id, SUM(amount) total FROM billing_charge
        WHERE kind <> 'late_fee' GROUP BY bill_id
    ) s ON s.bill_id = b.id""",
    account="b.account_id",
    broken="b.amount <> COALESCE(s.total, 0)",
)
account_rule(
    "a_charge_is_billed_to_its_own_account",
    select="'charge ' || x.id",
    source="billing_charge x JOIN billing_bill b ON b.id = x.bill_id",
    account="x.account_id",
    broken="x.account_id <> b.account_id",
)
account_rule(
    "a_fee_stands_on_a_bill",
    select="'charge ' || x.id",
    source="billing_charge x",
    account="x.account_id",
    broken="x.kind = 'fee' AND x.bill_id IS NULL",
)
account_rule(
    "an_opening_balance_is_what_it_became",
    select="'opening balance ' || x.id || ': ' || x.amount",
    source="""billing_openingbalance x
        LEFT JOIN billing_charge h ON h.id = x.charge_id
        LEFT JOIN billing_creditentry e ON e.id = x.credit_entry_id""",
    account="x.account_id",
    broken="""(COALESCE(h.account_id, e.account_id), COALESCE(h.kind, e.kind),
            COALESCE(h.amount, -e.amount), h.due_on)
        IS DISTINCT FROM (x.account_id, 'opening', x.amount,
            CASE WHEN x.amount > 0 THEN x.due_on END)""",
)
account_rule(
    "an_account_is_of_one_community",
    select="'account ' || a.id",
    source="billing_account y JOIN community_party p ON p.id = y.party_id",
    account="y.id",
    broken="u.community_id <> a.community_id OR p.community_id <> a.community_id",
)

# Taking back: a reversal entry is worth its whole charge and settles that one and no other.
_REVERSALS = "billing_creditentry e JOIN billing_charge x ON x.id = e.charge_id"
account_rule(
    "a_reversed_charge_is_settled_by_its_reversal",
    select="'charge ' || x.id || ': ' || x.amount || ' ≠ ' || COALESCE(s.settled, 0)",
    source=f"""{_REVERSALS} LEFT JOIN LATERAL (
        SELECT SUM(l.amount) settled FROM billing_allocation l
        WHERE l.charge_id = x.id AND l.credit_entry_id = e.id
    ) s ON true""",
    account="x.account_id",
    broken="""e.kind = 'reversal' AND e.reverses_id IS NULL
        AND (e.account_id <> x.account_id OR e.amount <> x.amount
             OR COALESCE(s.settled, 0) <> x.amount)""",
)
account_rule(
    "a_charge_is_taken_back_by_a_run",
    select="'entry ' || e.id",
    source="billing_creditentry e",
    account="e.account_id",
    broken="e.kind = 'reversal' AND (e.charge_id IS NULL OR e.run_id IS NULL)",
)
account_rule(
    "what_lessens_a_charge_is_at_most_the_charge",
    select="'charge ' || x.id || ': ' || x.amount || ' < ' || s.lessened",
    source="""billing_charge x JOIN (
        SELECT charge_id, SUM(amount) lessened FROM billing_creditentry
        WHERE charge_id IS NOT NULL GROUP BY charge_id
    ) s ON s.charge_id = x.id""",
    account="x.account_id",
    broken="s.lessened > x.amount OR s.lessened < 0",
)
account_rule(
    "a_bill_of_a_reversed_run_is_taken_back",
    select="'bill ' || b.id || ', charge ' || x.id",
    source="""billing_billrun r JOIN billing_bill b ON b.run_id = r.id
        JOIN billing_charge x ON x.bill_id = b.id""",
    account="b.account_id",
    broken="""r.state = 'reversed' AND NOT EXISTS (
        SELECT 1 FROM billing_creditentry e
        WHERE e.charge_id = x.id AND e.kind = 'reversal' AND e.reverses_id IS NULL)""",
)

sql_rule(
    "billing.a_run_is_the_sum_of_its_bills",
    f"""
    SELECT c.code || ' ' || p.starts_on || ' – ' || p.ends_on,
        (r.summary->>'bills') || ' bills, ' || (r.summary->>'amount')
        || ' ≠ ' || COALESCE(s.bills, 0) || ' bills, ' || COALESCE(s.total, 0)
    FROM billing_billrun r
    JOIN billing_billingperiod p ON p.id = r.period_id
    JOIN community_community c ON c.id = p.community_id
    LEFT JOIN (
        SELECT run_id, COUNT(*) bills, SUM(amount) total FROM billing_bill GROUP BY run_id
    ) s ON s.run_id = r.id
    WHERE r.issued_at IS NOT NULL AND r.summary ? 'amount'
      AND ((r.summary->>'amount')::numeric <> COALESCE(s.total, 0)
           OR (r.summary->>'bills')::bigint <> COALESCE(s.bills, 0))
      AND {ASKED_FOR}
    """,
)
_OF_RUN = """
    FROM billing_billrun r
    JOIN billing_billingperiod p ON p.id = r.period_id
    JOIN community_community c ON c.id = p.community_id
"""


def _run_rule(name: str, *, select: str, broken: str, joins: str = "") -> None:
    """A rule over runs `r` of periods `p`; `select` is the detail, as text."""
    sql_rule(
        f"billing.{name}",
        f"""
        SELECT c.code || ' ' || p.starts_on || ' – ' || p.ends_on, {select}
        {_OF_RUN} {joins} WHERE ({broken}) AND {ASKED_FOR}
        """,
    )


_run_rule(
    "only_an_issued_run_has_bills",
    select="'run ' || r.id",
    broken="""EXISTS (SELECT 1 FROM billing_bill b WHERE b.run_id = r.id)
        AND (r.state NOT IN ('issued', 'closed', 'reversed')
             OR r.kind = 'regular' AND r.state <> 'reversed' AND p.issued_at IS NULL)""",
)
_run_rule(
    "a_correction_points_to_an_issued_run_of_its_community",
    select="'run ' || r.id",
    joins="""LEFT JOIN billing_billrun o ON o.id = r.corrects_id
        LEFT JOIN billing_billingperiod q ON q.id = o.period_id""",
    broken="""r.kind = 'correction' AND r.issued_at IS NOT NULL
        AND (o.id IS NULL OR o.kind <> 'regular' OR o.issued_at IS NULL
             OR o.state = 'reversed' AND r.state <> 'reversed'
             OR q.community_id <> p.community_id)""",
)
_run_rule(
    "nothing_moves_in_a_closed_period",
    select="'run ' || r.id",
    broken="""p.closed_at IS NOT NULL
        AND (r.issued_at > p.closed_at OR r.reversed_at > p.closed_at OR r.state = 'issued')""",
)
_run_rule(
    "a_second_person_is_another_person",
    select="'run ' || r.id",
    broken="r.approved_by_id = r.issued_by_id OR r.reversal_asked_by_id = r.reversed_by_id",
)
_run_rule(
    "only_an_issued_run_takes_charges_back",
    select="'run ' || r.id",
    broken="""r.issued_at IS NULL
        AND EXISTS (SELECT 1 FROM billing_creditentry e WHERE e.run_id = r.id)""",
)
