"""The keys of both sides: made once at first start, kept under SIM_HOME/wechatpay/keys.

For a trial they can be changed while the simulator runs, as they are at WeChat Pay's merchant
platform; the next start has the first ones again.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from simulators import merchants, rsa
from simulators.process import write_private
from simulators.web import Refused

# The numbers that WeChat Pay's own documentation uses in its examples.
MCHID = 1900000109
APPID = "wx8888888888888888"


class PlatformKey(NamedTuple):
    """One of WeChat Pay's own, by the id that Wechatpay-Serial names."""

    id: str
    key: RSAPrivateKey


@dataclass
class Keys:
    """Who the merchant is, how its requests are verified and how answers are signed."""

    folder: Path
    mchid: str
    appid: str
    serial_no: str
    apiv3_key: str
    certificates: dict[str, RSAPublicKey]  # the merchant's, by serial number: all of them count
    current: PlatformKey
    coming: PlatformKey | None = None
    changing: bool = False
    _turn: int = 0

    @property
    def number(self) -> str:
        return self.mchid

    @property
    def app_secret(self) -> str:
        """The official account's secret, for who asks whose openid a code is."""
        return hashlib.md5(self.appid.encode(), usedforsecurity=False).hexdigest()

    @property
    def public_key_id(self) -> str:
        return self.current.id

    @property
    def platform(self) -> RSAPrivateKey:
        return self.current.key

    @property
    def merchant(self) -> RSAPublicKey:
        return self.certificates[self.serial_no]

    def account(self, address: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""
        return {
            "WECHATPAY_GATEWAY": address,
            "WECHATPAY_MCHID": self.mchid,
            "WECHATPAY_APPID": self.appid,
            "WECHATPAY_SERIAL_NO": self.serial_no,
            "WECHATPAY_PRIVATE_KEY_FILE": str(self.folder / "merchant_private_key.pem"),
            "WECHATPAY_APIV3_KEY": self.apiv3_key,
            "WECHATPAY_PUBLIC_KEY_FILE": str(self.folder / "platform_public_key.pem"),
            "WECHATPAY_PUBLIC_KEY_ID": self.public_key_id,
            "WECHATPAY_APP_SECRET": self.app_secret,
            "WECHAT_OPEN_URL": address,
            "WECHAT_API_URL": address,
        }

    # --- which key signs --------------------------------------------------------------------

    def for_answer(self, asked: str) -> PlatformKey:
        """While they are changed, the one that the request names; else the one that counts."""
        if self.changing and self.coming and asked == self.coming.id:
            return self.coming
        return self.current

    def for_message(self) -> PlatformKey:
        """While they are changed, the new and the old one take turns."""
        self._turn += 1
        return self.coming if self.changing and self.coming and self._turn % 2 else self.current

    # --- changing them: each answers the variables that the portal needs -------------------------

    def make_public_key(self) -> dict[str, str]:
        """A new one, which signs nothing yet, whatever requests name."""
        made = rsa.make()
        self.coming = PlatformKey(_public_key_id(), made)
        file = self.folder / f"platform_public_key.{self.coming.id}.pem"
        write_private(file, rsa.public_pem(made))
        return {
            "WECHATPAY_PUBLIC_KEY_ID": self.coming.id,
            "WECHATPAY_PUBLIC_KEY_FILE": str(file),
        }

    def change_public_key(self) -> dict[str, str]:
        """The days in which both are in use begin."""
        self._made()
        self.changing = True
        return {}

    def finish_public_key(self) -> dict[str, str]:
        """The new one signs everything."""
        self.current, self.coming, self.changing = self._made(), None, False
        return {}

    def change_apiv3_key(self) -> dict[str, str]:
        """Messages are encrypted with a new one from now on."""
        self.apiv3_key = secrets.token_hex(16)
        return {"WECHATPAY_APIV3_KEY": self.apiv3_key}

    def make_certificate(self) -> dict[str, str]:
        """One more of the merchant's: requests may be signed with either."""
        made = rsa.make()
        self.serial_no = _serial_no()
        self.certificates = {**self.certificates, self.serial_no: made.public_key()}
        file = self.folder / f"merchant_private_key.{self.serial_no}.pem"
        write_private(file, rsa.private_pem(made))
        return {"WECHATPAY_SERIAL_NO": self.serial_no, "WECHATPAY_PRIVATE_KEY_FILE": str(file)}

    def drop_certificate(self) -> dict[str, str]:
        """Only the newest of the merchant's counts."""
        self.certificates = {self.serial_no: self.merchant}
        return {}

    def _made(self) -> PlatformKey:
        if self.coming is None:
            raise Refused(400, "INVALID_REQUEST", "make_public_key comes first")
        return self.coming


STEPS: dict[str, Callable[[Keys], dict[str, str]]] = {
    "make_public_key": Keys.make_public_key,
    "change_public_key": Keys.change_public_key,
    "finish_public_key": Keys.finish_public_key,
    "change_apiv3_key": Keys.change_apiv3_key,
    "make_certificate": Keys.make_certificate,
    "drop_certificate": Keys.drop_certificate,
}


def load_all(home: Path) -> merchants.Merchants[Keys]:
    """Every merchant's; they share one official account."""
    return merchants.load(home, load_or_make)


def load_or_make(home: Path, place: int = 1) -> Keys:
    """The keys of a merchant. Two processes that start together agree on one set."""
    folder = merchants.folder(home, place)
    return _load(rsa.made_once(folder, lambda draft: _make(draft, place)))


def _make(folder: Path, place: int) -> None:
    folder.mkdir(parents=True, mode=0o700)
    merchant, platform = rsa.make(), rsa.make()
    write_private(folder / "merchant_private_key.pem", rsa.private_pem(merchant))
    write_private(folder / "merchant_public_key.pem", rsa.public_pem(merchant))
    write_private(folder / "platform_private_key.pem", rsa.private_pem(platform))
    write_private(folder / "platform_public_key.pem", rsa.public_pem(platform))
    numbers = {
        "mchid": str(MCHID + place - 1),
        "appid": APPID,
        "serial_no": _serial_no(),
        "apiv3_key": secrets.token_hex(16),
        "public_key_id": _public_key_id(),
    }
    write_private(folder / "numbers.json", json.dumps(numbers, indent=1) + "\n")


def _load(folder: Path) -> Keys:
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    merchant = rsa.read_private(folder / "merchant_private_key.pem").public_key()
    platform = rsa.read_private(folder / "platform_private_key.pem")
    return Keys(
        folder=folder,
        current=PlatformKey(numbers.pop("public_key_id"), platform),
        certificates={numbers["serial_no"]: merchant},
        **numbers,
    )


def _serial_no() -> str:
    return secrets.token_hex(20).upper()


def _public_key_id() -> str:
    return f"PUB_KEY_ID_{secrets.token_hex(16).upper()}"
