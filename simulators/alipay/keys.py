"""The keys and numbers of both sides: made once at first start, kept under SIM_HOME/alipay/keys.

For a trial they can be changed while the simulator runs; the next start has the first ones again.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from simulators import merchants, rsa
from simulators.process import write_private
from simulators.web import Refused


@dataclass
class Keys:
    """Who the merchant is, how its requests are verified and how answers are signed."""

    folder: Path
    app_id: str
    seller_id: str
    merchant: RSAPublicKey
    platform: RSAPrivateKey
    coming_platform: RSAPrivateKey | None = None
    coming_merchant: RSAPublicKey | None = None

    @property
    def number(self) -> str:
        return self.app_id

    def account(self, address: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""
        return {
            "ALIPAY_GATEWAY": f"{address}/gateway.do",
            "ALIPAY_APP_ID": self.app_id,
            "ALIPAY_SELLER_ID": self.seller_id,
            "ALIPAY_PRIVATE_KEY_FILE": str(self.folder / "app_private_key.pem"),
            "ALIPAY_PUBLIC_KEY_FILE": str(self.folder / "alipay_public_key.pem"),
        }

    # --- changing them: each answers the variables that the portal needs -------------------------

    def make_public_key(self) -> dict[str, str]:
        """A new one of Alipay's, which signs nothing yet."""
        self.coming_platform = rsa.make()
        file = self.folder / f"alipay_public_key.{secrets.token_hex(4)}.pem"
        write_private(file, rsa.public_pem(self.coming_platform))
        return {"ALIPAY_PUBLIC_KEY_FILE": str(file)}

    def change_public_key(self) -> dict[str, str]:
        """Alipay signs everything with its new one."""
        if self.coming_platform is None:
            raise Refused(400, "INVALID_REQUEST", "make_public_key comes first")
        self.platform, self.coming_platform = self.coming_platform, None
        return {}

    def make_app_key(self) -> dict[str, str]:
        """A new pair of the app's; requests under it are refused until Alipay has it."""
        made = rsa.make()
        self.coming_merchant = made.public_key()
        file = self.folder / f"app_private_key.{secrets.token_hex(4)}.pem"
        write_private(file, rsa.private_pem(made))
        return {"ALIPAY_PRIVATE_KEY_FILE": str(file)}

    def change_app_key(self) -> dict[str, str]:
        """The new public key is entered at Alipay, in the place of the old: it knows one."""
        if self.coming_merchant is None:
            raise Refused(400, "INVALID_REQUEST", "make_app_key comes first")
        self.merchant, self.coming_merchant = self.coming_merchant, None
        return {}


STEPS: dict[str, Callable[[Keys], dict[str, str]]] = {
    "make_public_key": Keys.make_public_key,
    "change_public_key": Keys.change_public_key,
    "make_app_key": Keys.make_app_key,
    "change_app_key": Keys.change_app_key,
}


def load_all(home: Path) -> merchants.Merchants[Keys]:
    """Every merchant's."""
    return merchants.load(home, load_or_make)


def load_or_make(home: Path, place: int = 1) -> Keys:
    """The keys of a merchant. Two processes that start together agree on one set."""
    folder = rsa.made_once(merchants.folder(home, place), _make)
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
