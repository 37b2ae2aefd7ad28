"""The keys and numbers of both sides: made once at first start, kept under SIM_HOME/alipay/keys."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from simulators import rsa
from simulators.process import write_private


@dataclass(frozen=True)
class Keys:
    """Who the merchant is, how its requests are verified and how answers are signed."""

    folder: Path
    app_id: str
    seller_id: str
    merchant: RSAPublicKey
    platform: RSAPrivateKey

    def account(self, address: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""
        return {
            "ALIPAY_GATEWAY": f"{address}/gateway.do",
            "ALIPAY_APP_ID": self.app_id,
            "ALIPAY_SELLER_ID": self.seller_id,
            "ALIPAY_PRIVATE_KEY_FILE": str(self.folder / "app_private_key.pem"),
            "ALIPAY_PUBLIC_KEY_FILE": str(self.folder / "alipay_public_key.pem"),
        }


def load_or_make(home: Path) -> Keys:
    """The keys in home/keys. Two processes that start together agree on one set."""
    folder = rsa.made_once(home / "keys", _make)
    numbers = json.loads((folder / "numbers.json").read_text(encoding="utf-8"))
    return Keys(
        folder=folder,
        merchant=rsa.read_private(folder / "app_private_key.pem").public_key(),
        platform=rsa.read_private(folder / "alipay_private_key.pem"),
        **numbers,
    )


def _make(folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    for name in ("app", "alipay"):
        key = rsa.make()
        write_private(folder / f"{name}_private_key.pem", rsa.private_pem(key))
        write_private(folder / f"{name}_public_key.pem", rsa.public_pem(key))
    numbers = {
        "app_id": f"2021{secrets.randbelow(10**12):012d}",
        "seller_id": f"2088{secrets.randbelow(10**12):012d}",
    }
    write_private(folder / "numbers.json", json.dumps(numbers, indent=1) + "\n")
