"""The state machine of orders: every step from every state, and money that comes at odd times."""

import datetime
import itertools
from decimal import Decimal
from functools import partial

import pytest
from django.utils import timezone

from billing.models import Account, Bill
from payments.models import Payment, PaymentOrder, Receipt
from payments.providers.base import PayInstruction, ProviderOrder, TradeState
from payments.services.online import orders
from payments.services.online.orders import WrongFacts, settle
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.payments import make_order, make_payment
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = PaymentOrder.State

STEPS = {
    State.PENDING: lambda order: orders.mark_pending(order.pk, PayInstruction("weixin://x")),
    State.PAID: lambda order: settle(order.pk, paid(order)),
    State.CLOSED: lambda order: orders.mark_closed(order.pk),
    State.EXPIRED: lambda order: orders.mark_expired(order.pk),
    State.FAILED: lambda order: orders.mark_failed(order.pk, "refused"),
}


@pytest.fixture(autouse=True)
def merchant_account(settings):
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"MCHID": "m", "APPID": "a"}}


def paid(order, **changed):
    facts = {
        "out_trade_no": order.out_trade_no,
        "state": TradeState.PAID,
        "amount": order.amount,
        "transaction_id": f"4200{order.pk}",
        "paid_at": datetime.datetime(2026, 2, 3, 23, 30, tzinfo=datetime.UTC),
        "merchant": "m",
        "app": "a",
    }
    return ProviderOrder(**(facts | changed))


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


@pytest.mark.parametrize(("start", "goal"), [*itertools.product(State, STEPS)])
def test_every_step_from_every_state(start, goal):
    """Allowed steps are taken, all others leave the order as it was, quietly."""
    order = make_order(make_bill(), state=start, transaction_id="4200" if start == "paid" else "")
    allowed = goal in PaymentOrder.TRANSITIONS[start]
    if start == goal == State.PAID:
        assert settle(order.pk, paid(order, transaction_id="4200")).state == State.PAID
        assert not Payment.objects.exists()
        return
    result = STEPS[goal](order)
    order.refresh_from_db()
    assert result.state == order.state == (goal if allowed or start == goal else start)
    assert Payment.objects.exists() == (goal == State.PAID)
    if allowed and goal in (State.CLOSED, State.EXPIRED, State.FAILED, State.PAID):
        assert order.check_at is None


def test_settling_posts_each_bill_its_part_on_the_providers_day():
    first = make_bill("20.00", "5.00")
    second = make_bill("40.00", account=AccountFactory(community=first.account.community))
    order = make_order(first, second)
    settle(order.pk, paid(order))

    payment = Payment.objects.get()
    assert payment.method == Payment.Method.WECHAT
    assert payment.order == order
    assert payment.amount == Decimal("65.00")
    assert payment.value_date == datetime.date(2026, 2, 4)  # 07:30 in the community
    assert [still_open(bill) for bill in (first, second)] == [0, 0]
    assert payment.receipt.amount == Decimal("65.00")
    assert payment.receipt.handler_name == ""


def test_settling_twice_posts_once(attention):
    order = make_order(make_bill())
    for _ in range(2):
        assert settle(order.pk, paid(order)).state == State.PAID
    assert Payment.objects.count() == Receipt.objects.count() == 1
    assert attention == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": Decimal("302.13")},
        {"amount": None},
        {"merchant": "other"},
        {"app": "other"},
        {"out_trade_no": "T9"},
        {"state": TradeState.UNPAID},
        {"state": TradeState.REFUNDED},
        {"transaction_id": ""},
    ],
)
def test_facts_that_do_not_fit_post_nothing(wrong):
    order = make_order(make_bill())
    with pytest.raises(WrongFacts):
        settle(order.pk, paid(order, **wrong))
    order.refresh_from_db()
    assert order.state == State.PENDING
    assert not Payment.objects.exists()


def test_a_second_transaction_for_a_paid_order_is_told():
    order = make_order(make_bill())
    settle(order.pk, paid(order))
    with pytest.raises(WrongFacts, match="transaction"):
        settle(order.pk, paid(order, transaction_id="another"))


@pytest.mark.parametrize("given_up", [State.CLOSED, State.EXPIRED, State.FAILED])
def test_money_for_an_order_that_was_given_up_is_kept_and_told(given_up, attention):
    bill = make_bill("50.00")
    order = make_order(bill, state=given_up)
    settle(order.pk, paid(order))
    assert still_open(bill) == 0
    assert attention == [(order, "paid after it was closed")]
    order.refresh_from_db()
    assert order.problem == "paid after it was closed"


def test_a_bill_that_was_paid_meanwhile_leaves_credit_and_somebody_is_told(attention):
    bill = make_bill("50.00")
    order = make_order(bill)
    make_payment(bill, amount="20.00")
    settle(order.pk, paid(order))
    account = Account.objects.with_balance().get(pk=bill.account_id)
    assert (account.owed, account.credit) == (0, Decimal("20.00"))
    ((told, reason),) = attention
    assert told == order
    assert "credit" in reason


def test_asking_grows_rarer_with_age_up_to_once_a_minute():
    order = make_order(make_bill())
    waits = []
    for age in (0, 60, 3600):
        order.created_at = timezone.now() - datetime.timedelta(seconds=age)
        waits.append(round((orders.next_check(order) - timezone.now()).total_seconds()))
    assert waits == [20, 60, 60]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_callback_and_sweep_settle_one_order_together(self):
        order = make_order(make_bill())
        outcomes = together(*[partial(settle, order.pk, paid(order))] * 4)
        assert errors_in(outcomes) == []
        assert Payment.objects.count() == Receipt.objects.count() == 1

    def test_settling_and_closing_together_lose_no_money(self):
        order = make_order(make_bill())
        outcomes = together(
            partial(settle, order.pk, paid(order)), partial(orders.mark_closed, order.pk)
        )
        assert errors_in(outcomes) == []
        order.refresh_from_db()
        assert order.state == State.PAID
        assert Payment.objects.count() == 1

    def test_desk_and_online_pay_one_bill_together(self):
        bill = make_bill("80.00")
        order = make_order(bill)
        outcomes = together(partial(settle, order.pk, paid(order)), partial(make_payment, bill))
        assert errors_in(outcomes) == []
        account = Account.objects.with_balance().get(pk=bill.account_id)
        assert (account.owed, account.credit) == (0, Decimal("80.00"))
        assert Receipt.objects.count() == 2

    def test_two_orders_for_bills_in_opposite_order_do_not_deadlock(self):
        first = make_bill("10.00")
        second = make_bill("20.00", account=AccountFactory(community=first.account.community))
        one, two = make_order(first, second), make_order(second, first)
        outcomes = together(partial(settle, one.pk, paid(one)), partial(settle, two.pk, paid(two)))
        assert errors_in(outcomes) == []
        assert Payment.objects.count() == 2
