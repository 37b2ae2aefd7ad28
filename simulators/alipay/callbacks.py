"""Telling the merchant until its answer is the word success, as Alipay does."""

import json
from typing import Any

from simulators import callbacks
from simulators.alipay import notifications
from simulators.alipay.keys import Keys
from simulators.callbacks import HOUR, MINUTE, Message, Order
from simulators.database import Database
from simulators.faults import Faults
from simulators.merchants import Merchants
from simulators.posting import Answer


class Callbacks(callbacks.Callbacks):
    # 4m, 10m, 10m, 1h, 2h, 6h, 15h: eight tries within 25 hours.
    schedule = (4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR)
    forgeries = tuple(notifications.FAULTS)

    def __init__(self, ledger: Database, merchants: Merchants[Keys], faults: Faults) -> None:
        super().__init__(ledger, faults)
        self.merchants = merchants

    def message(self, order: Order, body: bytes) -> Message:
        return notifications.sealed(self.merchants.of(order), json.loads(body))

    def forge(self, order: Order, fault: str, options: dict[str, Any]) -> Message:
        forgery = notifications.Forgery(self.merchants.of(order), order, options)
        return notifications.FAULTS[fault](forgery)

    def heard(self, answer: Answer) -> bool:
        return answer.status == 200 and answer.body == "success"
