"""The example of docs/writing-a-provider.md: it fits the base class and signs as the page says."""

import base64
import datetime
import re
import types
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from payments.providers.base import (
    AlreadyPaid,
    NotGenuine,
    PermanentError,
    Provider,
    Scene,
    TradeState,
    TransientError,
)
from tests.payments.provider_contract import request

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-provider.md"
NUMBER = "20260105aabbccddeeff0011"


@pytest.fixture(scope="module")
def example():
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    module = types.ModuleType("unionpay")
    exec(compile(code, PAGE.name, "exec"), module.__dict__)
    return module


class Authority:
    """Certificates like UnionPay's: root, middle, and the one that signs."""

    def __init__(self) -> None:
        self.keys = [rsa.generate_private_key(65537, 2048) for _ in range(3)]
        names = ["root", "middle", "UnionPay"]
        self.root, self.middle, self.leaf = (
            self._issue(names[i], self.keys[i], names[max(i - 1, 0)], self.keys[max(i - 1, 0)])
            for i in range(3)
        )

    def _issue(self, name, key, issuer, issuers_key) -> str:
        now = datetime.datetime.now(datetime.UTC)

        def called(text):
            return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        certificate = (
            x509.CertificateBuilder()
            .subject_name(called(name))
            .issuer_name(called(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .sign(issuers_key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def says(self, example, **values: str) -> dict[str, str]:
        """A message signed as UnionPay signs."""
        return example.signed({**values, "signPubKeyCert": self.leaf}, self.keys[2])


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def provider(example, authority, settings, tmp_path):
    merchant = rsa.generate_private_key(65537, 2048)
    pem = merchant.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files = {"PRIVATE_KEY": pem.decode(), "MIDDLE_CERT": authority.middle}
    account = {"GATEWAY": "http://127.0.0.1:1", "MERID": "777290058110048", "CERT_ID": "68759"}
    for name, content in (files | {"ROOT_CERT": authority.root}).items():
        (tmp_path / name).write_text(content)
        account[f"{name}_FILE"] = str(tmp_path / name)
    settings.UNIONPAY = {"": account}
    provider = example.UnionPayProvider()
    provider.public_key = merchant.public_key()
    return provider


@pytest.fixture
def gateway(example, authority, monkeypatch):
    """Answers in turn; what was asked."""
    asked, answers = [], []

    def post(address, form, **options):
        asked.append((address.rpartition("/")[2], form))
        response = requests.Response()
        response.status_code = 200
        said = authority.says(example, **answers.pop(0))
        response._content = "&".join(f"{name}={value}" for name, value in said.items()).encode()
        return response

    monkeypatch.setattr(requests, "post", post)
    return types.SimpleNamespace(asked=asked, answers=answers)


def test_it_fits_the_base_class(provider):
    assert isinstance(provider, Provider)
    assert provider.problems() == []
    assert provider.scenes <= set(Scene)
    with pytest.raises(PermanentError):
        provider.refund(None)


def test_it_signs_as_the_page_says(provider, gateway, example):
    gateway.answers += [{"respCode": "34"}, {"respCode": "00", "qrCode": "https://qr.95516.com/1"}]
    asked = request(provider, out_trade_no=NUMBER)
    assert provider.open(asked).pay_url == "https://qr.95516.com/1"
    path, form = gateway.asked[-1]
    assert path == "backTransReq.do"
    assert (form["txnAmt"], form["txnType"], form["txnSubType"]) == ("34412", "01", "07")
    assert form["txnTime"] == gateway.asked[0][1]["txnTime"]  # a query must say the same
    signature = base64.b64decode(form["signature"])
    text = example.digest(form)
    assert re.fullmatch(rb"[0-9a-f]{64}", text)
    provider.public_key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"respCode": "34"}, TradeState.UNKNOWN),
        ({"respCode": "00", "origRespCode": "04"}, TradeState.UNPAID),
        ({"respCode": "00", "origRespCode": "00"}, TradeState.PAID),
        ({"respCode": "00", "origRespCode": "A6"}, TradeState.PAID),
    ],
)
def test_states(provider, gateway, answer, state):
    told = {"orderId": NUMBER, "txnAmt": "34412", "queryId": "1", "merId": "777290058110048"}
    gateway.answers.append(told | answer)
    found = provider.query(NUMBER)
    assert found.state == state
    if state == TradeState.PAID:
        assert found.amount == Decimal("344.12")
        assert provider.is_ours(found)


def test_close_promises_nothing(provider, gateway):
    told = {"respCode": "00", "orderId": NUMBER, "txnAmt": "1"}
    gateway.answers += [told | {"origRespCode": "05"}, told | {"origRespCode": "00"}]
    assert provider.close(NUMBER) is False
    with pytest.raises(AlreadyPaid):
        provider.close(NUMBER)


def test_what_is_not_signed_or_not_known_yet_is_asked_again(provider, gateway, monkeypatch):
    gateway.answers.append({"respCode": "03"})
    with pytest.raises(TransientError):
        provider.query(NUMBER)
    monkeypatch.setattr(Authority, "says", lambda self, example, **values: values)
    gateway.answers.append({"respCode": "00", "origRespCode": "00", "orderId": NUMBER})
    with pytest.raises(TransientError):
        provider.query(NUMBER)


def test_only_unionpays_notifications_are_believed(provider, example, authority):
    told = {"orderId": NUMBER, "queryId": "9", "respCode": "00", "txnType": "01", "txnAmt": "100"}
    said = authority.says(example, **told, accNo="6226********0048", merId="777290058110048")
    event = provider.verify({}, urlencode(said).encode())
    assert event.out_trade_no == NUMBER
    assert "accNo" not in event.payload
    assert provider.claim(event.payload).amount == Decimal("1.00")
    stranger = Authority().says(example, **told)
    altered = said | {"txnAmt": "1"}
    unsigned = {name: value for name, value in said.items() if name != "signature"}
    for wrong in (stranger, altered, unsigned, told):
        with pytest.raises(NotGenuine):
            provider.verify({}, urlencode(wrong).encode())
    with pytest.raises(NotGenuine):
        provider.verify({}, b"\xff not a form")
