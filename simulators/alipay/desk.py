"""What happens when a payer pays or money goes back: the books change, the merchant is told."""

import json
from dataclasses import dataclass
from typing import Any

from simulators.alipay import notifications, refunds, trades
from simulators.alipay.callbacks import Callbacks
from simulators.alipay.keys import Keys
from simulators.alipay.trades import Trade, refused
from simulators.database import Database
from simulators.faults import Faults
from simulators.merchants import Merchants


@dataclass(frozen=True)
class Desk:
    """The parts of the simulator that its gateway, pages and controls share."""

    merchants: Merchants[Keys]
    ledger: Database
    faults: Faults
    callbacks: Callbacks

    def pay(self, out_trade_no: str, *, callback: bool = True) -> Trade:
        """Pay a trade and queue its notification. Raises Refused as trades.pay does."""
        with self.ledger.transaction():
            trade = trades.pay(self.ledger, out_trade_no)
            if callback:
                self._tell(trade, notifications.for_payment(self.merchants.of(trade), trade))
        return trade

    def refund(self, keys: Keys, asked: dict[str, Any]) -> dict[str, Any]:
        """Accept a refund; the money moves at once unless refunds are held."""
        if self.faults.take("poor_next"):
            raise refused("ACQ.SELLER_BALANCE_NOT_ENOUGH", "商户余额不足")
        with self.ledger.transaction():
            trade, refund, new = refunds.create(self.ledger, keys, asked)
            moves = new and not self.faults["hold_refunds"]
            if moves:
                self.settle(trade["out_trade_no"], refund["out_request_no"], "SUCCESS")
            refund = refunds.get(self.ledger, trade["out_trade_no"], refund["out_request_no"])
            return refunds.as_answer(self.ledger, trade, refund, moved=moves)

    def settle(self, out_trade_no: str, out_request_no: str, status: str) -> dict[str, Any]:
        """End a refund and, if money went back, queue the notification."""
        with self.ledger.transaction():
            refund = refunds.settle(self.ledger, out_trade_no, out_request_no, status)
            if status == "SUCCESS":
                trade = trades.get(self.ledger, out_trade_no)
                gone_back = refunds.gone_back(self.ledger, out_trade_no)
                keys = self.merchants.of(trade)
                told = notifications.for_refund(keys, trade, refund, gone_back=gone_back)
                self._tell(trade, told, out_refund_no=out_request_no)
        return refund

    def _tell(self, trade: Trade, told: dict[str, str], *, out_refund_no: str = "") -> None:
        if trade["notify_url"]:
            body = json.dumps(told, ensure_ascii=False).encode()
            self.callbacks.add(trade, body, url=trade["notify_url"], out_refund_no=out_refund_no)
