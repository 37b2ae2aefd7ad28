"""`verify_books` sees every kind of tampering that the triggers would have refused."""

import json
from datetime import date
from decimal import Decimal
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing.models import Bill, Charge, CreditEntry
from billing.services.accounts.posting import allocate, post_credit
from core import books
from tests import tampering

from .small import issue, opening_balances, small_community

pytestmark = pytest.mark.django_db

TABLES = (
    "billing_account",
    "billing_adjustment",
    "billing_allocation",
    "billing_bill",
    "billing_billrun",
    "billing_charge",
    "billing_creditentry",
    "billing_latefeepolicy",
    "billing_earlypaymentoffer",
    "billing_offeruse",
)


@pytest.fixture
def settled_bill():
    """One of two bills, half paid; the other's account has credit. Arrears from before."""
    community = small_community()
    issue(community)
    bill, other = Bill.objects.order_by("id")
    half = (bill.amount / 2).quantize(Decimal("0.01"))
    day = date(2026, 2, 1)
    kind = CreditEntry.Kind.OPENING
    entry = post_credit(account=bill.account, kind=kind, amount=half, value_date=day)
    allocate(credit_entry=entry)
    post_credit(account=other.account, kind=kind, amount=Decimal("5.00"), value_date=day)
    opening_balances(community, "1,1,101,业主0,,物业服务费,2025-10-01,2025-12-31,2025-11-15,12.34")
    return bill


def verify(*arguments):
    """Exit 0 or 1, and the names of the broken rules."""
    out, code = StringIO(), 0
    try:
        call_command("verify_books", "--json", *arguments, stdout=out)
    except CommandError as broken:
        code = broken.returncode
    return code, {found["rule"] for found in json.loads(out.getvalue())["breaks"]}


tamper = partial(tampering.tamper, tables=TABLES)
FIRST_SETTLED = "(SELECT charge_id FROM billing_allocation ORDER BY id LIMIT 1)"
ANY_ENTRY = "(SELECT id FROM billing_creditentry ORDER BY id LIMIT 1)"
OTHER_ACCOUNT = f"""(SELECT id FROM billing_account WHERE id <>
    (SELECT account_id FROM billing_creditentry WHERE id = {ANY_ENTRY}) ORDER BY id LIMIT 1)"""

CHARGE_BOUNDS = "billing.open_of_a_charge_lies_between_0_and_its_amount"
BILL_SUM = "billing.a_bill_is_the_sum_of_its_charges"
RUN_SUM = "billing.a_run_is_the_sum_of_its_bills"
ENTRY_BOUNDS = "billing.a_credit_entry_settles_at_most_its_amount"
CREDIT = "billing.credit_of_an_account_is_never_below_0"
ONE_ACCOUNT = "billing.an_allocation_stays_within_one_account"
TWIN = "billing.an_undone_allocation_has_an_exact_negative_twin"
REVERSAL = "billing.a_reversed_credit_entry_has_an_exact_negative_twin"
OWN_ACCOUNT = "billing.a_charge_is_billed_to_its_own_account"
ON_A_BILL = "billing.a_fee_stands_on_a_bill"
ISSUED = "billing.only_an_issued_run_has_bills"
OPENING = "billing.an_opening_balance_is_what_it_became"
ONE_COMMUNITY = "billing.an_account_is_of_one_community"

TAMPERING = [
    (
        "a charge made smaller than what settled it",
        f"UPDATE billing_charge SET amount = 0.01 WHERE id = {FIRST_SETTLED}",
        CHARGE_BOUNDS,
    ),
    (
        "a settled charge deleted from a bill",
        f"DELETE FROM billing_charge WHERE id = {FIRST_SETTLED}",
        BILL_SUM,
    ),
    (
        "a fen more on a charge",
        f"UPDATE billing_charge SET amount = amount + 0.01 WHERE id = {FIRST_SETTLED}",
        BILL_SUM,
    ),
    (
        "a bill's amount changed",
        "UPDATE billing_bill SET amount = amount + 1 WHERE id = (SELECT MIN(id) FROM billing_bill)",
        BILL_SUM,
    ),
    (
        "a bill deleted with its charges",
        """WITH b AS (SELECT MIN(id) id FROM billing_bill), c AS (
            DELETE FROM billing_charge WHERE bill_id = (SELECT id FROM b) RETURNING id)
        DELETE FROM billing_bill WHERE id = (SELECT id FROM b)""",
        RUN_SUM,
    ),
    (
        "an allocation made larger than its entry",
        "UPDATE billing_allocation SET amount = amount + 1000000",
        ENTRY_BOUNDS,
    ),
    (
        "a payment made smaller",
        f"UPDATE billing_creditentry SET amount = 0.01 WHERE id = {ANY_ENTRY}",
        CREDIT,
    ),
    ("a payment deleted", f"DELETE FROM billing_creditentry WHERE id = {ANY_ENTRY}", CREDIT),
    (
        "a payment moved to another account",
        f"UPDATE billing_creditentry SET account_id = {OTHER_ACCOUNT} WHERE id = {ANY_ENTRY}",
        ONE_ACCOUNT,
    ),
    (
        "an allocation undone by another amount",
        """INSERT INTO billing_allocation
            (credit_entry_id, charge_id, amount, undoes_id, created_at)
        SELECT credit_entry_id, charge_id, -0.01, id, now() FROM billing_allocation
        ORDER BY id LIMIT 1""",
        TWIN,
    ),
    (
        "an entry reversed by another amount",
        f"""INSERT INTO billing_creditentry
            (account_id, kind, amount, value_date, reverses_id, created_at)
        SELECT account_id, kind, -0.01, value_date, id, now() FROM billing_creditentry
        WHERE id = {ANY_ENTRY}""",
        REVERSAL,
    ),
    (
        "a charge billed to another's account",
        f"UPDATE billing_charge SET account_id = {OTHER_ACCOUNT} WHERE id = {FIRST_SETTLED}",
        OWN_ACCOUNT,
    ),
    (
        "a fee taken off its bill",
        f"UPDATE billing_charge SET bill_id = NULL WHERE id = {FIRST_SETTLED}",
        ON_A_BILL,
    ),
    (
        "a run set back to draft",
        "UPDATE billing_billrun SET state = 'draft', issued_at = NULL",
        ISSUED,
    ),
    (
        "arrears from before made smaller",
        "UPDATE billing_charge SET amount = 12.33 WHERE kind = 'opening'",
        OPENING,
    ),
    (
        "an account moved to another community",
        """WITH c AS (INSERT INTO community_community (code, name, company, address, hotline,
            bank_name, bank_account_name, bank_account_number)
            VALUES ('elsewhere', 'x', '', '', '', '', '', '') RETURNING id)
        UPDATE billing_account SET community_id = (SELECT id FROM c)
        WHERE id = (SELECT MIN(id) FROM billing_account)""",
        ONE_COMMUNITY,
    ),
]


def test_books_hold_after_billing_and_paying(settled_bill):
    assert verify() == (0, set())
    assert verify("--community", "small") == (0, set())


@pytest.mark.parametrize(
    ("sql", "rule"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING]
)
def test_tampering_is_seen(settled_bill, sql, rule):
    tamper(sql)
    code, broken = verify()
    assert code == 1
    assert rule in broken


def test_every_rule_of_billing_has_been_seen_to_break():
    ours = {name for name in books.verify().rules if name.startswith("billing.")}
    # They import this module.
    from .test_adjustment_books import ADJUSTMENT_TAMPERING
    from .test_run_books import RUN_TAMPERING

    assert ours == {case[2] for case in (*TAMPERING, *RUN_TAMPERING, *ADJUSTMENT_TAMPERING)}


def test_another_community_is_left_out(settled_bill):
    issue(small_community(code="other"))
    tamper(f"UPDATE billing_charge SET amount = amount + 0.01 WHERE id = {FIRST_SETTLED}")
    assert verify("--community", "small") == (1, {BILL_SUM})
    assert verify("--community", "other") == (0, set())


def test_an_unknown_community_is_refused():
    out = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("verify_books", "--community", "nowhere", "--json", stdout=out)
    assert refusal.value.returncode == 1  # refused input, as of every command
    assert json.loads(out.getvalue())["status"] == "refused"


def test_without_tampering_the_triggers_refuse(settled_bill):
    with pytest.raises(Exception, match="Cannot update"):
        Charge.objects.filter(bill=settled_bill).update(amount=1)
