"""What must hold between the providers' ledgers and ours, told without any code of the portal.

It reads rows and the simulators' ledgers; states and sums are written out here once more.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from billing.models import Allocation, CreditEntry
from core import books
from payments.models import Payment, PaymentOrder, ProviderEvent, Receipt, Refund

ZERO = Decimal(0)
# Where an order may be seen after it was seen in a state: later ones in between are passed over.
LATER = {
    "created": {"created", "pending", "paid", "closed", "expired", "failed"},
    "pending": {"pending", "paid", "closed", "expired", "failed"},
    "closed": {"closed", "paid"},
    "expired": {"expired", "paid"},
    "failed": {"failed", "paid"},
    "paid": {"paid"},
}
LATER_REFUND = {
    "requested": {"requested", "approved", "processing", "paid", "failed", "rejected"},
    "rejected": {"rejected"},
    "approved": {"approved", "processing", "paid", "failed"},
    "processing": {"processing", "paid", "failed"},
    "paid": {"paid"},
    "failed": {"failed"},
}


class Ledgers:
    """The ledgers of both providers as they are now, beside our rows."""

    def __init__(self, simulators: Mapping[str, Any]) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        for simulator in simulators.values():
            ledger = simulator.ledger()
            self.orders |= {order["out_trade_no"]: order for order in ledger["orders"]}
            self.refunds |= {
                refund.get("out_refund_no") or refund["out_request_no"]: refund
                for refund in ledger["refunds"]
            }

    def money(self, number: str) -> Decimal:
        """What was paid for an order, whatever went back of it later, in yuan."""
        order = self.orders.get(number, {})
        return Decimal(order["total"]) / 100 if order.get("paid_at") else ZERO

    def back(self, number: str) -> Decimal:
        """What a refund gave back, in yuan."""
        refund = self.refunds.get(number, {})
        return Decimal(refund["amount"]) / 100 if refund.get("status") == "SUCCESS" else ZERO

    def check(self) -> None:
        """What must hold at every moment, whoever died and whatever was not told yet."""
        receipts = Counter(Receipt.objects.values_list("payment__order", flat=True))
        payments = {one.order_id: one for one in Payment.objects.exclude(order=None)}
        assert len(payments) == Payment.objects.exclude(order=None).count(), "paid twice"
        for order in PaymentOrder.objects.all():
            payment = payments.get(order.pk)
            assert (order.state == "paid") == (payment is not None)
            assert receipts[order.pk] == (payment is not None)
            if payment is None:
                continue
            there = self.orders[order.out_trade_no]
            number = there.get("transaction_id") or there["trade_no"]
            assert order.transaction_id == number, "another payment's number"
            posted = CreditEntry.objects.filter(posting__payment=payment)
            assert (
                self.money(order.out_trade_no)
                == order.amount
                == payment.amount
                == posted.aggregate(sum=Sum("amount"))["sum"]
            ), "what is recorded is not what was paid"
        self._check_what_can_be_paid()
        self._check_refunds()
        self._check_bills()
        assert not books.verify().breaks

    def _check_what_can_be_paid(self) -> None:
        """One order for a bill, and none that we gave up and look after no more."""
        live = PaymentOrder.objects.filter(state__in=["created", "pending"])
        bills = Counter(live.values_list("lines__bill", flat=True))
        assert not bills or max(bills.values()) == 1, "two orders wait for the money of one bill"
        given_up = PaymentOrder.objects.filter(state__in=["closed", "expired", "failed"])
        for number in given_up.filter(check_at=None).values_list("out_trade_no", flat=True):
            there = self.orders.get(number, {}).get("state")
            assert there not in ("NOTPAY", "WAIT_BUYER_PAY"), "given up here, payable there"

    def _check_refunds(self) -> None:
        ours = {one.out_refund_no: one for one in Refund.objects.all()}
        assert not self.refunds.keys() - ours.keys(), "given back without our asking"
        for number, refund in ours.items():
            back = self.back(number)
            assert back in (ZERO, refund.amount)
            assert refund.state != "paid" or back, "called given back, and is not"
            assert not back or refund.state in ("processing", "paid"), "given back unseen"
        for number in self.orders:
            theirs = [key for key, one in self.refunds.items() if one["out_trade_no"] == number]
            assert sum(map(self.back, theirs)) <= self.money(number)

    def _check_bills(self) -> None:
        settled = Allocation.objects.values_list("charge__bill", "charge__bill__amount")
        for _bill, amount, total in settled.annotate(sum=Sum("amount")):
            assert 0 <= total <= amount, "a bill took more than it is"

    def check_balance(self, in_cash: Decimal) -> None:
        """All money that is recorded stands on the accounts, less what goes back."""
        online = PaymentOrder.objects.filter(state="paid").aggregate(sum=Sum("amount"))["sum"]
        leaving = Refund.objects.filter(state__in=["approved", "processing", "paid"])
        entries = CreditEntry.objects.aggregate(sum=Sum("amount"))["sum"]
        back = leaving.aggregate(sum=Sum("amount"))["sum"]
        assert (entries or ZERO) == (online or ZERO) + in_cash - (back or ZERO)

    def check_all_is_over(self) -> None:
        """In the end nothing was lost, and nothing waits for anybody."""
        for number in self.orders:
            order = PaymentOrder.objects.get(out_trade_no=number)
            assert (order.state == "paid") == bool(self.money(number)), f"{number} {order.state}"
        assert not PaymentOrder.objects.filter(state__in=["created", "pending"]).exists()
        assert not ProviderEvent.objects.filter(state="received").exists()
        for refund in Refund.objects.all():
            assert refund.state in ("paid", "failed", "rejected"), refund.state
            assert (refund.state == "paid") == bool(self.back(refund.out_refund_no))
