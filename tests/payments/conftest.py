"""The portal with a merchant account at the simulator of WeChat Pay."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import Client

from config.celery import app
from core import doorbell
from payments import tasks
from payments.providers.wechatpay import WeChatPayProvider
from payments.services.online import events
from payments.signals import payment_needs_attention
from tests.fixtures.simulators import AlipaySimulator, PaymentSimulator, WeChatPaySimulator
from tests.payments.outside import Catcher


@pytest.fixture
def merchant(wechatpay_simulator: WeChatPaySimulator, settings: Any) -> WeChatPaySimulator:
    """A merchant account; callbacks get lost unless the test says otherwise."""
    settings.WECHATPAY = {"": values_of(wechatpay_simulator, settings.WECHATPAY[""], "WECHATPAY")}
    settings.WECHAT_OPEN_URL = settings.WECHAT_API_URL = wechatpay_simulator.url
    wechatpay_simulator.faults(callbacks="lose")
    return wechatpay_simulator


@pytest.fixture
def open_day(merchant: WeChatPaySimulator) -> WeChatPaySimulator:
    """The merchant's simulator, where today's bill can be fetched too."""
    merchant.faults(bill_today=True)
    return merchant


def values_of(simulator: PaymentSimulator, names: Iterable[str], prefix: str) -> dict[str, str]:
    """The merchant account of a simulator, as the settings hold it."""
    return {name: simulator.account[f"{prefix}_{name}"] for name in names}


@pytest.fixture
def alipay(alipay_simulator: AlipaySimulator, settings: Any) -> AlipaySimulator:
    """A merchant account at Alipay; callbacks get lost unless the test says otherwise."""
    settings.ALIPAY = {"": values_of(alipay_simulator, settings.ALIPAY[""], "ALIPAY")}
    alipay_simulator.faults(callbacks="lose")
    return alipay_simulator


@pytest.fixture
def provider(merchant: WeChatPaySimulator) -> WeChatPayProvider:
    return WeChatPayProvider()


@pytest.fixture
def portal(merchant: WeChatPaySimulator, live_server: Any, settings: Any) -> WeChatPaySimulator:
    """The merchant's simulator, which can reach the running portal with its callbacks."""
    settings.SITE_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    return merchant


@pytest.fixture(autouse=True)
def tasks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our doorbells are answered at once, so that a test sees what came of it; others' are not."""

    def answer(name: str, args: tuple[Any, ...] = (), **options: Any) -> None:
        room, _tasks, task = name.split(".")
        if room == "payments":
            getattr(tasks, task)(*args)

    monkeypatch.setattr(app, "send_task", answer)
    monkeypatch.setattr(events, "ring_aside", doorbell.ring)


@pytest.fixture
def attention() -> Iterator[list[tuple[Any, str]]]:
    """What a person was told to look at: (order, reason)."""
    told: list[tuple[Any, str]] = []

    def listen(sender: Any, order: Any, reason: str, **kwargs: Any) -> None:
        told.append((order, reason))

    payment_needs_attention.connect(listen)
    yield told
    payment_needs_attention.disconnect(listen)


@pytest.fixture
def resident(client: Client, bill: Any) -> Any:
    """The client, signed in as the payer of `bill`."""
    from tests.factories.community import BindingFactory

    user = BindingFactory(party=bill.account.party).user
    client.force_login(user)
    return user


@pytest.fixture
def bill() -> Any:
    from tests.factories.billing import make_bill

    return make_bill("302.12", "42.00")


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    catcher = Catcher()
    yield catcher
    catcher.server.shutdown()
    catcher.server.server_close()
