"""WeChat Pay and Alipay side by side: simulators that a test sets against the portal."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from payments.models import PaymentOrder
from payments.providers.base import TransientError
from tests.fixtures.simulators import (
    AlipaySimulator,
    ControlError,
    PaymentSimulator,
    WeChatPaySimulator,
)

FAULTS = ["fail_next", "cut_next", "refuse_next"]
FORGERIES = ["forged", "bad_signature", "altered", "late"]
LIES = ["wrong_amount", "wrong_merchant", "wrong_app", "unknown_order"]


class BothProviders:
    """Both simulators, emptied; callbacks get lost unless a test sends them itself."""

    def __init__(self, wechatpay: WeChatPaySimulator, alipay: AlipaySimulator) -> None:
        self.simulators: dict[str, PaymentSimulator] = {"wechatpay": wechatpay, "alipay": alipay}
        for simulator in self.simulators.values():
            simulator.reset()
            simulator.faults(callbacks="lose")

    def of(self, order: PaymentOrder) -> Any:
        return self.simulators[order.provider]

    def pay(self, order: PaymentOrder) -> None:
        """The payer tries; a provider takes nothing for what is closed or paid already."""
        with suppress(ControlError):
            self.of(order).pay(order.out_trade_no, callback=False)

    def end_refunds(self, status: str) -> None:
        """Refunds that were held come to an end: SUCCESS or CLOSED.

        Alipay only ever says of a refund that it was done.
        """
        for name, simulator in self.simulators.items():
            for refund in simulator.ledger()["refunds"]:
                if refund["status"] != "PROCESSING":
                    continue
                if name == "wechatpay":
                    simulator.post(f"/control/refunds/{refund['out_refund_no']}", status=status)
                elif status == "SUCCESS":
                    number = f"{refund['out_trade_no']}/{refund['out_request_no']}"
                    simulator.post(f"/control/refunds/{number}", status=status)

    @contextmanager
    def trouble(self, provider: str, fault: str) -> Iterator[None]:
        """The provider's next answer is spoilt; nobody may know then what became of the request."""
        if fault:
            self.simulators[provider].faults(**{fault: 1})
        try:
            with suppress(TransientError):
                yield
        finally:
            if fault:
                self.simulators[provider].faults(**{fault: 0})
