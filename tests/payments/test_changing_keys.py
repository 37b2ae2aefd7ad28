"""Keys are changed at the provider and here, step by step as docs/production.md says, and nothing
that is asked or told meanwhile is refused. Each simulator is a process of the test's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from payments.providers.alipay import AlipayProvider
from payments.providers.base import (
    NotGenuine,
    OrderRequest,
    Provider,
    RefundRequest,
    RefundState,
    Scene,
    TradeState,
    TransientError,
)
from payments.providers.wechatpay import WeChatPayProvider
from tests.fixtures.simulators import AlipaySimulator, PaymentSimulator, WeChatPaySimulator
from tests.payments.conftest import values_of
from tests.payments.outside import Catcher
from tests.payments.provider_contract import request


class Trial:
    """A provider's simulator in its own process, and our variables of its account."""

    def __init__(
        self, provider: Provider, simulator: PaymentSimulator, catcher: Catcher, settings: Any
    ) -> None:
        self.provider, self.simulator, self.catcher = provider, simulator, catcher
        self.settings = settings
        names = getattr(settings, provider.prefix)[""]
        self.set(**values_of(simulator, names, provider.prefix))
        simulator.faults(callbacks="lose", bill_today=True)

    def set(self, **values: str) -> None:
        """Our variables change, and every process has restarted."""
        known = getattr(self.settings, self.provider.prefix)[""]
        setattr(self.settings, self.provider.prefix, {"": known | values})
        assert self.provider.problems() == []

    def __getitem__(self, name: str) -> str:
        return str(getattr(self.settings, self.provider.prefix)[""][name])

    def there(self, step: str) -> dict[str, str]:
        """A step at the provider; our variables that come of it, without the prefix."""
        stem = f"{self.provider.prefix}_"
        told = self.simulator.post(f"/control/keys/{step}")
        return {name.removeprefix(stem): value for name, value in told.items()}

    def wish(self) -> OrderRequest:
        return request(self.provider, scene=Scene.NATIVE, notify_url=self.catcher.url)

    def works(self) -> str:
        """An order from its opening to its refund and its bill: nothing is refused; twice, since
        keys may take turns. The order's number."""
        for _ in range(2):
            asked = self.wish()
            number = asked.out_trade_no
            self.provider.open(asked)
            self.simulator.pay(number, callback=False)
            assert self.provider.query(number).state == TradeState.PAID
            assert self.provider.verify(*self.message(number)).out_trade_no == number
            wish = RefundRequest(
                out_trade_no=number,
                out_refund_no=f"R{number}"[:32],
                amount=asked.amount,
                total=asked.amount,
                reason="",
                notify_url=self.catcher.url,
            )
            self.provider.refund(wish)
            back = self.provider.query_refund(out_trade_no=number, out_refund_no=wish.out_refund_no)
            assert back.state == RefundState.DONE
        assert self.provider.download_bill(timezone.localdate())
        return number

    def message(self, number: str) -> tuple[dict[str, str], bytes]:
        self.simulator.notify(number)
        return self.catcher.last


@pytest.fixture
def wechatpay(tmp_path: Path, catcher: Catcher, settings: Any) -> Iterator[Trial]:
    simulator = WeChatPaySimulator(tmp_path).start()
    yield Trial(WeChatPayProvider(), simulator, catcher, settings)
    simulator.stop()


@pytest.fixture
def alipay_trial(tmp_path: Path, catcher: Catcher, settings: Any) -> Iterator[Trial]:
    simulator = AlipaySimulator(tmp_path).start()
    yield Trial(AlipayProvider(), simulator, catcher, settings)
    simulator.stop()


def test_wechat_pays_public_key(wechatpay: Trial) -> None:
    wechatpay.works()
    new = wechatpay.there("make_public_key")
    old = {name: wechatpay[name] for name in new}
    wechatpay.set(**{name: f"{new[name]},{old[name]}" for name in new})
    wechatpay.works()  # requests name the new one already; answers come under the old
    wechatpay.there("change_public_key")
    wechatpay.works()  # answers under the new one; messages under one and the other
    wechatpay.there("finish_public_key")
    wechatpay.works()
    wechatpay.set(**new)
    number = wechatpay.works()
    wechatpay.set(**old)
    with pytest.raises(TransientError, match="verify"):
        wechatpay.provider.query(number)


def test_processes_that_restart_later_are_answered_too(wechatpay: Trial) -> None:
    """While keys are changed, some processes still name the old one."""
    new = wechatpay.there("make_public_key")
    old = {name: wechatpay[name] for name in new}
    wechatpay.set(**{name: f"{old[name]},{new[name]}" for name in new})
    wechatpay.there("change_public_key")
    wechatpay.works()


def test_an_answer_under_a_key_that_is_not_ours_is_refused(
    wechatpay: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody asks the network for that key."""
    asked: list[str] = []
    core = wechatpay.provider.client._core
    monkeypatch.setattr(core, "_update_certificates", lambda: asked.append("certificates"))
    wechatpay.there("make_public_key")
    wechatpay.there("finish_public_key")
    order = wechatpay.wish()
    with pytest.raises(TransientError, match="verify"):
        wechatpay.provider.open(order)
    with pytest.raises(NotGenuine, match="unknown key"):
        wechatpay.provider.verify(*wechatpay.message(order.out_trade_no))
    assert asked == []


def test_an_answer_is_checked_under_the_key_that_it_names(wechatpay: Trial) -> None:
    """A genuine signature of one key, said to be of the other, is none."""
    new = wechatpay.there("make_public_key")
    wechatpay.set(
        PUBLIC_KEY_ID=f"{wechatpay['PUBLIC_KEY_ID']},{new['PUBLIC_KEY_ID']}",
        PUBLIC_KEY_FILE=f"{wechatpay['PUBLIC_KEY_FILE']},{new['PUBLIC_KEY_FILE']}",
    )
    order = wechatpay.wish()
    wechatpay.provider.open(order)
    headers, body = wechatpay.message(order.out_trade_no)
    wechatpay.provider.verify(headers, body)
    with pytest.raises(NotGenuine):
        wechatpay.provider.verify({**headers, "Wechatpay-Serial": new["PUBLIC_KEY_ID"]}, body)


def test_the_apiv3_key(wechatpay: Trial) -> None:
    """WeChat takes the key that was entered there; ours is known here first."""
    old = wechatpay["APIV3_KEY"]
    wechatpay.works()
    # The simulator makes the key itself: what we know before is enough for messages until then.
    new = wechatpay.there("change_apiv3_key")["APIV3_KEY"]
    wechatpay.set(APIV3_KEY=f"{new},{old}")
    wechatpay.works()
    wechatpay.set(APIV3_KEY=new)
    wechatpay.works()


def test_the_merchants_certificate(wechatpay: Trial) -> None:
    wechatpay.works()
    new = wechatpay.there("make_certificate")
    wechatpay.works()
    old = {name: wechatpay[name] for name in new}
    wechatpay.set(**new)
    wechatpay.works()
    wechatpay.there("drop_certificate")
    number = wechatpay.works()
    wechatpay.set(**old)
    with pytest.raises(Exception, match="SIGN_ERROR"):
        wechatpay.provider.query(number)


def test_alipays_public_key(alipay_trial: Trial) -> None:
    alipay_trial.works()
    new = alipay_trial.there("make_public_key")["PUBLIC_KEY_FILE"]
    old = alipay_trial["PUBLIC_KEY_FILE"]
    alipay_trial.set(PUBLIC_KEY_FILE=f"{new},{old}")
    alipay_trial.works()
    alipay_trial.there("change_public_key")
    alipay_trial.works()
    alipay_trial.set(PUBLIC_KEY_FILE=new)
    number = alipay_trial.works()
    alipay_trial.set(PUBLIC_KEY_FILE=old)
    with pytest.raises(TransientError, match="signature"):
        alipay_trial.provider.query(number)


def test_the_apps_key(alipay_trial: Trial) -> None:
    """Alipay knows one of them at a time; with both here no request is refused for good."""
    alipay_trial.works()
    new = alipay_trial.there("make_app_key")["PRIVATE_KEY_FILE"]
    old = alipay_trial["PRIVATE_KEY_FILE"]
    alipay_trial.set(PRIVATE_KEY_FILE=f"{new},{old}")
    alipay_trial.works()
    alipay_trial.there("change_app_key")
    alipay_trial.works()
    alipay_trial.set(PRIVATE_KEY_FILE=new)
    number = alipay_trial.works()
    alipay_trial.set(PRIVATE_KEY_FILE=old)
    with pytest.raises(TransientError, match="none of our keys"):
        alipay_trial.provider.query(number)


@pytest.mark.parametrize("scene", [Scene.H5, Scene.PAGE])
def test_an_address_is_signed_with_the_key_that_alipay_knows(
    alipay_trial: Trial, scene: Scene
) -> None:
    """The payer's browser cannot try another one."""
    new = alipay_trial.there("make_app_key")["PRIVATE_KEY_FILE"]
    alipay_trial.set(PRIVATE_KEY_FILE=f"{new},{alipay_trial['PRIVATE_KEY_FILE']}")
    for step in ("", "change_app_key"):
        if step:
            alipay_trial.there(step)
        order = request(alipay_trial.provider, scene=scene)
        address = alipay_trial.provider.open(order).pay_url
        status, text = alipay_trial.simulator.raw("GET", address)
        assert (status, text) == (303, "")
