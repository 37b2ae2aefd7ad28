"""The library's clients for a merchant account at WeChat Pay, and its keys.

Several public keys of WeChat Pay's are accepted while they are being changed: whatever WeChat
signs, an answer or a message, names its key in Wechatpay-Serial, and for some days it signs now
with the old one, now with the new one (https://pay.weixin.qq.com/doc/v3/merchant/4012154180).
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import rsa_verify

TIMEOUT = (3, 8)  # seconds to connect, to answer
SIGNATURE_TYPE = "WECHATPAY2-SHA256-RSA2048"


class KeyRing:
    """WeChat Pay's public keys that we accept, by their ids."""

    def __init__(self, keys: Mapping[str, RSAPublicKey]) -> None:
        self._keys = keys

    def knows(self, serial: str | None) -> bool:
        return serial in self._keys

    def is_signed(self, headers: Mapping[str, str], body: str) -> bool:
        """Whether one of them signed this, and it is the one that the headers name."""
        key = self._keys.get(headers.get("Wechatpay-Serial", ""))
        if key is None or headers.get("Wechatpay-Signature-Type") != SIGNATURE_TYPE:
            return False
        names = ("Timestamp", "Nonce")
        moment, nonce = (headers.get(f"Wechatpay-{name}", "") for name in names)
        signature = headers.get("Wechatpay-Signature", "")
        return bool(rsa_verify(moment, nonce, body, signature, key))


class Wire:
    """One merchant account's door to the gateway."""

    def __init__(self, values: Mapping[str, str]) -> None:
        ids, files = _several(values["PUBLIC_KEY_ID"]), _several(values["PUBLIC_KEY_FILE"])
        texts = [Path(file).read_text(encoding="ascii") for file in files]
        pairs = zip(ids, map(_public_key, texts), strict=True)
        self.keys = KeyRing(dict(pairs))
        self.clients = [
            self._client(values, key_id=ids[0], key=texts[0], apiv3_key=apiv3_key)
            for apiv3_key in _several(values["APIV3_KEY"])
        ]

    @property
    def client(self) -> WeChatPay:
        """For requests: with the newest keys. `clients` has one for each APIv3 key."""
        return self.clients[0]

    def _client(
        self, values: Mapping[str, str], *, key_id: str, key: str, apiv3_key: str
    ) -> WeChatPay:
        """Requests name the first public key: it is what their answers are to be signed with."""
        client = WeChatPay(
            WeChatPayType.NATIVE,
            values["MCHID"],
            Path(values["PRIVATE_KEY_FILE"]).read_text(encoding="ascii"),
            values["SERIAL_NO"],
            values["APPID"],
            apiv3_key,
            timeout=TIMEOUT,
            public_key=key,
            public_key_id=key_id,
        )
        client._core._gate_way = values["GATEWAY"]  # the library has no argument for it
        # It knows one key, and would fetch platform certificates for any other serial number.
        client._core._verify_signature = self.keys.is_signed
        return client


def _several(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


def _public_key(pem: str) -> RSAPublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("WeChat Pay's public key is no RSA key")
    return key


def of(account: Mapping[str, str]) -> Wire:
    """The door of an account. Making one parses keys, so it is kept."""
    return _made(tuple(sorted(account.items())))


@lru_cache(maxsize=64)
def _made(account: tuple[tuple[str, str], ...]) -> Wire:
    return Wire(dict(account))
