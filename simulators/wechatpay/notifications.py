"""What the merchant is told: the plain notification, and every way of spoiling it."""

import base64
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from simulators.wechatpay import orders, signing
from simulators.wechatpay.keys import Keys
from simulators.wechatpay.ledger import rfc3339

Message = tuple[dict[str, str], bytes]
REFUND_SUMMARIES = {"SUCCESS": "退款成功", "CLOSED": "退款关闭", "ABNORMAL": "退款异常"}
LATE = 600  # seconds; a merchant refuses what is older than 300


def for_payment(keys: Keys, order: orders.Order) -> bytes:
    """The body that says that an order was paid."""
    return _body(keys, "TRANSACTION.SUCCESS", "支付成功", orders.as_transaction(keys, order))


def for_refund(keys: Keys, order: orders.Order, refund: dict[str, Any]) -> bytes:
    """The body that says how a refund ended."""
    told = {
        "mchid": keys.mchid,
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_status": refund["status"],
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": order["total"],
            "refund": refund["amount"],
            "payer_total": order["total"],
            "payer_refund": refund["amount"],
        },
    }
    if refund["status"] == "SUCCESS":
        told["success_time"] = rfc3339(refund["settled_at"])
    return _body(keys, f"REFUND.{refund['status']}", REFUND_SUMMARIES[refund["status"]], told)


def sealed(keys: Keys, body: bytes) -> Message:
    """Headers and body as sent, signed now."""
    return _headers(signing.signed_headers(keys.for_message(), body)), body


def _headers(signature: dict[str, str]) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "User-Agent": "Mozilla/4.0",
        **signature,
    }


def _body(
    keys: Keys, event: str, summary: str, told: dict[str, Any], *, apiv3_key: str = ""
) -> bytes:
    kind = event.split(".")[0].lower()
    plain = json.dumps(told, ensure_ascii=False).encode()
    resource = signing.encrypt(apiv3_key or keys.apiv3_key, plain, associated_data=kind)
    body = {
        "id": str(uuid.uuid4()),
        "create_time": rfc3339(),
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": summary,
        "resource": {"original_type": kind, **resource},
    }
    return json.dumps(body, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Forgery:
    """A notification about an order that is wrong in exactly one way."""

    keys: Keys
    order: orders.Order
    options: dict[str, Any]

    def message(self, fault: str) -> Message:
        """Headers and body for one of FAULTS. Raises KeyError for another name."""
        return FAULTS[fault](self)

    def told(self, **wrong: Any) -> dict[str, Any]:
        """The content, claiming success even when the order is unpaid."""
        claimed = {**self.order, "state": "SUCCESS"}
        claimed["transaction_id"] = claimed["transaction_id"] or f"42000{secrets.randbelow(10**22)}"
        claimed["paid_at"] = claimed["paid_at"] or time.time()
        return orders.as_transaction(self.keys, claimed) | wrong

    def body(self, *, apiv3_key: str = "", **wrong: Any) -> bytes:
        content = self.told(**wrong)
        return _body(self.keys, "TRANSACTION.SUCCESS", "支付成功", content, apiv3_key=apiv3_key)

    def plain(self) -> Message:
        return sealed(self.keys, self.body())

    def late(self) -> Message:
        age = int(self.options.get("age", LATE))
        return self._signed(self.body(), timestamp=int(time.time()) - age)

    def forged(self) -> Message:
        return self._signed(self.body(), key=generate_private_key(65537, 2048))

    def bad_signature(self) -> Message:
        noise = base64.b64encode(secrets.token_bytes(256)).decode()
        return self._with("Wechatpay-Signature", noise)

    def probe(self) -> Message:
        """WeChat Pay tries whether the merchant verifies at all: it must be refused."""
        token = base64.b64encode(secrets.token_bytes(64)).decode()
        return self._with("Wechatpay-Signature", f"WECHATPAY/SIGNTEST/{token}")

    def unknown_serial(self) -> Message:
        return self._with("Wechatpay-Serial", f"PUB_KEY_ID_{secrets.token_hex(16).upper()}")

    def no_signature_type(self) -> Message:
        headers, body = self.plain()
        del headers["Wechatpay-Signature-Type"]
        return headers, body

    def altered(self) -> Message:
        headers, body = self.plain()
        return headers, body.replace("支付成功".encode(), "支付成功 ".encode(), 1)

    def not_json(self) -> Message:
        return sealed(self.keys, b"<xml>SUCCESS</xml>")

    def wrong_key(self) -> Message:
        return sealed(self.keys, self.body(apiv3_key=secrets.token_hex(16)))

    def wrong_amount(self) -> Message:
        total = int(self.options.get("total", self.order["total"] + 1))
        amount = {"total": total, "payer_total": total, "currency": "CNY", "payer_currency": "CNY"}
        return sealed(self.keys, self.body(amount=amount))

    def wrong_merchant(self) -> Message:
        return sealed(self.keys, self.body(mchid="1900000999"))

    def wrong_app(self) -> Message:
        return sealed(self.keys, self.body(appid="wx9999999999999999"))

    def unknown_order(self) -> Message:
        return sealed(self.keys, self.body(out_trade_no=f"X{secrets.token_hex(12)}"))

    def _signed(self, body: bytes, **how: Any) -> Message:
        return _headers(signing.signed_headers(self.keys.for_message(), body, **how)), body

    def _with(self, header: str, value: str) -> Message:
        headers, body = self.plain()
        return {**headers, header: value}, body


FAULTS = {
    "": Forgery.plain,
    "late": Forgery.late,
    "forged": Forgery.forged,
    "bad_signature": Forgery.bad_signature,
    "altered": Forgery.altered,
    "unknown_serial": Forgery.unknown_serial,
    "wrong_key": Forgery.wrong_key,
    "wrong_amount": Forgery.wrong_amount,
    "wrong_merchant": Forgery.wrong_merchant,
    "wrong_app": Forgery.wrong_app,
    "unknown_order": Forgery.unknown_order,
    "probe": Forgery.probe,
    "no_signature_type": Forgery.no_signature_type,
    "not_json": Forgery.not_json,
}
