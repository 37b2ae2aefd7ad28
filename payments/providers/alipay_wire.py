"""Requests to Alipay's gateway, and signatures, through `python-alipay-sdk`.

Several public keys of Alipay's are accepted while it is being changed; the first is the newest.
"""

import base64
import binascii
import datetime
from collections.abc import Mapping
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from alipay import AliPay, AliPayException, AliPayValidationError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.utils import timezone

from payments.providers.bill_files import CHINA, LARGEST
from payments.providers.facts import AlreadyPaid, BalanceShort, PermanentError, TransientError

TIMEOUT = 8  # seconds
# Asking again may help: the gateway is busy or down, we asked too often, ...
TRANSIENT_CODES = {"10003", "20000", "40005"}
TRANSIENT = {
    *("ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR", "SYSTEM_ERROR"),  # AQC is Alipay's own spelling
    *("isp.unknow-error", "isp.unknown-error"),
    # ... our key or clock is not right, until somebody mends it.
    *("isv.invalid-signature", "isv.invalid-timestamp"),
}


class Wire:
    """One app's door to the gateway."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._gateway = values["GATEWAY"]
        private_key = Path(values["PRIVATE_KEY_FILE"]).read_text("ascii")
        public_keys = [
            Path(file.strip()).read_text("ascii") for file in values["PUBLIC_KEY_FILE"].split(",")
        ]
        self._clients = [
            AliPay(
                appid=values["APP_ID"],
                app_private_key_string=private_key,
                alipay_public_key_string=public_key,
            )
            for public_key in public_keys
        ]
        self._public_keys = [_public_key(one) for one in public_keys]

    def address(self, method: str, content: dict[str, Any], **common: str) -> str:
        """A signed address for the payer's browser. Tells nobody anything."""
        client = self._clients[0]
        body = client.build_body(method, content, timestamp=clock(timezone.now()), **common)
        return f"{self._gateway}?{client.sign_data(body)}"

    def ask(self, method: str, content: dict[str, Any], **common: str) -> dict[str, Any]:
        """The content of a good answer. Raises AlreadyPaid, PermanentError, TransientError."""
        text = _get(self.address(method, content, **common)).decode("utf-8", "replace")
        for client in self._clients:
            try:
                answer: dict[str, Any] = client._verify_and_return_sync_response(
                    text, f"{method.replace('.', '_')}_response"
                )
            except AliPayValidationError:
                continue
            # What is refused without a signature may be anybody's word.
            except (AliPayException, ValueError, AttributeError, TypeError) as error:
                raise TransientError(f"an answer that is not signed: {error}") from error
            return _good(answer)
        raise TransientError("the answer's signature is wrong")

    def is_signed(self, told: Mapping[str, str], signature: str) -> bool:
        """Whether Alipay signed these parameters.

        Callbacks come in crowds, and the library's arithmetic takes ten times as long as
        OpenSSL's; it would let spoilt base64 pass, too.
        """
        try:
            seal = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return False
        if base64.b64encode(seal).decode() != signature:
            return False
        text = "&".join(f"{name}={told[name]}" for name in sorted(told)).encode()
        return any(_is_seal_of(key, seal, text) for key in self._public_keys)


def _public_key(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("Alipay's public key is no RSA key")
    return key


def _is_seal_of(key: RSAPublicKey, seal: bytes, text: bytes) -> bool:
    try:
        key.verify(seal, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def of(account: Mapping[str, str]) -> Wire:
    """The door of an account. Making one parses keys, so it is kept."""
    return _made(tuple(sorted(account.items())))


@lru_cache(maxsize=64)
def _made(account: tuple[tuple[str, str], ...]) -> Wire:
    return Wire(dict(account))


def fetch(address: str) -> bytes:
    """A file from an address that a signed answer named. Raises TransientError."""
    if urlsplit(address).scheme not in {"http", "https"}:
        raise TransientError("the file has no address")
    return _get(address)


def clock(moment: datetime.datetime) -> str:
    """A moment as Alipay reads it: on the clock in China."""
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def _get(address: str) -> bytes:
    try:
        with urlopen(address, timeout=TIMEOUT) as answer:
            content: bytes = answer.read(LARGEST)
    except HTTPError as error:
        with error:
            raise TransientError(f"status {error.code}") from error
    except (OSError, HTTPException) as error:
        raise TransientError(str(error)) from error
    return content


def _good(answer: dict[str, Any]) -> dict[str, Any]:
    code = str(answer.get("code", ""))
    if code == "10000":
        return answer
    sub_code = str(answer.get("sub_code", code)).removeprefix("aop.")
    message = str(answer.get("sub_msg", answer.get("msg", "")))
    if sub_code == "ACQ.TRADE_HAS_SUCCESS":
        raise AlreadyPaid(message)
    if sub_code == "ACQ.SELLER_BALANCE_NOT_ENOUGH":
        raise BalanceShort(sub_code, message)
    if code in TRANSIENT_CODES or sub_code in TRANSIENT:
        raise TransientError(f"{sub_code}: {message}")
    raise PermanentError(sub_code, message)
