"""Our side of a day at a merchant account, for the comparison with the provider's bill."""

import datetime
from dataclasses import dataclass, field
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from payments.models import PaymentOrder, Refund
from payments.providers.base import DailyBill, LineKind, Provider
from payments.reconciliation.comparison import Key, key_of

NUMBERS = 5_000  # in one statement


@dataclass
class Ours:
    """Our side of a day: amounts by what they are about, and whose they are."""

    amounts: dict[Key, Decimal] = field(default_factory=dict)
    day: set[Key] = field(default_factory=set)  # those that belong to the day
    community: dict[str, int] = field(default_factory=dict)  # by order number
    order: dict[str, int] = field(default_factory=dict)


def our_side(provider: Provider, bill: DailyBill) -> Ours:
    """What we have of the day, and of other days what the bill names."""
    ours = Ours()
    orders = PaymentOrder.objects.filter(provider=provider.key, merchant=provider.merchant)
    start, end = span(bill.day)
    _add_payments(ours, orders.filter(paid_at__gte=start, paid_at__lt=end), of_day=True)
    keys = {key_of(line) for line in bill.lines}
    unknown = sorted({key[1] for key in keys if key[1] not in ours.order})
    for first in range(0, len(unknown), NUMBERS):
        numbers = unknown[first : first + NUMBERS]
        _add_payments(ours, orders.filter(out_trade_no__in=numbers), of_day=False)
    _add_refunds(ours, provider, bill, sorted({key[2] for key in keys if key[2]}))
    return ours


def _add_refunds(ours: Ours, provider: Provider, bill: DailyBill, named: list[str]) -> None:
    """Refunds through the provider that belong into the day's bill, or that it names."""
    refunds = Refund.objects.in_bills().filter(
        payment__order__provider=provider.key,
        payment__order__merchant=provider.merchant,
    )
    wanted = [refunds.filter(listed=bill.day)]
    for first in range(0, len(named), NUMBERS):
        wanted.append(refunds.filter(out_refund_no__in=named[first : first + NUMBERS]))
    for found in wanted:
        rows = found.values_list(
            "payment__order__out_trade_no",
            "payment__order_id",
            "out_refund_no",
            "community_id",
            "amount",
            "listed",
        )
        for number, order_id, refund_no, community_id, amount, listed in rows:
            ours.order[number], ours.community[number] = order_id, community_id
            key = (LineKind.REFUND.value, number, refund_no)
            ours.amounts[key] = amount
            if listed == bill.day:
                ours.day.add(key)


def span(day: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """A day on the clock in China: from its first moment to the next one's."""
    zone = timezone.get_current_timezone()
    start = datetime.datetime.combine(day, datetime.time(), zone)
    return start, datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), zone)


def _add_payments(ours: Ours, orders: QuerySet[PaymentOrder], *, of_day: bool) -> None:
    rows = orders.values_list("out_trade_no", "pk", "community_id", "payment__amount")
    for number, pk, community_id, amount in rows:
        ours.order[number], ours.community[number] = pk, community_id
        if amount is None:
            continue
        key = (LineKind.PAYMENT.value, number, "")
        ours.amounts[key] = amount
        if of_day:
            ours.day.add(key)
