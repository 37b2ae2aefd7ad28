"""`verify_books` sees tampering with deposits and refunds that triggers would have refused."""

from decimal import Decimal

import pytest
from django.db import connection

from core import books
from payments.models import Refund
from payments.services.giving_back import refunds
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_deposit, make_order, make_payment, make_refund
from tests.tampering import tamper

pytestmark = pytest.mark.django_db

TABLES = (
    "payments_payment",
    "payments_receiptline",
    "payments_deposit",
    "payments_depositentry",
    "payments_refund",
    "payments_payoutvoucher",
    "billing_creditentry",
)
# The constraints of the database are stronger than a rule; here they are out of the way.
CONSTRAINTS = (
    "refund_decided_by_another",
    "refund_ended_by_somebody",
    "refund_approved_takes_credit",
    "refund_gives_back_what_it_took",
)
FIRST_PAID = "(SELECT MIN(id) FROM payments_refund WHERE state = 'paid' AND deposit_id IS NULL)"

WHOLE = "payments.a_deposit_is_its_payment_and_its_receipt_line"
HELD = "payments.what_is_held_of_a_deposit_lies_between_0_and_what_was_received"
TWIN = "payments.a_deposit_entry_undone_has_an_exact_twin"
TAKEN = "payments.a_refund_that_stands_took_its_amount_once"
OWN = "payments.a_refund_takes_from_its_own_account"
BROUGHT = "payments.a_refund_of_a_payment_takes_what_that_brought"
BY_REFUND = "payments.money_leaves_an_account_by_a_refund_only"
ANOTHER = "payments.a_refund_was_decided_by_another"
VOUCHER = "payments.a_refund_paid_out_has_a_voucher_of_its_amount"
GAPLESS = "payments.vouchers_are_numbered_without_a_gap"
POSTED = "payments.a_payment_is_its_postings_deposit_and_suspense"

TAMPERING = [
    ("a deposit made smaller", "UPDATE payments_deposit SET amount = amount - 1", WHOLE),
    ("a deposit made larger", "UPDATE payments_deposit SET amount = amount + 1", POSTED),
    ("a deposit's payment made larger", "UPDATE payments_payment SET amount = amount + 1", WHOLE),
    (
        "a deposit's receipt line turned into a prepayment",
        "UPDATE payments_receiptline SET deposit_id = NULL",
        WHOLE,
    ),
    (
        "more given back than is held",
        "UPDATE payments_depositentry SET amount = amount * 1000 WHERE reverses_id IS NULL",
        HELD,
    ),
    (
        "less undone than was taken",
        "UPDATE payments_depositentry SET amount = amount / 2 WHERE reverses_id IS NOT NULL",
        TWIN,
    ),
    (
        "a deposit's return deleted",
        """DELETE FROM payments_depositentry WHERE kind = 'returned' AND refund_id =
            (SELECT MIN(id) FROM payments_refund WHERE state = 'paid'
             AND deposit_id IS NOT NULL)""",
        TAKEN,
    ),
    (
        "a refund made larger after it was paid",
        f"UPDATE payments_refund SET amount = amount + 1 WHERE id = {FIRST_PAID}",
        TAKEN,
    ),
    (
        "a paid refund called failed",
        f"UPDATE payments_refund SET state = 'failed' WHERE id = {FIRST_PAID}",
        TAKEN,
    ),
    (
        "a refund moved to another account",
        f"""UPDATE payments_refund SET account_id = (SELECT MAX(id) FROM billing_account)
            WHERE id = {FIRST_PAID}""",
        OWN,
    ),
    (
        "a payment's refund that takes from nothing",
        "UPDATE billing_creditentry SET takes_from_id = NULL WHERE amount < 0",
        BROUGHT,
    ),
    (
        "a refund of credit that takes from a payment",
        f"""UPDATE billing_creditentry SET takes_from_id = (SELECT MIN(id) FROM billing_creditentry)
            WHERE id = (SELECT entry_id FROM payments_refund WHERE id = {FIRST_PAID})""",
        BROUGHT,
    ),
    (
        "a payment's refund given back to nothing",
        "UPDATE billing_creditentry SET takes_from_id = NULL WHERE amount > 0",
        OWN,
    ),
    (
        "a refund's credit entry cut loose",
        f"UPDATE payments_refund SET entry_id = NULL WHERE id = {FIRST_PAID}",
        BY_REFUND,
    ),
    (
        "one person who did both",
        "UPDATE payments_refund SET decided_by_id = requested_by_id",
        ANOTHER,
    ),
    ("nobody decided", "UPDATE payments_refund SET decided_by_id = NULL", ANOTHER),
    (
        "a voucher deleted",
        f"DELETE FROM payments_payoutvoucher WHERE refund_id = {FIRST_PAID}",
        VOUCHER,
    ),
    ("a voucher made larger", "UPDATE payments_payoutvoucher SET amount = amount + 1", VOUCHER),
    (
        "a voucher renumbered",
        f"UPDATE payments_payoutvoucher SET number = 999 WHERE refund_id = {FIRST_PAID}",
        GAPLESS,
    ),
    ("a series set back", "UPDATE payments_voucherseries SET last_number = 1", GAPLESS),
]


@pytest.fixture
def refunded():
    """Credit and a payment refunded, failed and refused; deposits returned, kept in part, failed
    and held."""
    bill = make_bill("20.00")
    make_payment(bill, amount="120.00")
    AccountFactory.create(community=bill.account.community)
    account, by = bill.account, StaffUserFactory()
    for amount in ("30.00", "10.00"):
        refunds.pay_in_cash(make_refund(account, amount, approved=True).pk, by=by)
    refunds.fail(make_refund(account, "5.00", approved=True).pk, by=by, words="账号有误")
    refunds.reject(make_refund(account, "6.00").pk, by=by, words="不退")
    make_refund(account, "7.00", approved=True)
    later = make_bill("9.00", account=account, quarter=2)
    online = make_payment(later, method="wechat", order=make_order(later, state="paid"))
    of_it = {"payment": online, "method": Refund.Method.ORIGINAL, "approved": True}
    make_refund(account, "4.00", **of_it)
    refunds.withdraw(make_refund(account, "5.00", **of_it).pk, by=by)
    first, second, third = (make_deposit(account, "1000.00") for _ in range(3))
    part = make_refund(account, "800.00", deposit=first, withheld="200.00", approved=True)
    refunds.pay_in_cash(part.pk, by=by)
    failed = make_refund(account, "1000.00", deposit=second, approved=True)
    refunds.fail(failed.pk, by=by, words="账号有误")
    make_refund(account, "0.00", deposit=third, withheld="400.00", approved=True)
    return account.community


def broken():
    return {found.rule for found in books.verify().breaks if found.rule.startswith("payments.")}


def test_books_hold_whatever_became_of_refunds(refunded):
    assert books.verify().breaks == []
    assert {refund.state for refund in Refund.objects.all()} == {
        "paid",
        "failed",
        "rejected",
        "approved",
        "withdrawn",
    }


@pytest.mark.parametrize(
    ("sql", "rule"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING]
)
def test_tampering_is_seen(refunded, sql, rule):
    constraints = [("payments_refund", name) for name in CONSTRAINTS]
    tamper(sql, tables=TABLES, constraints=constraints)
    assert rule in broken()


def test_every_rule_of_refunds_has_been_seen_to_break():
    seen = {case[2] for case in TAMPERING} - {POSTED}
    from tests.payments.test_books import TAMPERING as OF_PAYMENTS
    from tests.payments.test_books_of_channels import TAMPERING as OF_CHANNELS
    from tests.payments.test_day_sums import RULE as OF_DAYS
    from tests.payments.test_left_out import RULE as OF_NOTES
    from tests.payments.test_settlement_months import TAMPERING as OF_MONTHS

    ours = {name for name in books.verify().rules if name.startswith("payments.")}
    seen |= {case[2] for case in (*OF_PAYMENTS, *OF_CHANNELS)}
    assert ours == seen | {OF_DAYS, OF_NOTES} | {rule for _sql, rule in OF_MONTHS}


def test_money_received_is_entries_suspense_and_deposits(refunded):
    """The whole picture once more, summed by hand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT SUM(amount) FROM payments_payment")
        (received,) = cursor.fetchone()
        cursor.execute("SELECT SUM(amount) FROM billing_creditentry WHERE kind = 'payment'")
        (entries,) = cursor.fetchone()
        cursor.execute("SELECT SUM(amount) FROM payments_deposit")
        (deposits,) = cursor.fetchone()
    assert received == entries + deposits == Decimal("3129.00")
