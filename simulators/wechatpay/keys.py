"""The keys of both sides: made once at first start, kept under SIM_HOME/wechatpay/keys."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from simulators import rsa
from simulators.process import write_private

# The numbers that WeChat Pay's own documentation uses in its examples.
MCHID = "1900000109"
APPID = "wx8888888888888888"


@dataclass(frozen=True)
class Keys:
    """Who the merchant is, how its requests are verified and how answers are signed."""

    folder: Path
    mchid: str
    appid: str
    serial_no: str
    apiv3_key: str
    public_key_id: str
    merchant: RSAPublicKey
    platform: RSAPrivateKey

    @property
    def app_secret(self) -> str:
        """The official account's secret, for who asks whose openid a code is."""
        return hashlib.md5(self.apiv3_key.encode(), usedforsecurity=False).hexdigest()

    def account(self, gateway: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""
        return {
            "WECHATPAY_GATEWAY": gateway,
            "WECHATPAY_MCHID": self.mchid,
            "WECHATPAY_APPID": self.appid,
            "WECHATPAY_SERIAL_NO": self.serial_no,
            "WECHATPAY_PRIVATE_KEY_FILE": str(self.folder / "merchant_private_key.pem"),
            "WECHATPAY_APIV3_KEY": self.apiv3_key,
            "WECHATPAY_PUBLIC_KEY_FILE": str(self.folder / "platform_public_key.pem"),
            "WECHATPAY_PUBLIC_KEY_ID": self.public_key_id,
            "WECHATPAY_APP_SECRET": self.app_secret,
            "WECHAT_OPEN_URL": gateway,
            "WECHAT_API_URL": gateway,
        }


def load_or_make(home: Path) -> Keys:
    """The keys in home/keys. Two processes that start together agree on one set."""
    return _load(rsa.made_once(home / "keys", _make))


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    merchant, platform = rsa.make(), rsa.make()
    write_private(folder / "merchant_private_key.pem", rsa.private_pem(merchant))
    write_private(folder / "merchant_public_key.pem", rsa.public_pem(merchant))
    write_private(folder / "platform_private_key.pem", rsa.private_pem(platform))
    write_private(folder / "platform_public_key.pem", rsa.public_pem(platform))
    numbers = {
        "mchid": MCHID,
        "appid": APPID,
        "serial_no": secrets.token_hex(20).upper(),
        "apiv3_key": secrets.token_hex(16),
        "public_key_id": f"PUB_KEY_ID_{secrets.token_hex(16).upper()}",
    }
    write_private(folder / "numbers.json", json.dumps(numbers, indent=1) + "\n")


def _load(folder: Path) -> Keys:
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    return Keys(
        folder=folder,
        merchant=rsa.read_private(folder / "merchant_private_key.pem").public_key(),
        platform=rsa.read_private(folder / "platform_private_key.pem"),
        **numbers,
    )
