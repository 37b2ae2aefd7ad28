"""The books' rules of reconciliation and of refunds through a provider, each seen to break."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from community.models import today
from core import books
from payments.models import Payment, Reconciliation, ReconciliationLine, Refund
from payments.providers.base import ProviderRefund, RefundState
from payments.services.channels import differences
from payments.services.online import original_refunds
from tests.factories.billing import make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.tampering import tamper

pytestmark = pytest.mark.django_db

TABLES = (
    "payments_reconciliation",
    "payments_reconciliationline",
    "payments_refund",
    "payments_payoutvoucher",
)
TAMPERING = [
    (
        "a difference opened again after the day was signed off",
        """UPDATE payments_reconciliationline
            SET state = 'open', way = '', settled_by_id = NULL WHERE payment_id IS NULL""",
        "payments.a_day_signed_off_has_no_open_difference",
    ),
    (
        "their amount changed after it was kept",
        "UPDATE payments_reconciliationline SET theirs = theirs + 1 WHERE payment_id IS NOT NULL",
        "payments.a_difference_was_settled_by_money_of_that_amount",
    ),
    (
        "more given back than came",
        "UPDATE payments_refund SET amount = 345",
        "payments.what_goes_back_of_a_payment_is_never_more_than_came",
    ),
    (
        "another way though the channel did it",
        """UPDATE payments_refund SET method = 'cash', out_refund_no = '', instead_of_id = id,
            ended_by_id = decided_by_id""",
        "payments.a_payment_goes_back_another_way_where_its_channel_failed",
    ),
    (
        "a counter-receipt that points at nothing",
        "UPDATE payments_payoutvoucher SET counters_id = NULL",
        "payments.a_voucher_counters_the_receipt_of_the_payment_that_went_back",
    ),
]


@pytest.fixture
def channel():
    """A payment of 344.12 of which 44.12 went back; a day with a kept and an explained line."""
    bill = make_bill("302.12", "42.00")
    order = make_order(bill, state="paid")
    payment = make_payment(bill, method=Payment.Method.WECHAT, order=order)
    of_it = {"payment": payment, "method": Refund.Method.ORIGINAL}
    refund = make_refund(bill.account, "44.12", approved=True, **of_it)
    original_refunds._claim(refund.pk)
    number = Refund.objects.get(pk=refund.pk).out_refund_no
    original_refunds.record(refund.pk, ProviderRefund(number, RefundState.DONE))
    day = Reconciliation.objects.create(
        community=bill.account.community,
        provider="wechatpay",
        day=today() - datetime.timedelta(days=1),
        digest="0" * 64,
        their_lines=2,
        compared_at=timezone.now(),
    )
    by = StaffUserFactory()
    kept, explained = (
        ReconciliationLine.objects.create(
            reconciliation=day,
            kind="not_here",
            flow="payment",
            out_trade_no=number,
            theirs=Decimal("5.00"),
        )
        for number in ("X1", "X2")
    )
    differences.keep(kept.pk, by=by)
    differences.explain(explained.pk, by=by, words="查过")
    differences.sign_off(day.pk, by=by)


def test_the_books_hold(channel):
    assert books.verify().breaks == []


@pytest.mark.parametrize(
    ("sql", "rule"), [case[1:] for case in TAMPERING], ids=[case[0] for case in TAMPERING]
)
def test_tampering_is_seen(channel, sql, rule):
    tamper(sql, tables=TABLES)
    assert rule in {found.rule for found in books.verify().breaks}
