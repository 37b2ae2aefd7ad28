"""Telling the merchant until its answer is the word success, as Alipay does."""

import json
from typing import Any

from simulators import callbacks
from simulators.alipay import notifications
from simulators.alipay.keys import Keys
from simulators.callbacks import HOUR, MINUTE, Message, Order
from simulators.database import Database
from simulators.faults import Faults
from simulators.posting import Answer


class Callbacks(callbacks.Callbacks):
    # 4m, 10m, 10m, 1h, 2h, 6h, 15h: eight tries within 25 hours.
    schedule = (4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR)
    forgeries = tuple(notifications.FAULTS)

    def __init__(self, ledger: Database, keys: Keys, faults: Faults) -> None:
        super().__init__(ledger, faults)
        self.keys = keys

    def message(self, body: bytes) -> Message:
        return notifications.sealed(self.keys, json.loads(body))

    def forge(self, order: Order, fault: str, options: dict[str, Any]) -> Message:
        return notifications.FAULTS[fault](notifications.Forgery(self.keys, order, options))

    def heard(self, answer: Answer) -> bool:
        return answer.status == 200 and answer.body == "success"
