"""Two merchant accounts at one provider: nothing of one is seen or believed by the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone

from payments.providers.alipay import AlipayProvider
from payments.providers.base import (
    NotGenuine,
    OrderRequest,
    PermanentError,
    Provider,
    RefundRequest,
    Scene,
    TradeState,
)
from payments.providers.wechatpay import WeChatPayProvider
from tests.fixtures.simulators import AlipaySimulator, PaymentSimulator, WeChatPaySimulator
from tests.payments.outside import Catcher
from tests.payments.provider_contract import request


@pytest.fixture(params=[WeChatPayProvider, AlipayProvider])
def kind(request: pytest.FixtureRequest) -> type[Provider]:
    return request.param


@pytest.fixture
def simulator(kind: type[Provider], tmp_path: Path, settings: Any) -> Iterator[PaymentSimulator]:
    """A simulator that knows two merchants; we have both accounts, one of them yunqi's own."""
    make = WeChatPaySimulator if kind is WeChatPayProvider else AlipaySimulator
    simulator = make(tmp_path, SIM_MERCHANTS="2").start()
    names = getattr(settings, kind.prefix)[""]
    accounts = {
        "": {name: simulator.account[f"{kind.prefix}_{name}"] for name in names},
        "yunqi": {name: simulator.second_account[f"{kind.prefix}_{name}"] for name in names},
    }
    setattr(settings, kind.prefix, accounts)
    simulator.faults(callbacks="lose", bill_today=True)
    yield simulator
    simulator.stop()


@pytest.fixture
def both(kind: type[Provider], simulator: PaymentSimulator) -> list[Provider]:
    found = [kind(""), kind("yunqi")]
    assert [one.problems() for one in found] == [[], []]
    return found


def paid(provider: Provider, simulator: PaymentSimulator, catcher: Catcher) -> OrderRequest:
    order = request(provider, scene=Scene.NATIVE, notify_url=catcher.url)
    provider.open(order)
    simulator.pay(order.out_trade_no, callback=False)
    return order


def refund_of(order: OrderRequest) -> RefundRequest:
    number = order.out_trade_no
    return RefundRequest(number, f"R{number}"[:32], order.amount, order.amount)


def test_orders_and_messages(
    both: list[Provider], simulator: PaymentSimulator, catcher: Catcher
) -> None:
    for provider, other in (both, both[::-1]):
        number = paid(provider, simulator, catcher).out_trade_no
        found = provider.query(number)
        assert found.state == TradeState.PAID
        assert provider.is_ours(found)
        assert not other.is_ours(found)
        assert other.query(number).state == TradeState.UNKNOWN
        simulator.notify(number)
        assert provider.is_addressed(provider.verify(*catcher.last).payload)
        with pytest.raises(NotGenuine):
            other.verify(*catcher.last)


def test_refunds(both: list[Provider], simulator: PaymentSimulator, catcher: Catcher) -> None:
    for provider, other in (both, both[::-1]):
        order = paid(provider, simulator, catcher)
        with pytest.raises(PermanentError):
            other.refund(refund_of(order))
        assert simulator.ledger()["refunds"] == []
        provider.refund(refund_of(order))
        simulator.reset()
        simulator.faults(callbacks="lose", bill_today=True)


def test_closing(both: list[Provider], simulator: PaymentSimulator, catcher: Catcher) -> None:
    provider, other = both
    order = request(provider, scene=Scene.NATIVE, notify_url=catcher.url)
    provider.open(order)
    other.close(order.out_trade_no)
    simulator.pay(order.out_trade_no, callback=False)
    assert provider.query(order.out_trade_no).state == TradeState.PAID


def test_the_days_bills(
    both: list[Provider], simulator: PaymentSimulator, catcher: Catcher
) -> None:
    numbers = []
    for provider in both:
        order = paid(provider, simulator, catcher)
        provider.refund(refund_of(order))
        numbers.append(order.out_trade_no)
    for provider, number in zip(both, numbers, strict=True):
        lines = provider.download_bill(timezone.localdate()).lines
        assert {line.out_trade_no for line in lines} == {number}
        assert len(lines) == 2


def test_what_the_bank_pays_out(
    kind: type[Provider],
    both: list[Provider],
    simulator: PaymentSimulator,
    catcher: Catcher,
) -> None:
    """Only the second merchant was paid: only its statement has a line."""
    paid(both[1], simulator, catcher)
    name = "MCHID" if kind is WeChatPayProvider else "APP_ID"
    for provider, lines in zip(both, (1, 2), strict=True):
        asked = {"merchant": provider.account[name]}
        answer = requests.get(f"{simulator.url}/control/statement", params=asked, timeout=10)
        assert len(answer.content.decode("gb18030").splitlines()) == lines
