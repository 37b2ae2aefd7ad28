"""Starting an online payment: one order a form, earlier ones closed first, amounts from rows."""

import datetime
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import Bill
from payments.models import Payment, PaymentOrder
from payments.providers.base import Scene, TransientError
from payments.providers.wechatpay import WeChatPayProvider
from payments.services.online import hanging, ordering, turns
from payments.services.online.asking import ask
from payments.services.online.ordering import (
    NothingToPay,
    SeveralCommunities,
    StillOpen,
    open_order,
    start_order,
)
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import BindingFactory
from tests.factories.payments import make_order, make_payment
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = PaymentOrder.State


@pytest.fixture
def payer(bill):
    return BindingFactory(party=bill.account.party).user


def start(user, *bills, **changed):
    wanted = {
        "user": user,
        "bill_ids": [bill.pk for bill in bills],
        "provider_key": "wechatpay",
        "scene": Scene.NATIVE,
        "form_token": uuid.uuid4(),
        "client_ip": "127.0.0.1",
    }
    return start_order(**(wanted | changed))


def test_an_order_asks_for_what_is_open_now(merchant, bill, payer, settings):
    settings.ORDER_LIFE = datetime.timedelta(minutes=5)
    make_payment(bill, amount="100.00")
    order = start(payer, bill)
    assert order.state == State.PENDING
    assert order.amount == Decimal("244.12")
    assert order.pay_url.startswith("weixin://")
    assert merchant.order(order.out_trade_no)["total"] == 24412
    assert [(line.bill, line.amount) for line in order.lines.all()] == [(bill, order.amount)]
    assert 298 < (order.expires_at - order.created_at).total_seconds() <= 300


def test_bills_of_several_units_are_paid_in_one_order(merchant, bill, payer):
    other = make_bill(
        "10.00",
        account=AccountFactory(party=bill.account.party, community=bill.account.community),
    )
    assert start(payer, bill, other).amount == Decimal("354.12")


def test_the_same_form_twice_is_one_order(merchant, bill, payer):
    token = uuid.uuid4()
    assert start(payer, bill, form_token=token) == start(payer, bill, form_token=token)
    assert PaymentOrder.objects.count() == 1


def test_another_order_for_the_same_bill_closes_the_first_at_the_provider(merchant, bill, payer):
    first, second = start(payer, bill), start(payer, bill)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.CLOSED, State.PENDING)
    assert merchant.order(first.out_trade_no)["state"] == "CLOSED"
    assert merchant.order(second.out_trade_no)["state"] == "NOTPAY"


def test_if_the_first_was_paid_meanwhile_it_is_settled_and_no_second_opened(merchant, bill, payer):
    first = start(payer, bill)
    merchant.pay(first.out_trade_no)
    assert start(payer, bill) == first
    first.refresh_from_db()
    assert first.state == State.PAID
    assert PaymentOrder.objects.count() == Payment.objects.count() == 1


def test_while_the_first_cannot_be_closed_no_second_is_opened(merchant, bill, payer):
    start(payer, bill)
    merchant.faults(fail_next=1, match="/close")
    with pytest.raises(TransientError):
        start(payer, bill)
    assert PaymentOrder.objects.count() == 1


def test_other_peoples_bills_cannot_be_chosen(merchant, bill, payer):
    with pytest.raises(NothingToPay):
        start(payer, make_bill())


def test_paid_bills_cannot_be_chosen(merchant, bill, payer):
    make_payment(bill)
    with pytest.raises(NothingToPay):
        start(payer, bill)


def test_bills_of_two_communities_are_refused(merchant, bill, payer):
    elsewhere = make_bill("5.00")
    BindingFactory(user=payer, party=elsewhere.account.party)
    with pytest.raises(SeveralCommunities):
        start(payer, bill, elsewhere)


def test_an_order_that_came_up_meanwhile_stops_this_one(merchant, bill, payer, monkeypatch):
    monkeypatch.setattr(ordering, "_retire_earlier", lambda *args: [])
    make_order(bill)
    with pytest.raises(StillOpen):
        start(payer, bill)


@pytest.mark.parametrize("fault", ["cut_next", "refuse_next", "fail_next"])
def test_when_nobody_knows_whether_it_arrived_trying_again_is_safe(merchant, bill, payer, fault):
    merchant.faults(**{fault: 1, "match": "/native"})
    order = start(payer, bill)
    assert order.state == State.CREATED
    assert open_order(order).state == State.PENDING
    assert len(merchant.ledger()["orders"]) == 1


def test_an_order_that_the_provider_refuses_has_failed(merchant, bill, payer, settings):
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"APPID": "wx-wrong"}}
    order = start(payer, bill)
    assert order.state == State.FAILED
    assert "APPID" in order.problem


def test_an_order_that_cannot_be_renewed_is_closed_at_the_provider(merchant, bill, payer):
    order = start(payer, bill)
    order.community.name = "renamed meanwhile"
    order.community.save()
    assert open_order(order).state == State.CLOSED
    assert merchant.order(order.out_trade_no)["state"] == "CLOSED"


def test_an_order_closed_while_it_was_on_its_way_is_closed_at_the_provider(merchant, bill, payer):
    merchant.faults(refuse_next=1, match="/native")
    order = start(payer, bill)
    PaymentOrder.objects.filter(pk=order.pk).update(state=State.CLOSED)
    assert open_order(order).state == State.CLOSED
    assert merchant.order(order.out_trade_no)["state"] == "CLOSED"


def test_a_phone_gets_an_address_that_leads_back(merchant, bill, payer):
    order = start(payer, bill, scene=Scene.H5)
    assert order.pay_url.startswith(merchant.url)
    assert f"pay%2Forders%2F{order.pk}" in order.pay_url


def test_no_provider_is_called_inside_a_transaction(merchant, bill, payer, monkeypatch):
    """pytest's own transaction is one savepoint level; any deeper one would be ours."""
    depths = set()
    call = WeChatPayProvider._ask

    def watched(self, request):
        depths.add(len(transaction.get_connection().savepoint_ids))
        return call(self, request)

    monkeypatch.setattr(WeChatPayProvider, "_ask", watched)
    outside = len(transaction.get_connection().savepoint_ids)
    first = start(payer, bill)
    start(payer, bill)
    ask(first)
    assert depths == {outside}


def test_the_other_one_of_two_presses_is_no_earlier_order(merchant, bill, payer):
    """Pressed twice, the second may see the first's order before it knows that it is its own."""
    order = start(payer, bill)
    wish = ordering.Wish(frozenset([bill.pk]))
    assert ordering._retire_earlier(payer, wish, order.form_token) == []
    assert ordering._retire_earlier(payer, wish, uuid.uuid4()) == [order]


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_one_moment_are_one_order(merchant, bill, payer):
    token = uuid.uuid4()
    outcomes = together(*[partial(start, payer, bill, form_token=token)] * 3)
    assert errors_in(outcomes) == []
    order = PaymentOrder.objects.get()
    assert {outcome.pk for outcome in outcomes} == {order.pk}
    assert order.state == State.PENDING
    assert merchant.order(order.out_trade_no)["state"] == "NOTPAY"


@pytest.mark.django_db(transaction=True)
def test_two_windows_at_one_moment_leave_one_payable_order(merchant, bill, payer):
    outcomes = together(*[partial(start, payer, bill)] * 3)
    assert all(isinstance(error, StillOpen) for error in errors_in(outcomes))
    states = [order["state"] for order in merchant.ledger()["orders"]]
    assert states.count("NOTPAY") == PaymentOrder.objects.live().count() == 1


# --- The sweep ------------------------------------------------------------------------------


def due(order, **changed):
    PaymentOrder.objects.filter(pk=order.pk).update(check_at=timezone.now(), **changed)
    return order


def swept(order):
    hanging.sweep_orders()
    order.refresh_from_db()
    return order


def test_a_lost_callback_is_found_by_the_sweep(merchant, bill, payer):
    order = start(payer, bill)
    merchant.pay(order.out_trade_no)
    assert swept(due(order)).state == State.PAID
    assert Bill.objects.with_open().get(pk=bill.pk).open_amount == 0


def test_an_unpaid_order_waits_for_its_next_time(merchant, bill, payer):
    order = swept(due(start(payer, bill)))
    assert order.state == State.PENDING
    assert order.check_at > timezone.now()
    assert hanging.sweep_orders() == 0


def test_however_old_an_order_is_it_is_asked_about_within_a_minute(merchant, bill, payer):
    order = start(payer, bill)
    nearly_over = timezone.now() - datetime.timedelta(minutes=29)
    order = swept(due(order, created_at=nearly_over))
    assert order.check_at <= timezone.now() + datetime.timedelta(minutes=1)


def test_a_sweep_asks_about_all_that_is_due_while_its_turn_lasts(
    merchant, bill, payer, monkeypatch
):
    orders = [make_order(bill, check_at=timezone.now()) for _ in range(60)]
    asked = []
    monkeypatch.setattr(hanging, "ask_by_id", asked.append)
    assert hanging.sweep_orders() == 60
    assert sorted(asked) == [order.pk for order in orders]


def test_what_a_sweep_has_no_time_for_stays_due(merchant, bill, payer, monkeypatch):
    orders = [make_order(bill, check_at=timezone.now()) for _ in range(3)]
    monkeypatch.setattr(turns, "SECONDS", -1.0)
    assert hanging.sweep_orders() == 0
    now = timezone.now()
    assert PaymentOrder.objects.filter(check_at__lte=now).count() == len(orders)


def test_an_order_whose_time_is_over_is_closed_at_the_provider_then_expired(merchant, bill, payer):
    past = timezone.now() - datetime.timedelta(minutes=1)
    order = swept(due(start(payer, bill), expires_at=past))
    assert order.state == State.EXPIRED
    assert merchant.order(order.out_trade_no)["state"] == "CLOSED"


def test_an_order_paid_in_the_last_moment_is_settled_not_expired(merchant, bill, payer):
    order = start(payer, bill)
    merchant.pay(order.out_trade_no)
    past = timezone.now() - datetime.timedelta(minutes=1)
    assert swept(due(order, expires_at=past)).state == State.PAID


def test_an_order_that_never_arrived_ends_closed(merchant, bill, payer):
    merchant.faults(refuse_next=1, match="/native")
    order = start(payer, bill)
    past = timezone.now() - datetime.timedelta(minutes=1)
    assert swept(due(order, expires_at=past)).state == State.CLOSED


def test_an_order_whose_bill_was_paid_at_the_desk_is_closed(merchant, bill, payer):
    order = start(payer, bill)
    make_payment(bill, amount="1.00")
    assert swept(due(order)).state == State.CLOSED
    assert merchant.order(order.out_trade_no)["state"] == "CLOSED"


def test_closed_by_the_provider_is_closed_here(merchant, bill, payer):
    order = start(payer, bill)
    merchant.post(f"/control/orders/{order.out_trade_no}/close")
    assert swept(due(order)).state == State.CLOSED


def test_a_silent_provider_is_asked_again_later(merchant, bill, payer):
    order = start(payer, bill)
    merchant.pay(order.out_trade_no)
    merchant.faults(fail_next=1)
    order = swept(due(order))
    assert order.state == State.PENDING
    assert order.check_at is not None
    assert swept(due(order)).state == State.PAID


def test_an_amount_that_differs_at_the_provider_is_told_once_and_never_posted(
    merchant, bill, payer, attention
):
    order = start(payer, bill)
    PaymentOrder.objects.filter(pk=order.pk).update(amount="1.00")
    merchant.pay(order.out_trade_no)
    swept(due(order))
    order = swept(order)
    assert order.state == State.PENDING
    assert order.check_at is None
    assert not Payment.objects.exists()
    assert len(attention) == 1


def test_waiting_page_has_the_provider_asked_but_not_without_end(
    merchant, bill, payer, django_capture_on_commit_callbacks
):
    order = start(payer, bill)
    merchant.pay(order.out_trade_no)
    with django_capture_on_commit_callbacks(execute=True):
        assert hanging.hurry(order)
        assert not hanging.hurry(order)
    order.refresh_from_db()
    assert order.state == State.PAID
    assert not hanging.hurry(order)


def test_what_never_arrived_is_placed_when_the_provider_answers_again(
    merchant, bill, payer, django_capture_on_commit_callbacks
):
    """Nobody presses anything: the page that waits has it tried, and the sweep when none does."""
    merchant.faults(refuse_next=3)
    order = start(payer, bill)
    assert (order.state, order.pay_url) == (State.CREATED, "")
    assert swept(due(order)).state == State.CREATED  # still down
    PaymentOrder.objects.update(checked_at=None)
    with django_capture_on_commit_callbacks(execute=True):
        assert hanging.hurry(order)
        assert not hanging.hurry(order)
    order.refresh_from_db()
    assert order.state == State.CREATED  # down, and tried once only
    placed = swept(due(order))
    assert (placed.state, placed.pay_url[:9]) == (State.PENDING, "weixin://")
    merchant.pay(order.out_trade_no)
    assert swept(due(order)).state == State.PAID
