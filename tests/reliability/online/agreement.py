"""Whether the providers' ledgers and ours say the same, order by order and refund by refund."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum

from billing.models import Allocation, CreditEntry
from core import books
from payments.models import Payment, PaymentOrder, ProviderEvent, Receipt, Refund
from tests.reliability.online.world import World

PAID_THERE = {"SUCCESS", "TRADE_SUCCESS", "TRADE_FINISHED"}


def differences(world: World) -> list[str]:
    """What does not agree, or waits; nothing when all is well."""
    theirs = {name: simulator.ledger() for name, simulator in world.simulators.items()}
    return [
        *_orders(world, theirs),
        *_refunds(world, theirs),
        *_waiting(world),
        *_sums(world, theirs),
    ]


def broken_books(world: World) -> list[str]:
    """What verify_books finds."""
    found = books.verify(world.community.code).breaks
    return [f"{one.rule}: {one.subject}: {one.detail}" for one in found]


def _orders(world: World, theirs: dict[str, Any]) -> Iterator[str]:
    """0 lost, 0 doubled: paid there exactly when it is paid here, with all that follows."""
    payments = _by_order(Payment.objects.filter(order__community=world.community))
    receipts = dict(
        Receipt.objects.filter(payment__order__community=world.community)
        .values_list("payment__order__out_trade_no")
        .annotate(receipts=Count("pk"))
    )
    posted = dict(
        CreditEntry.objects.filter(posting__payment__order__community=world.community)
        .values_list("posting__payment__order__out_trade_no")
        .annotate(amount=Sum("amount"))
    )
    there = {
        (name, order["out_trade_no"]): order
        for name, ledger in theirs.items()
        for order in ledger["orders"]
    }
    for order in PaymentOrder.objects.filter(community=world.community):
        number = order.out_trade_no
        other = there.get((order.provider, number), {})
        money = _yuan(other["total"]) if other and _paid(other) else Decimal(0)
        here = [payment.amount for payment in payments[number]]
        if money != sum(here):
            yield f"{number}: {money} yuan paid there, {here} recorded here, {order.state}"
        if (order.state == "paid") != bool(money):
            yield f"{number} is {order.state} here, {other.get('state', 'unknown')} there"
        if not money:
            continue
        if order.transaction_id != (other.get("transaction_id") or other.get("trade_no")):
            yield f"{number}: another transaction"
        if (receipts.get(number), posted.get(number)) != (1, money):
            yield f"{number}: {receipts.get(number)} receipts, {posted.get(number)} posted"


def _refunds(world: World, theirs: dict[str, Any]) -> Iterator[str]:
    ours = {
        refund.out_refund_no: refund
        for refund in Refund.objects.filter(community=world.community, method="original")
    }
    numbers = set(
        PaymentOrder.objects.filter(community=world.community).values_list(
            "out_trade_no", flat=True
        )
    )
    there = {
        refund.get("out_refund_no") or refund["out_request_no"]: refund
        for ledger in theirs.values()
        for refund in ledger["refunds"]
        if refund["out_trade_no"] in numbers
    }
    for number in ours.keys() | there.keys():
        refund, other = ours.get(number), there.get(number)
        went_back = _yuan(other["amount"]) if other and other["status"] == "SUCCESS" else 0
        recorded = refund.amount if refund and refund.state == "paid" else 0
        if went_back != recorded:
            state = refund.state if refund else "unknown"
            yield f"refund {number}: {went_back} yuan there, {recorded} here, {state}"


def _waiting(world: World) -> Iterator[str]:
    """What somebody, or the sweep, would still have to do."""
    numbers = PaymentOrder.objects.filter(community=world.community).values("out_trade_no")
    for event in ProviderEvent.objects.filter(state="received", out_trade_no__in=numbers):
        yield f"event {event} was not processed"
    for refund in Refund.objects.filter(
        community=world.community, state__in=["requested", "approved", "processing"]
    ):
        yield f"refund {refund.out_refund_no} is {refund.state}: {refund.problem}"


def _sums(world: World, theirs: dict[str, Any]) -> Iterator[str]:
    """All money that is there is on the accounts, and no bill took more than it is."""
    settled = Allocation.objects.filter(charge__account__community=world.community).values_list(
        "charge__bill", "charge__bill__amount"
    )
    for bill, amount, total in settled.annotate(total=Sum("amount")):
        if not 0 <= total <= amount:
            yield f"bill {bill} of {amount} is settled by {total}"
    entries = CreditEntry.objects.filter(account__community=world.community)
    balance = entries.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    cash = Payment.objects.filter(community=world.community, order=None)
    in_cash = cash.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    numbers = set(
        PaymentOrder.objects.filter(community=world.community).values_list(
            "out_trade_no", flat=True
        )
    )
    there = sum(
        (
            _yuan(order["total"])
            for ledger in theirs.values()
            for order in ledger["orders"]
            if order["out_trade_no"] in numbers and _paid(order)
        ),
        Decimal(0),
    ) - sum(
        (
            _yuan(refund["amount"])
            for ledger in theirs.values()
            for refund in ledger["refunds"]
            if refund["out_trade_no"] in numbers and refund["status"] == "SUCCESS"
        ),
        Decimal(0),
    )
    if balance != there + in_cash:
        yield f"{balance} yuan on the accounts, {there} at the providers and {in_cash} in cash"


def _by_order(payments: Any) -> dict[str, list[Payment]]:
    found: dict[str, list[Payment]] = defaultdict(list)
    for payment in payments.select_related("order"):
        found[payment.order.out_trade_no].append(payment)
    return found


def _paid(order: dict[str, Any]) -> bool:
    """Paid once, whatever went back later: a trade refunded whole is closed at Alipay."""
    return order["state"] in PAID_THERE or order.get("paid_at") is not None


def _yuan(fen: int) -> Decimal:
    return Decimal(fen) / 100
