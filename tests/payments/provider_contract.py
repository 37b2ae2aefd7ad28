"""What every payment provider must pass. A provider's test class inherits this and gives `provider`
(the plug-in, configured) and `outside`: the world behind it, told to pay or to break."""

import datetime
import uuid
from decimal import Decimal
from typing import Any, Protocol

import pytest
from django.utils import timezone

from payments import providers
from payments.models import Payment
from payments.providers.base import (
    AlreadyPaid,
    NotGenuine,
    OrderRequest,
    PermanentError,
    Provider,
    ProviderOrder,
    Scene,
    TradeState,
    TransientError,
)

NOTIFY_URL = "http://127.0.0.1:1/callbacks/x/"


class Outside(Protocol):
    def pay(self, out_trade_no: str) -> None: ...
    def break_once(self, *, done: bool) -> None:
        """The next request fails on the way there (done=False) or back (done=True)."""

    def callback(self, out_trade_no: str, fault: str = "") -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback that says that the order is paid."""


def request(provider: Provider, **changed: Any) -> OrderRequest:
    wanted: dict[str, Any] = {
        "out_trade_no": uuid.uuid4().hex,
        "amount": Decimal("344.12"),
        "description": "云栖苑 物业费",
        "scene": sorted(provider.scenes)[0],
        "expires_at": timezone.now().replace(microsecond=0) + datetime.timedelta(minutes=30),
        "notify_url": NOTIFY_URL,
        "return_url": "http://127.0.0.1:1/pay/orders/1/",
        "client_ip": "127.0.0.1",
    }
    return OrderRequest(**(wanted | changed))


class ProviderContract:
    def test_it_is_found_by_its_key_and_says_what_it_is(self, provider):
        assert type(providers.get(provider.key)) is type(provider)
        assert provider.method in Payment.Method
        assert provider.scenes
        assert provider.problems() == []

    def test_every_scene_can_be_opened(self, provider):
        for scene in provider.scenes:
            assert provider.open(request(provider, scene=scene)).pay_url

    def test_an_order_is_unknown_then_unpaid_then_paid(self, provider, outside):
        asked = request(provider)
        assert provider.query(asked.out_trade_no).state == TradeState.UNKNOWN
        provider.open(asked)
        assert provider.query(asked.out_trade_no).state == TradeState.UNPAID
        outside.pay(asked.out_trade_no)
        facts = provider.query(asked.out_trade_no)
        assert facts.state == TradeState.PAID
        assert facts.out_trade_no == asked.out_trade_no
        assert facts.amount == asked.amount
        assert facts.transaction_id
        assert facts.paid_at is not None
        assert abs(facts.paid_at - timezone.now()) < datetime.timedelta(minutes=1)
        assert provider.is_ours(facts)

    def test_opening_again_is_the_same_order(self, provider):
        asked = request(provider)
        assert provider.open(asked).pay_url
        assert provider.open(asked).pay_url

    def test_the_same_number_for_another_amount_is_refused(self, provider):
        asked = request(provider)
        provider.open(asked)
        with pytest.raises(PermanentError):
            provider.open(
                request(provider, out_trade_no=asked.out_trade_no, amount=Decimal("1.00"))
            )

    def test_a_closed_order_stays_closed_and_closing_is_repeatable(self, provider):
        asked = request(provider)
        provider.close(asked.out_trade_no)  # never heard of: nothing to pay either
        provider.open(asked)
        provider.close(asked.out_trade_no)
        provider.close(asked.out_trade_no)
        assert provider.query(asked.out_trade_no).state == TradeState.CLOSED

    def test_a_paid_order_can_neither_be_opened_nor_closed(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        with pytest.raises(AlreadyPaid):
            provider.open(asked)
        with pytest.raises(AlreadyPaid):
            provider.close(asked.out_trade_no)

    @pytest.mark.parametrize("done", [True, False])
    def test_a_broken_network_is_transient_and_asking_again_is_safe(self, provider, outside, done):
        asked = request(provider)
        outside.break_once(done=done)
        with pytest.raises(TransientError):
            provider.open(asked)
        assert provider.open(asked).pay_url

    def test_a_genuine_callback_is_read(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        event = provider.verify(*outside.callback(asked.out_trade_no))
        assert event.event_id
        assert event.out_trade_no == asked.out_trade_no
        claim = provider.claim(event.payload)
        assert claim.state == TradeState.PAID
        assert claim.amount == asked.amount
        assert provider.is_ours(claim)

    def test_who_paid_is_not_kept(self, provider, outside):
        asked = request(provider)
        provider.open(asked)
        outside.pay(asked.out_trade_no)
        event = provider.verify(*outside.callback(asked.out_trade_no))
        assert "openid" not in str(event.payload)

    def test_orders_of_others_are_not_ours(self, provider):
        assert not provider.is_ours(
            ProviderOrder("x", TradeState.PAID, merchant="other", app="other")
        )

    def test_an_unsigned_callback_is_refused(self, provider):
        with pytest.raises(NotGenuine):
            provider.verify({}, b'{"id": "1"}')
        assert provider.refused().status >= 400
        assert provider.accepted().status in (200, 204)

    def test_unknown_scene_is_not_offered(self, provider):
        assert set(provider.scenes) <= set(Scene)
