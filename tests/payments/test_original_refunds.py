"""Refunds the way the money came: once at the provider, whatever happens on the way."""

import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.services.accounts.posting import credit_of
from community.models import today
from core import books
from payments import providers
from payments.models import PayoutVoucher, Reconciliation, Refund
from payments.providers.base import (
    ProviderRefund,
    RefundRequest,
    RefundState,
    TransientError,
)
from payments.services.channels import reconciling
from payments.services.giving_back import refunds
from payments.services.giving_back.undoing import refundable_of
from payments.services.online import original_refunds
from tests.factories.billing import make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_payment, make_refund
from tests.payments.online import paid
from tests.payments.sent_refunds import asked, due, now
from tests.races import errors_in, together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = Refund.State


@pytest.fixture
def payment(merchant, bill):
    """344.12 yuan by WeChat Pay, which settled the bill's two lines of 302.12 and 42.00."""
    return paid(merchant, bill)


def at_provider(simulator):
    return [(one["out_refund_no"], one["amount"]) for one in simulator.ledger()["refunds"]]


def open_of(bill):
    return sorted(bill.charges.open().values_list("open_amount", flat=True))


def test_whole_it_reverses_the_receipt_and_opens_the_bill_again(merchant, payment, bill):
    refund = asked(payment)
    assert refund.state == State.PROCESSING  # approved and sent at once
    due()
    assert now(refund) == State.PAID
    assert at_provider(merchant) == [(refund.out_refund_no, 34412)]
    voucher = refund.voucher
    assert (voucher.counters, voucher.amount) == (payment.receipt, payment.amount)
    assert open_of(bill) == [Decimal("42.00"), Decimal("302.12")]
    assert credit_of([bill.account_id]) == {}
    assert refundable_of(payment, bill.account_id) == 0
    assert books.verify().breaks == []


def test_in_parts_the_last_line_opens_first(merchant, payment, bill):
    first, second = asked(payment, "40.00"), asked(payment, "10.00")
    due()
    assert (now(first), now(second)) == (State.PAID, State.PAID)
    assert open_of(bill) == [Decimal("8.00"), Decimal("42.00")]
    assert sum(amount for _number, amount in at_provider(merchant)) == 5000
    account = bill.account
    assert refundable_of(payment, account.pk) == Decimal("294.12")
    with pytest.raises(refunds.NotEnough):
        asked(payment, "294.13", approved=False)
    assert books.verify().breaks == []


def test_what_settled_nothing_goes_first(merchant, bill):
    other = make_bill("10.00", account=bill.account, quarter=2)
    payment = paid(merchant, bill)
    make_payment(other, amount="25.00")  # 15.00 of credit from elsewhere
    asked(payment, "12.00")
    due()
    # The payment's own lines are undone; what came by another way stays the account's.
    assert open_of(bill) == [Decimal("12.00")]
    assert credit_of([bill.account_id]) == {bill.account_id: Decimal("15.00")}
    assert books.verify().breaks == []


def test_alipay_gives_back_too(alipay, bill):
    payment = paid(alipay, bill, "alipay")
    refund = asked(payment, "100.00")
    assert now(refund) == State.PAID
    assert open_of(bill) == [Decimal("42.00"), Decimal("58.00")]
    assert books.verify().breaks == []


def test_a_callback_ends_it_by_asking(portal, bill):
    portal.faults(callbacks="deliver", hold_refunds=True)
    refund = asked(paid(portal, bill), "5.00")
    assert now(refund) == State.PROCESSING
    portal.post(f"/control/refunds/{refund.out_refund_no}", status="SUCCESS")
    portal.wait_for_callbacks(refund.payment.order.out_trade_no)
    assert now(refund) == State.PAID


def test_what_cannot_reach_the_payer_is_for_a_person(merchant, payment, bill, attention):
    merchant.faults(hold_refunds=True)
    refund = asked(payment, "42.00")
    by = StaffUserFactory()
    with pytest.raises(refunds.WrongState):  # the provider still works on it
        refunds.fail(refund.pk, by=by, words="算了")
    with pytest.raises(refunds.WrongState):
        original_refunds.confirm_paid(refund.pk, by=by, words="商户平台")
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="ABNORMAL")
    due()
    assert (now(refund), refund.check_at, len(attention)) == (State.PROCESSING, None, 1)
    assert (
        original_refunds.confirm_paid(refund.pk, by=by, words="商户平台已转银行卡").state
        == State.PAID
    )
    assert books.verify().breaks == []


def test_refused_at_once_it_failed(merchant, payment):
    # Somebody gave it all back at the provider's own desk.
    order = payment.order
    everything = RefundRequest(order.out_trade_no, "DESK", order.amount, order.amount)
    providers.of(order).refund(everything)
    refund = asked(payment, "1.00")
    assert now(refund) == State.FAILED
    assert "refused" in refund.problem
    assert books.verify().breaks == []


@pytest.mark.parametrize("fault", ["cut_next", "refuse_next", "fail_next"])
def test_whatever_the_network_does_it_is_given_back_once(merchant, payment, fault):
    merchant.faults(**{fault: 1})
    refund = asked(payment, "7.00")
    assert now(refund) == State.PROCESSING
    due()
    due()
    assert now(refund) == State.PAID
    assert at_provider(merchant) == [(refund.out_refund_no, 700)]


def test_two_who_send_give_back_once(merchant, payment):
    merchant.faults(refuse_next=1)
    refund = asked(payment, "7.00")
    both = [lambda: original_refunds.send(refund.pk)] * 2
    assert not errors_in(together(*both))
    due()
    assert now(refund) == State.PAID
    assert len(at_provider(merchant)) == 1
    assert PayoutVoucher.objects.count() == 1


def test_facts_that_do_not_fit_are_told_and_change_nothing(merchant, payment, attention):
    merchant.faults(hold_refunds=True)
    refund = asked(payment, "7.00")
    facts = ProviderRefund(refund.out_refund_no, RefundState.DONE, amount=Decimal("8.00"))
    assert original_refunds.record(refund.pk, facts).state == State.PROCESSING
    assert len(attention) == 1


def test_what_makes_no_sense_is_refused(payment, bill):
    with pytest.raises(ValueError, match="names its payment"):
        make_refund(bill.account, "1.00", method=Refund.Method.ORIGINAL)
    counter = make_payment(make_bill("3.00"))
    with pytest.raises(refunds.NotEnough):
        asked(counter, "3.00", approved=False)
    refund = asked(payment, "1.00", approved=False)
    with pytest.raises(ValueError, match="cash"):
        refunds.pay_in_cash(refund.pk, by=StaffUserFactory())
    with pytest.raises(IntegrityError), transaction.atomic():
        Refund.objects.filter(pk=refund.pk).update(state="processing")


# --- with the channel's bill -----------------------------------------------------------------


def test_reconciliation_knows_refunds(merchant, payment, bill):
    refund = asked(payment, "42.00")
    due()
    assert now(refund) == State.PAID
    merchant.faults(bill_today=True)
    reconciling.reconcile(channel="wechat", day=today())
    day = Reconciliation.objects.get(community=bill.account.community)
    assert (day.their_refunded, day.our_refunded, day.lines.count()) == (42, 42, 0)
    merchant.faults(bill_today=True, bill_missing=[payment.order.out_trade_no])
    reconciling.reconcile(channel="wechat", day=today())
    found = day.lines.filter(flow="refund").values_list("kind", "out_refund_no")
    assert list(found) == [("not_there", refund.out_refund_no)]


def minutes(count):
    return datetime.timedelta(minutes=count)


def test_a_young_refund_is_asked_about_each_minute_an_old_one_seldom(merchant, payment):
    merchant.faults(hold_refunds=True)
    refund = original_refunds.send(asked(payment, "7.00").pk)
    for age, most in ((minutes(10), 1), (minutes(6 * 24 * 60), 60)):
        Refund.objects.update(sent_at=timezone.now() - age)
        refund = original_refunds.send(refund.pk)
        assert refund.check_at <= timezone.now() + datetime.timedelta(minutes=most)
    assert refund.check_at > timezone.now() + datetime.timedelta(minutes=most - 1)


def test_a_provider_that_is_down_loses_nothing(merchant, payment, monkeypatch):
    merchant.faults(refuse_next=1)
    refund = asked(payment, "7.00")
    merchant.faults(refuse_next=1)
    with pytest.raises(TransientError):
        original_refunds.send(refund.pk)
    due()
    due()
    assert now(refund) == State.PAID
