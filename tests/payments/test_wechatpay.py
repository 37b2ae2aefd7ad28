"""WeChat Pay against its simulator: the contract, and the traps of its callbacks."""

import random

import pytest
from django.utils import translation

from payments.providers.base import NotGenuine, PermanentError, TransientError
from payments.providers.wechatpay import GATEWAY, WeChatPayProvider
from simulators import rsa
from tests.payments.outside import TheSimulator, same_bytes
from tests.payments.provider_contract import ProviderContract, request

FORGERIES = [
    "late",
    "forged",
    "bad_signature",
    "altered",
    "unknown_serial",
    "wrong_key",
    "probe",
    "no_signature_type",
    "not_json",
]


@pytest.fixture
def outside(merchant, catcher, monkeypatch):
    monkeypatch.setattr("tests.payments.provider_contract.NOTIFY_URL", catcher.url)
    return TheSimulator(merchant, catcher)


class TestContract(ProviderContract):
    pass


@pytest.mark.parametrize("fault", FORGERIES)
def test_what_is_not_genuine_is_refused(provider, outside, fault):
    asked = request(provider)
    provider.open(asked)
    outside.pay(asked.out_trade_no)
    with pytest.raises(NotGenuine):
        provider.verify(*outside.callback(asked.out_trade_no, fault))


@pytest.mark.parametrize("fault", ["wrong_merchant", "wrong_app"])
def test_orders_of_other_merchants_are_not_ours(provider, outside, fault):
    asked = request(provider)
    provider.open(asked)
    event = provider.verify(*outside.callback(asked.out_trade_no, fault))
    assert not provider.is_ours(provider.claim(event.payload))
    assert not provider.is_addressed(event.payload)


def test_no_mutation_of_a_genuine_callback_is_accepted(provider, outside):
    """Bytes and signed headers changed at random: each is refused, quietly."""
    asked = request(provider)
    provider.open(asked)
    headers, body = outside.callback(asked.out_trade_no)
    assert provider.verify(headers, body).out_trade_no == asked.out_trade_no
    dice = random.Random(20260105)
    signed = ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial"]
    for _ in range(1_000):
        wrong_headers, wrong_body = dict(headers), bytearray(body)
        if dice.random() < 0.5:
            place = dice.randrange(len(wrong_body))
            wrong_body[place] ^= dice.randrange(1, 256)
        else:
            name = dice.choice(signed)
            text = wrong_headers[name]
            place = dice.randrange(len(text))
            other = dice.choice("0123456789abcdefXYZ+/=")
            if text[place] == other:
                continue
            wrong_headers[name] = text[:place] + other + text[place + 1 :]
            if name == "Wechatpay-Signature" and same_bytes(text, wrong_headers[name]):
                continue
        with pytest.raises(NotGenuine):
            provider.verify(wrong_headers, bytes(wrong_body))


def test_the_secret_of_the_app_stands_in_no_error(provider, merchant):
    merchant.faults(fail_next=1, match="/sns/")
    with pytest.raises(TransientError) as caught:
        provider.identify("code")
    assert provider.account["APP_SECRET"] not in str(caught.value)


def test_a_refund_message_is_not_a_payment(provider):
    assert provider.claim({"event_type": "REFUND.SUCCESS", "resource": {}}) is None


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"out_trade_no": "1", "trade_state": "WHO_KNOWS"},
        {"out_trade_no": "1", "trade_state": "SUCCESS", "amount": {"total": "12.5"}},
        {"out_trade_no": "1", "trade_state": "SUCCESS", "amount": {"total": 12.5}},
        {"out_trade_no": "1", "trade_state": "SUCCESS", "amount": [1]},
    ],
)
def test_nonsense_is_a_typed_error(provider, resource):
    with pytest.raises(PermanentError):
        provider.claim({"event_type": "TRANSACTION.SUCCESS", "resource": resource})


def test_without_an_account_it_is_not_offered(settings):
    settings.WECHATPAY = {"": dict.fromkeys(settings.WECHATPAY[""], "") | {"GATEWAY": GATEWAY}}
    assert not WeChatPayProvider().is_configured()
    assert WeChatPayProvider().problems() == []


def test_half_an_account_is_told(provider, settings):
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"MCHID": "", "APIV3_KEY": ""}}
    assert provider.problems() == ["WECHATPAY_APIV3_KEY is not set", "WECHATPAY_MCHID is not set"]


def test_unreadable_keys_are_told(provider, settings, tmp_path):
    broken = tmp_path / "key.pem"
    broken.write_text("no key")
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"PRIVATE_KEY_FILE": str(broken)}}
    assert "cannot be used" in provider.problems()[0]


def test_the_simulator_is_refused_in_production(provider, settings):
    settings.PRODUCTION = True
    with translation.override("en"):
        assert "not the real WeChat Pay" in provider.problems()[0]
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"MCHID": ""}}
    with translation.override("en"):
        simulated, missing = provider.problems()  # whatever else is wrong
    assert "not the real WeChat Pay" in simulated
    assert missing == "WECHATPAY_MCHID is not set"
    known = settings.WECHATPAY[""]
    settings.WECHATPAY = {"": dict.fromkeys(known, "") | {"GATEWAY": known["GATEWAY"]}}
    assert len(provider.problems()) == 1
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"GATEWAY": GATEWAY}}
    assert provider.problems() == []


def test_while_keys_are_changed_old_and_new_are_accepted(provider, outside, settings, tmp_path):
    """Callbacks signed with either public key, encrypted with either APIv3 key."""
    asked = request(provider)
    provider.open(asked)
    message = outside.callback(asked.out_trade_no)
    other = tmp_path / "other.pem"
    other.write_text(rsa.public_pem(rsa.make()))
    known = settings.WECHATPAY[""]
    both = {
        "PUBLIC_KEY_FILE": f"{known['PUBLIC_KEY_FILE']},{other}",
        "PUBLIC_KEY_ID": f"{known['PUBLIC_KEY_ID']},PUB_KEY_ID_OTHER",
        "APIV3_KEY": f"{'n' * 32},{known['APIV3_KEY']}",
    }
    settings.WECHATPAY = {"": known | both}
    assert provider.problems() == []
    assert provider.verify(*message).out_trade_no == asked.out_trade_no
    settings.WECHATPAY = {"": known | both | {"APIV3_KEY": "n" * 32}}
    with pytest.raises(NotGenuine):
        provider.verify(*message)
