"""`verify_books` sees every kind of tampering with payments that triggers would have refused."""

import uuid
from decimal import Decimal

import pytest
from django.utils import timezone

from core import books
from payments.models import Payment
from payments.services.receiving.record import Share
from payments.services.using_credit import use_credit_now
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_order, make_payment
from tests.tampering import tamper

pytestmark = pytest.mark.django_db

TABLES = (
    "payments_payment",
    "payments_posting",
    "payments_receipt",
    "payments_receiptline",
    "billing_creditentry",
    "billing_allocation",
    "payments_credituse",
    "payments_credituseline",
)
FIRST = "(SELECT MIN(id) FROM payments_payment)"

POSTED = "payments.a_payment_is_its_postings_deposit_and_suspense"
SAME = "payments.a_posting_is_a_payment_entry_of_the_same_community_and_day"
RECEIVED = "payments.money_on_an_account_was_received"
RECEIPTED = "payments.what_is_posted_has_a_receipt_of_that_amount"
LINES = "payments.a_receipt_is_the_sum_of_its_lines"
EACH = "payments.a_receipt_says_what_each_account_got"
OWN_CHARGE = "payments.a_receipt_line_names_a_charge_of_its_account"
GAPLESS = "payments.receipts_are_numbered_without_a_gap"
PAID = "payments.an_order_is_paid_exactly_when_there_is_a_payment"
ORDER_LINES = "payments.an_order_is_the_sum_of_its_lines"
USED = "payments.a_use_of_credit_is_what_it_settled"
CLEARED = "payments.an_account_is_cleared_up_to_the_day_of_its_note"

TAMPERING = [
    ("a payment made smaller", "UPDATE payments_payment SET amount = 0.01", POSTED),
    ("a posting deleted", "DELETE FROM payments_posting", RECEIVED),
    ("a payment's day changed", "UPDATE payments_payment SET value_date = '2020-01-01'", SAME),
    (
        "a receipt deleted with its lines",
        f"""WITH r AS (SELECT id FROM payments_receipt WHERE payment_id = {FIRST}),
            l AS (DELETE FROM payments_receiptline WHERE receipt_id IN (SELECT id FROM r))
            DELETE FROM payments_receipt WHERE id IN (SELECT id FROM r)""",
        RECEIPTED,
    ),
    ("a receipt made larger", "UPDATE payments_receipt SET amount = amount + 1", LINES),
    (
        "a receipt's line moved to another account",
        """UPDATE payments_receiptline SET account_id = (SELECT MAX(id) FROM billing_account)
            WHERE id = (SELECT MIN(id) FROM payments_receiptline)""",
        EACH,
    ),
    (
        "a receipt's line moved to another's charge",
        """UPDATE payments_receiptline SET charge_id = (SELECT MAX(id) FROM billing_charge)
            WHERE id = (SELECT MIN(id) FROM payments_receiptline)""",
        OWN_CHARGE,
    ),
    (
        "a receipt renumbered",
        f"UPDATE payments_receipt SET number = 999 WHERE payment_id = {FIRST}",
        GAPLESS,
    ),
    ("a series set back", "UPDATE payments_receiptseries SET last_number = 1", GAPLESS),
    (
        "an order called paid",
        "UPDATE payments_paymentorder SET state = 'paid', paid_at = now() WHERE state <> 'paid'",
        PAID,
    ),
    (
        "a paid order called closed",
        "UPDATE payments_paymentorder SET state = 'closed' WHERE state = 'paid'",
        PAID,
    ),
    ("an order made larger", "UPDATE payments_paymentorder SET amount = amount + 1", ORDER_LINES),
    ("a use of credit made larger", "UPDATE payments_credituse SET amount = amount + 1", USED),
    (
        "a use of credit moved to another account",
        """UPDATE payments_credituse SET account_id = (SELECT MAX(id) FROM billing_account)""",
        USED,
    ),
    ("a use of credit without a line", "DELETE FROM payments_credituseline", USED),
    ("an account cleared by no note", "UPDATE billing_account SET cleared_until = now()", CLEARED),
]


@pytest.fixture
def paid():
    """Cash for two units with a prepaid rest, an order paid online, and one that waits."""
    first = make_bill("20.00", "5.00")
    community = first.account.community
    second = make_bill("30.00", account=AccountFactory(community=community))
    make_payment(first, second, amount="60.00")
    make_bill("3.00", account=first.account, quarter=2)
    use_credit_now(account_ids=[first.account_id], by=StaffUserFactory.create(), token=uuid.uuid4())
    third = make_bill("10.00", account=AccountFactory(community=community))
    order = make_order(third, state="paid")
    make_payment(third, order=order, method=Payment.Method.WECHAT)
    make_order(make_bill("7.00", account=AccountFactory(community=community)))
    return community


def broken():
    return {found.rule for found in books.verify().breaks if found.rule.startswith("payments.")}


def test_books_hold_after_payments_of_every_kind(paid):
    account = AccountFactory(community=paid)
    make_payment(
        make_bill("1.00", account=account),
        amount="9.00",
        method=Payment.Method.TRANSFER,
        shares=[Share(account.pk, Decimal("4.00"))],
        value_date=timezone.localdate(),
    )  # 5.00 in suspense
    assert books.verify().breaks == []


@pytest.mark.parametrize(
    ("sql", "rule"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING]
)
def test_tampering_is_seen(paid, sql, rule):
    tamper(sql, tables=TABLES)
    assert rule in broken()
