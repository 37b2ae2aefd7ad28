"""Requests to Alipay's gateway, and signatures, through `python-alipay-sdk`.

Several public keys of Alipay's are accepted while it is being changed. Of our own, Alipay knows one
at a time: what is refused for its signature is asked again under the next one. The first is the
newest.
"""

import base64
import binascii
import datetime
import re
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
# Alipay does not know the key that a request was signed with, or not any more.
UNKNOWN_KEY = re.compile(r'"sub_code"\s*:\s*"isv\.invalid-signature"')
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
        public_keys = _texts(values["PUBLIC_KEY_FILE"])
        # For each key of ours, the newest first: one client for each of Alipay's.
        self._ours = [
            [
                AliPay(
                    appid=values["APP_ID"],
                    app_private_key_string=private_key,
                    alipay_public_key_string=public_key,
                )
                for public_key in public_keys
            ]
            for private_key in _texts(values["PRIVATE_KEY_FILE"])
        ]
        self._known = 0  # which of ours Alipay knew when it was asked last
        self._public_keys = [_public_key(one) for one in public_keys]

    def address(self, method: str, content: dict[str, Any], **common: str) -> str:
        """A signed address for the payer's browser. Tells nobody anything.

        Ask for something first: that learns which of our keys Alipay knows.
        """
        return self._address(self._ours[self._known][0], method, content, **common)

    def _address(self, client: AliPay, method: str, content: dict[str, Any], **common: str) -> str:
        body = client.build_body(method, content, timestamp=clock(timezone.now()), **common)
        return f"{self._gateway}?{client.sign_data(body)}"

    def ask(self, method: str, content: dict[str, Any], **common: str) -> dict[str, Any]:
        """The content of a good answer. Raises AlreadyPaid, PermanentError, TransientError."""
        order = sorted(range(len(self._ours)), key=lambda place: place != self._known)
        for place in order:
            address = self._address(self._ours[place][0], method, content, **common)
            text = _get(address).decode("utf-8", "replace")
            if not UNKNOWN_KEY.search(text):
                self._known = place
                return _good(self._signed(text, method))
        raise TransientError("Alipay knows none of our keys")

    def _signed(self, text: str, method: str) -> dict[str, Any]:
        """The content of an answer that Alipay signed. Raises TransientError."""
        for client in self._ours[0]:
            try:
                answer: dict[str, Any] = client._verify_and_return_sync_response(
                    text, f"{method.replace('.', '_')}_response"
                )
            except AliPayValidationError:
                continue
            # What is refused without a signature may be anybody's word.
            except (AliPayException, ValueError, AttributeError, TypeError) as error:
                raise TransientError(f"an answer that is not signed: {error}") from error
            return answer
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


def _texts(files: str) -> list[str]:
    return [Path(file.strip()).read_text("ascii") for file in files.split(",")]


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
