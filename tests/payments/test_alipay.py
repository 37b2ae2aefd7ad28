"""Alipay against its simulator: the contract, and the traps of its callbacks."""

import random
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import urlopen

import pytest

from payments.providers.alipay import GATEWAY, AlipayProvider
from payments.providers.base import (
    BalanceShort,
    NotGenuine,
    PermanentError,
    Scene,
    TradeState,
    TransientError,
)
from simulators import rsa
from tests.payments.conftest import values_of
from tests.payments.outside import TheSimulator
from tests.payments.provider_contract import ProviderContract, paid, refund_request, request

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
FORGERIES = [
    *("late", "forged", "bad_signature", "unsigned", "altered", "added", "wrong_sign_type"),
    "not_a_form",
]


@pytest.fixture
def merchant(alipay):
    return alipay


@pytest.fixture
def provider(alipay):
    return AlipayProvider()


class ThePayer(TheSimulator):
    """Opens the address that he was shown: nobody else has told Alipay of the order."""

    def __init__(self, simulator, catcher):
        super().__init__(simulator, catcher)
        self.shown = {}

    def look(self, out_trade_no):
        address = self.shown.get(out_trade_no, "")
        if "gateway.do" in address:
            with urlopen(address) as page:
                page.read()
        self.simulator.look(out_trade_no)

    def pay(self, out_trade_no):
        self.look(out_trade_no)
        super().pay(out_trade_no)


@pytest.fixture
def outside(alipay, catcher, monkeypatch):
    monkeypatch.setattr("tests.payments.provider_contract.NOTIFY_URL", catcher.url)
    payer = ThePayer(alipay, catcher)
    really_open = AlipayProvider.open

    def open_and_show(provider, request):
        instruction = really_open(provider, request)
        payer.shown[request.out_trade_no] = instruction.pay_url
        return instruction

    monkeypatch.setattr(AlipayProvider, "open", open_and_show)
    return payer


class TestContract(ProviderContract):
    pass


@pytest.mark.parametrize("fault", FORGERIES)
def test_what_is_not_genuine_is_refused(provider, outside, fault):
    asked = paid(provider, outside)
    with pytest.raises(NotGenuine):
        provider.verify(*outside.callback(asked.out_trade_no, fault))


@pytest.mark.parametrize("fault", ["wrong_merchant", "wrong_app"])
def test_orders_of_other_merchants_are_not_ours(provider, outside, fault):
    asked = paid(provider, outside)
    event = provider.verify(*outside.callback(asked.out_trade_no, fault))
    assert not provider.is_ours(provider.claim(event.payload))
    assert not provider.is_addressed(event.payload)


def test_no_mutation_of_a_genuine_callback_is_accepted(provider, outside):
    """A byte changed at random: refused, unless it spells the same parameters."""
    asked = paid(provider, outside)
    headers, body = outside.callback(asked.out_trade_no)
    told = parse_qsl(body.decode())
    dice = random.Random(20260105)
    for _ in range(2_000):
        wrong = bytearray(body)
        wrong[dice.randrange(len(wrong))] ^= dice.randrange(1, 256)
        if parse_qsl(wrong.decode("latin-1"), keep_blank_values=True) == told:
            continue
        with pytest.raises(NotGenuine):
            provider.verify(headers, bytes(wrong))


def test_parameters_moved_into_another_are_refused(provider, outside):
    """The text that is signed does not tell `a=b&c=d` in one value from two parameters."""
    asked = paid(provider, outside)
    headers, body = outside.callback(asked.out_trade_no)
    told = dict(parse_qsl(body.decode()))
    told["gmt_create"] += f"&gmt_payment={told.pop('gmt_payment')}"
    with pytest.raises(NotGenuine):
        provider.verify(headers, urlencode(told).encode())


@pytest.mark.parametrize("change", ["twice", "blank", "padded"])
def test_the_form_must_be_exact(provider, outside, change):
    asked = paid(provider, outside)
    headers, body = outside.callback(asked.out_trade_no)
    assert provider.verify(headers, body).out_trade_no == asked.out_trade_no
    if change == "padded":  # the library's base64 would pass over it
        sign = dict(parse_qsl(body.decode()))["sign"]
        wrong = body.replace(
            urlencode({"sign": sign}).encode(), urlencode({"sign": f"{sign}\n"}).encode()
        )
    else:
        wrong = body + {"twice": b"&total_amount=0.01", "blank": b"&passback_params="}[change]
    with pytest.raises(NotGenuine):
        provider.verify(headers, wrong)


def test_a_refunds_notification_is_no_payment(provider, outside, merchant, catcher):
    asked = paid(provider, outside)
    merchant.faults(callbacks="deliver")
    provider.refund(refund_request(asked.out_trade_no, "R1", "44.12"))
    merchant.wait_for_callbacks(asked.out_trade_no)
    event = provider.verify(*catcher.last)
    assert provider.claim(event.payload) is None
    assert provider.claim_refund(event.payload).out_refund_no == "R1"


def test_an_address_may_be_opened_after_it_was_closed_unseen(provider, outside):
    """Closing promises nothing before the payer came: the trap that the watch is for."""
    asked = request(provider, scene=Scene.NATIVE)
    provider.open(asked)
    assert not provider.close(asked.out_trade_no)
    outside.pay(asked.out_trade_no)
    assert provider.query(asked.out_trade_no).state == TradeState.PAID


@pytest.mark.parametrize("scene", [Scene.H5, Scene.PAGE])
def test_an_address_leads_to_the_cashier(provider, outside, scene):
    asked = request(provider, scene=scene, description="A/B=C&D 物业费")
    address = provider.open(asked).pay_url
    assert len(address) < 3000
    with urlopen(address) as answer:
        page = answer.read().decode()
    assert "344.12" in page
    assert "A B C D 物业费" in page
    assert urlsplit(answer.url).path == "/cashier"
    assert provider.query(asked.out_trade_no).state == TradeState.UNPAID


def test_a_busy_gateway_is_transient_and_an_empty_purse_is_told(provider, outside, merchant):
    asked = paid(provider, outside)
    merchant.faults(busy_next=1)
    with pytest.raises(TransientError):
        provider.query(asked.out_trade_no)
    merchant.faults(fail_next=1)
    with pytest.raises(TransientError):
        provider.query(asked.out_trade_no)
    merchant.faults(poor_next=1)
    with pytest.raises(BalanceShort):
        provider.refund(refund_request(asked.out_trade_no, "R1", "1.00"))


def test_an_answer_with_a_false_signature_is_not_believed(provider, outside, settings, tmp_path):
    asked = paid(provider, outside)
    other = tmp_path / "other.pem"
    other.write_text(rsa.public_pem(rsa.make()))
    settings.ALIPAY = {"": settings.ALIPAY[""] | {"PUBLIC_KEY_FILE": str(other)}}
    with pytest.raises(TransientError, match="signature"):
        provider.query(asked.out_trade_no)


def test_while_alipays_key_is_changed_both_are_accepted(provider, outside, settings, tmp_path):
    asked = paid(provider, outside)
    message = outside.callback(asked.out_trade_no)
    other = tmp_path / "other.pem"
    other.write_text(rsa.public_pem(rsa.make()))
    known = settings.ALIPAY[""]["PUBLIC_KEY_FILE"]
    for both in (f"{other},{known}", f"{known}, {other}"):
        settings.ALIPAY = {"": settings.ALIPAY[""] | {"PUBLIC_KEY_FILE": both}}
        assert provider.problems() == []
        assert provider.verify(*message).out_trade_no == asked.out_trade_no
        assert provider.query(asked.out_trade_no).state == TradeState.PAID


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount": "1.234"},
        {"total_amount": "NaN"},
        {"gmt_payment": "yesterday"},
        {"out_trade_no": None},
    ],
)
def test_nonsense_is_a_typed_error(provider, wrong):
    payload = {
        "trade_status": "TRADE_SUCCESS",
        "out_trade_no": "1",
        "total_amount": "1.00",
        "gmt_payment": "2026-01-05 10:00:00",
    } | wrong
    payload = {name: value for name, value in payload.items() if value is not None}
    with pytest.raises(PermanentError):
        provider.claim(payload)


def test_without_an_account_it_is_not_offered(settings):
    settings.ALIPAY = {"": dict.fromkeys(settings.ALIPAY[""], "") | {"GATEWAY": GATEWAY}}
    assert not AlipayProvider().is_configured()
    assert AlipayProvider().problems() == []


def test_half_an_account_and_unreadable_keys_are_told(alipay, settings, tmp_path):
    good = values_of(alipay, settings.ALIPAY[""], "ALIPAY")
    settings.ALIPAY = {"": good, "yun-qi": good | {"SELLER_ID": ""}}
    assert AlipayProvider().problems() == []
    assert AlipayProvider("yun-qi").problems() == ["ALIPAY_YUN_QI_SELLER_ID is not set"]
    broken = tmp_path / "key.pem"
    Path(broken).write_text("no key")
    settings.ALIPAY = {"": good | {"PRIVATE_KEY_FILE": str(broken)}}
    assert "cannot be used" in AlipayProvider().problems()[0]


def test_the_simulator_is_refused_in_production(provider, settings):
    settings.PRODUCTION = True
    assert "not the real" in provider.problems()[0]
    settings.ALIPAY = {"": settings.ALIPAY[""] | {"GATEWAY": GATEWAY}}
    assert provider.problems() == []
