"""Telling the merchant until it answers 200 or 204, as WeChat Pay does."""

from typing import Any

from simulators import callbacks
from simulators.callbacks import HOUR, MINUTE, Message, Order
from simulators.database import Database
from simulators.faults import Faults
from simulators.merchants import Merchants
from simulators.posting import Answer
from simulators.wechatpay import notifications
from simulators.wechatpay.keys import Keys


class Callbacks(callbacks.Callbacks):
    # From the documentation of the payment notification.
    schedule = (
        *(15, 15, 30, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE),
        *(30 * MINUTE,) * 3,
        *(HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR),
    )
    forgeries = tuple(notifications.FAULTS)

    def __init__(self, ledger: Database, merchants: Merchants[Keys], faults: Faults) -> None:
        super().__init__(ledger, faults)
        self.merchants = merchants

    def message(self, order: Order, body: bytes) -> Message:
        return notifications.sealed(self.merchants.of(order), body)

    def forge(self, order: Order, fault: str, options: dict[str, Any]) -> Message:
        return notifications.Forgery(self.merchants.of(order), order, options).message(fault)

    def heard(self, answer: Answer) -> bool:
        return answer.status in {200, 204}
