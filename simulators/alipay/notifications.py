"""What the merchant is told: the plain notification, and every way of spoiling it.

A notification keeps its notify_id through all its tries; notify_time is when it is sent.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from simulators import rsa
from simulators.alipay import signing
from simulators.alipay.keys import Keys
from simulators.alipay.ledger import clock, yuan
from simulators.alipay.trades import Trade
from simulators.callbacks import Message

LATE = 600  # seconds; a merchant refuses what is older than 300


def for_payment(keys: Keys, trade: Trade) -> dict[str, str]:
    """The parameters that say that a trade was paid, but for the time and the signature."""
    fund = [{"amount": yuan(trade["total"]), "fundChannel": "ALIPAYACCOUNT"}]
    return {
        "app_id": keys.app_id,
        "auth_app_id": keys.app_id,
        "buyer_id": trade["buyer_id"],
        "buyer_logon_id": "wan***@sandbox.com",
        "buyer_pay_amount": yuan(trade["total"]),
        "charset": "utf-8",
        "fund_bill_list": json.dumps(fund, separators=(",", ":")),
        "gmt_create": clock(trade["created_at"]),
        "gmt_payment": clock(trade["paid_at"]),
        "invoice_amount": yuan(trade["total"]),
        "notify_id": f"{time.strftime('%Y%m%d')}002{secrets.token_hex(11)}",
        "notify_type": "trade_status_sync",
        "out_trade_no": trade["out_trade_no"],
        "point_amount": "0.00",
        "receipt_amount": yuan(trade["total"]),
        "seller_email": "wuye***@sandbox.com",
        "seller_id": keys.seller_id,
        "subject": trade["subject"],
        "total_amount": yuan(trade["total"]),
        "trade_no": trade["trade_no"],
        "trade_status": "TRADE_SUCCESS",
        "version": "1.0",
    }


def for_refund(
    keys: Keys, trade: Trade, refund: dict[str, Any], *, gone_back: int
) -> dict[str, str]:
    """The parameters that say that money went back; `gone_back` is all of it so far, in fen."""
    more = {
        "gmt_refund": f"{clock(refund['settled_at'])}.000",
        "out_biz_no": refund["out_request_no"],
        "refund_fee": yuan(gone_back),
        "trade_status": trade["state"],
    }
    if trade["closed_at"]:
        more["gmt_close"] = clock(trade["closed_at"])
    return for_payment(keys, trade) | more


def sealed(keys: Keys, parameters: dict[str, str], **how: Any) -> Message:
    """Headers and body as sent, signed now."""
    timed = {"notify_time": clock(), **parameters}
    return _form(signing.seal(keys, timed, **how))


def _form(parameters: dict[str, str]) -> Message:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "User-Agent": "Mozilla/4.0",
    }
    return headers, urlencode(parameters).encode()


@dataclass(frozen=True)
class Forgery:
    """A notification about a trade that is wrong in exactly one way."""

    keys: Keys
    trade: Trade
    options: dict[str, Any]

    def told(self, **wrong: str) -> dict[str, str]:
        """The content, claiming success even when the trade is unpaid."""
        now = time.time()
        claimed = dict(self.trade)
        claimed["trade_no"] = claimed["trade_no"] or f"{secrets.randbelow(10**28):028d}"
        claimed["buyer_id"] = claimed["buyer_id"] or "2088000000000000"
        claimed["created_at"] = claimed["created_at"] or now
        claimed["paid_at"] = claimed["paid_at"] or now
        return for_payment(self.keys, claimed) | wrong

    def plain(self) -> Message:
        return sealed(self.keys, self.told())

    def late(self) -> Message:
        age = int(self.options.get("age", LATE))
        return sealed(self.keys, self.told(notify_time=clock(time.time() - age)))

    def forged(self) -> Message:
        return sealed(self.keys, self.told(), key=rsa.make())

    def bad_signature(self) -> Message:
        return self._after(sign=base64.b64encode(secrets.token_bytes(256)).decode())

    def unsigned(self) -> Message:
        return self._after(sign="")

    def altered(self) -> Message:
        return self._after(buyer_pay_amount="0.01")

    def wrong_sign_type(self) -> Message:
        return self._after(sign_type="RSA")

    def added(self) -> Message:
        return self._after(passback_params="x")

    def not_a_form(self) -> Message:
        headers, _body = self.plain()
        return headers, b'{"trade_status": "TRADE_SUCCESS"}'

    def wrong_amount(self) -> Message:
        total = yuan(int(self.options.get("total", self.trade["total"] + 1)))
        return sealed(self.keys, self.told(total_amount=total, buyer_pay_amount=total))

    def wrong_merchant(self) -> Message:
        return sealed(self.keys, self.told(seller_id="2088999999999999"))

    def wrong_app(self) -> Message:
        return sealed(self.keys, self.told(app_id="2021999999999999"))

    def unknown_order(self) -> Message:
        return sealed(self.keys, self.told(out_trade_no=f"X{secrets.token_hex(12)}"))

    def _after(self, **changed: str) -> Message:
        """A notification whose parameters were changed after signing."""
        parameters = signing.seal(self.keys, {"notify_time": clock(), **self.told()})
        return _form(parameters | changed)


FAULTS: dict[str, Callable[[Forgery], Message]] = {
    "": Forgery.plain,
    "late": Forgery.late,
    "forged": Forgery.forged,
    "bad_signature": Forgery.bad_signature,
    "unsigned": Forgery.unsigned,
    "altered": Forgery.altered,
    "added": Forgery.added,
    "wrong_sign_type": Forgery.wrong_sign_type,
    "not_a_form": Forgery.not_a_form,
    "wrong_amount": Forgery.wrong_amount,
    "wrong_merchant": Forgery.wrong_merchant,
    "wrong_app": Forgery.wrong_app,
    "unknown_order": Forgery.unknown_order,
}
