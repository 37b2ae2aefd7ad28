"""Callbacks over the wire: the simulator on one side, the running portal on the other."""

import datetime
from contextlib import nullcontext

import pytest
from django.utils import timezone

from config.celery import app
from payments import providers
from payments.models import Payment, PaymentOrder, ProviderEvent, Refund
from payments.providers.base import NotGenuine, VerifiedEvent
from payments.providers.wechatpay import WeChatPayProvider
from payments.services.online import asking, events, original_refunds
from tests.factories.payments import make_payment, make_refund
from tests.payments.online import start
from tests.payments.test_wechatpay import FORGERIES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = PaymentOrder.State


@pytest.fixture
def order(portal, bill):
    return start(bill)


def now(order):
    order.refresh_from_db()
    return order.state


def give_all_back(payment):
    account = payment.postings.get().credit_entry.account
    how = {"payment": payment, "method": Refund.Method.ORIGINAL}
    original_refunds.send(make_refund(account, payment.amount, approved=True, **how).pk)


def test_paid_told_posted(portal, order):
    portal.faults(callbacks="deliver")
    portal.pay(order.out_trade_no)
    portal.wait_for_callbacks(order.out_trade_no)
    assert now(order) == State.PAID
    event = ProviderEvent.objects.get()
    assert event.state == ProviderEvent.State.PROCESSED
    assert event.out_trade_no == order.out_trade_no


def test_delivered_twice_is_posted_once(portal, order):
    portal.faults(callbacks="deliver")
    portal.pay(order.out_trade_no)
    portal.wait_for_callbacks(order.out_trade_no)
    for fault in ("replay", ""):
        assert portal.notify(order.out_trade_no, fault)["status"] == 204
    assert now(order) == State.PAID
    assert Payment.objects.count() == 1
    # The same event again is one row; another event about the same order is another.
    assert ProviderEvent.objects.count() == 2


def test_what_is_not_genuine_is_refused_and_leaves_nothing(portal, order):
    portal.pay(order.out_trade_no)
    for fault in FORGERIES:
        answer = portal.notify(order.out_trade_no, fault)
        assert (fault, answer["status"]) == (fault, 401)
        assert "FAIL" in answer["body"]
    assert now(order) == State.PENDING
    assert not ProviderEvent.objects.exists()
    assert not Payment.objects.exists()


def test_what_is_genuine_but_does_not_fit_is_kept_and_told(portal, order, attention):
    for count, fault in enumerate(("wrong_amount", "unknown_order"), start=1):
        assert portal.notify(order.out_trade_no, fault)["status"] == 204
        event = ProviderEvent.objects.latest("pk")
        assert (fault, event.state) == (fault, ProviderEvent.State.REFUSED)
        assert event.outcome
        assert len(attention) == ProviderEvent.objects.count() == count
    assert now(order) == State.PENDING
    assert not Payment.objects.exists()


@pytest.mark.parametrize("fault", ["wrong_merchant", "wrong_app"])
def test_what_names_another_merchant_is_refused_and_not_kept(portal, order, attention, fault):
    portal.pay(order.out_trade_no)
    assert portal.notify(order.out_trade_no, fault)["status"] == 401
    assert not ProviderEvent.objects.exists()
    assert (now(order), attention) == (State.PENDING, [])


def test_a_refund_of_another_merchant_is_refused(portal, order, monkeypatch):
    provider = providers.of(order)
    told = {"event_type": "REFUND.SUCCESS", "resource": {"out_refund_no": "R1"}}
    for number, (mchid, kept) in enumerate([("1900000999", 0), (provider.account["MCHID"], 1)]):
        payload = told | {"resource": told["resource"] | {"mchid": mchid}}
        event = VerifiedEvent(f"E{number}", order.out_trade_no, payload)
        monkeypatch.setattr(type(provider), "verify", lambda *a, event=event: event)
        with nullcontext() if kept else pytest.raises(NotGenuine, match="another merchant"):
            events.receive(provider, {}, b"")
        assert ProviderEvent.objects.count() == kept


def test_a_wrong_amount_does_not_keep_a_paid_order_from_being_settled(portal, order):
    """The message is refused; what the provider itself says is asked for soon after."""
    portal.pay(order.out_trade_no)
    portal.notify(order.out_trade_no, "wrong_amount")
    assert now(order) == State.PENDING
    assert order.check_at <= timezone.now()


def test_a_claim_of_payment_that_the_provider_denies_posts_nothing(portal, order, attention):
    assert portal.notify(order.out_trade_no)["status"] == 204
    assert now(order) == State.PENDING
    assert not Payment.objects.exists()
    ((told, reason),) = attention
    assert told == order
    assert "unpaid" in reason


def test_an_event_that_could_not_be_processed_is_swept(portal, order):
    portal.pay(order.out_trade_no)
    portal.faults(fail_next=1, match="/out-trade-no/")
    assert portal.notify(order.out_trade_no)["status"] == 204
    assert now(order) == State.PENDING
    event = ProviderEvent.objects.get()
    assert event.state == ProviderEvent.State.RECEIVED
    assert events.sweep_events() == 0  # its own doorbell may still be at work
    ProviderEvent.objects.update(received_at=timezone.now() - datetime.timedelta(minutes=1))
    assert events.sweep_events() == 1
    assert now(order) == State.PAID
    assert events.sweep_events() == 0


def test_a_message_that_comes_after_its_money_went_back_is_no_news(portal, order, attention):
    """The worker died before it processed the message; the sweep, and a refund, were quicker."""
    portal.pay(order.out_trade_no)
    portal.faults(fail_next=1, match="/out-trade-no/")
    portal.notify(order.out_trade_no)
    give_all_back(asking.ask(order).payment)
    event = events.process(ProviderEvent.objects.get().pk)
    assert event.state == ProviderEvent.State.PROCESSED
    assert not attention


def test_a_message_whose_money_goes_back_meanwhile_is_no_news(
    portal, order, attention, monkeypatch
):
    """One worker has read the order; before it asks, another settled it and a refund was sent."""
    portal.pay(order.out_trade_no)
    portal.faults(fail_next=1, match="/out-trade-no/")
    portal.notify(order.out_trade_no)
    query = WeChatPayProvider.query

    def ask_late(provider, number):
        monkeypatch.setattr(WeChatPayProvider, "query", query)
        give_all_back(asking.ask(PaymentOrder.objects.get()).payment)
        return query(provider, number)

    monkeypatch.setattr(WeChatPayProvider, "query", ask_late)
    event = events.process(ProviderEvent.objects.get().pk)
    assert (event.state, now(order)) == (ProviderEvent.State.PROCESSED, State.PAID)
    assert not attention


def test_paid_after_the_bill_was_paid_at_the_desk(portal, order, bill, attention):
    make_payment(bill)
    portal.pay(order.out_trade_no)
    portal.notify(order.out_trade_no)
    assert now(order) == State.PAID
    assert Payment.objects.count() == 2
    assert len(attention) == 1


def test_a_provider_that_we_do_not_have_is_not_found(portal, order, client):
    assert client.post("/callbacks/alipay/", b"x", content_type="text/plain").status_code == 404
    assert client.get("/callbacks/wechatpay/").status_code == 405
    assert client.post("/callbacks/wechatpay/", b"x", content_type="a/b").status_code == 401


def test_a_dead_broker_does_not_spoil_the_answer(portal, order, monkeypatch):
    def dead(*args, **options):
        raise ConnectionError("no broker")

    monkeypatch.setattr(app, "send_task", dead)
    portal.pay(order.out_trade_no)
    assert portal.notify(order.out_trade_no)["status"] == 204
    assert ProviderEvent.objects.get().state == ProviderEvent.State.RECEIVED
