"""An order that did not settle at once and then did by itself needs nobody any more."""

from typing import Any

import pytest
from django.utils import timezone, translation

from payments.models import PaymentOrder, ProviderEvent
from payments.providers.base import ProviderOrder, TradeState
from payments.services.online import events, hanging, orders
from payments.unsettled import orders as unsettled
from payments.unsettled import reasons
from tests.payments.online import paid_there
from tests.payments.test_orders import paid

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = ProviderEvent.State


def waiting(order: PaymentOrder) -> list[unsettled.Unsettled]:
    return unsettled.explain(unsettled.unsettled_orders(order.community))


def test_its_account_was_taken_out_of_the_settings_and_put_back(
    merchant: Any, bill: Any, settings: Any, attention: list[Any]
) -> None:
    order = paid_there(merchant, bill)
    account = settings.WECHATPAY
    settings.WECHATPAY = {"": dict.fromkeys(account[""], "")}
    PaymentOrder.objects.update(check_at=timezone.now())
    hanging.ask_by_id(order.pk)
    (found,) = waiting(order)
    with translation.override("en"):
        (reason,) = found.reasons
        assert "merchant account of this payment is not in the settings" in str(reason.plain)
        assert "message" not in str(reason.plain)
        (told,) = (code for _order, code in attention)
        assert reasons.meaning_of(told, order).kind == "no_account"
    settings.WECHATPAY = account
    hanging.ask_by_id(order.pk)
    order.refresh_from_db()
    assert (order.state, order.problem) == (PaymentOrder.State.PAID, "")
    assert waiting(order) == []


def test_a_message_came_before_its_payment_was_confirmed(merchant: Any, bill: Any) -> None:
    order = paid_there(merchant, bill)
    kept = {
        "provider": "wechatpay",
        "out_trade_no": order.out_trade_no,
        "payload": {},
        "state": State.REFUSED,
        "processed_at": timezone.now(),
    }
    early = ProviderEvent.objects.create(
        event_id="E1", outcome=f"{orders.UNCONFIRMED} the provider calls it unpaid", **kept
    )
    other = ProviderEvent.objects.create(
        event_id="E2", outcome="it says paid, 60.00 yuan; asked 344.12", **kept
    )
    elsewhere = ProviderEvent.objects.create(
        event_id="E3", outcome=early.outcome, **kept | {"merchant": "yun-qi"}
    )
    orders.settle(
        order.pk,
        paid(
            order,
            merchant=merchant.account["WECHATPAY_MCHID"],
            app=merchant.account["WECHATPAY_APPID"],
        ),
    )
    assert set(ProviderEvent.objects.filter(state=State.RECEIVED)) == {early}
    assert set(ProviderEvent.objects.filter(state=State.REFUSED)) == {other, elsewhere}


def test_it_is_heard_again_and_fits_now(portal: Any, bill: Any) -> None:
    """The provider told of the payment before its own query knew of it."""
    order = paid_there(portal, bill)
    real = events.providers.get

    class Behind:
        def __init__(self, provider: Any) -> None:
            self.provider = provider

        def __getattr__(self, name: str) -> Any:
            return getattr(self.provider, name)

        def query(self, out_trade_no: str) -> Any:
            return ProviderOrder(out_trade_no, TradeState.UNPAID)

    portal.faults(callbacks="deliver")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events.providers, "get", lambda *args: Behind(real(*args)))
        assert portal.notify(order.out_trade_no, "")["status"] == 204
    event = ProviderEvent.objects.get()
    assert (event.state, event.outcome.startswith(orders.UNCONFIRMED)) == (State.REFUSED, True)
    assert len(waiting(order)) == 1
    hanging.ask_by_id(order.pk)
    assert waiting(order) == []
    events.process(event.pk)
    event.refresh_from_db()
    assert (event.state, event.outcome) == (State.PROCESSED, "order paid")
