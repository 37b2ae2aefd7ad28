"""What happens when a customer pays or money goes back: the books change, the merchant is told."""

from dataclasses import dataclass
from typing import Any

from simulators.database import Database
from simulators.faults import Faults
from simulators.merchants import Merchants
from simulators.wechatpay import notifications, orders, refunds
from simulators.wechatpay.callbacks import Callbacks
from simulators.wechatpay.keys import Keys


@dataclass(frozen=True)
class Desk:
    """The parts of the simulator that its endpoints, pages and controls share."""

    merchants: Merchants[Keys]
    ledger: Database
    faults: Faults
    callbacks: Callbacks

    def pay(self, out_trade_no: str, *, openid: str = "", callback: bool = True) -> orders.Order:
        """Pay an order and queue its notification. Raises Refused as orders.pay does."""
        with self.ledger.transaction():
            order = orders.pay(self.ledger, out_trade_no, openid=openid)
            if callback:
                body = notifications.for_payment(self.merchants.of(order), order)
                self.callbacks.add(order, body, url=order["notify_url"])
        return order

    def refund(self, keys: Keys, asked: dict[str, Any]) -> dict[str, Any]:
        """Accept a refund; it is PROCESSING in the answer and settled right after, unless held."""
        with self.ledger.transaction():
            refund = refunds.create(self.ledger, keys, asked)
            order = orders.get(self.ledger, refund["out_trade_no"])
            answer = refunds.as_answer(refund, order)
            if refund["status"] == "PROCESSING" and not self.faults["hold_refunds"]:
                self.settle(refund["out_refund_no"], "SUCCESS")
        return answer

    def settle(self, out_refund_no: str, status: str) -> dict[str, Any]:
        """End a refund and queue its notification. Raises Refused as refunds.settle does."""
        with self.ledger.transaction():
            refund = refunds.settle(self.ledger, out_refund_no, status)
            order = orders.get(self.ledger, refund["out_trade_no"])
            if refund["notify_url"]:
                body = notifications.for_refund(self.merchants.of(order), order, refund)
                self.callbacks.add(
                    order, body, url=refund["notify_url"], out_refund_no=out_refund_no
                )
        return refunds.as_answer(refund, order)
