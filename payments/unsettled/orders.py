"""Online payments that a machine could not settle, told so that a person knows what to do."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet
from django.utils.functional import Promise

from community.models import Community
from payments.models import PaymentOrder, ProviderEvent
from payments.unsettled.reasons import plain_reason

_THEIR_AMOUNT = re.compile(r"(\d+\.?\d*) yuan")


@dataclass(frozen=True)
class Reason:
    """Why somebody has to look: a sentence, said once, and all that machines kept of it."""

    plain: str | Promise
    codes: list[str]


@dataclass(frozen=True)
class Unsettled:
    """An order that does not fit. Amounts in yuan; `theirs` None where nothing is known paid."""

    order: PaymentOrder
    reasons: list[Reason]
    theirs: Decimal | None

    @property
    def units(self) -> list[str]:
        """The codes of the units that it pays for."""
        return units_of(self.order)


def units_of(order: PaymentOrder) -> list[str]:
    """The codes of the units that an order pays for, of lines that may have been prefetched."""
    of_bills = [line.bill.account for line in order.lines.all()]
    beside = [line.account for line in order.account_lines.all()]
    return list(dict.fromkeys(account.unit.code for account in (*of_bills, *beside)))


def unsettled_orders(community: Community) -> QuerySet[PaymentOrder]:
    """The community's orders that wait for a person, the newest first."""
    orders = PaymentOrder.objects.filter(community=community)
    return orders.unsettled().with_refunded().order_by("-created_at")


def looked_at_orders(community: Community) -> QuerySet[PaymentOrder]:
    """Those that somebody has looked at, and nothing came up since; the newest first."""
    orders = PaymentOrder.objects.filter(community=community, looks__isnull=False)
    waiting = unsettled_orders(community).order_by().values("pk")
    return orders.exclude(pk__in=waiting).distinct().with_refunded().order_by("-created_at")


def explain(orders: Iterable[PaymentOrder]) -> list[Unsettled]:
    """`orders` with why each waits (one query, and those for lines that were not prefetched)."""
    orders = list(orders)
    refused = ProviderEvent.objects.filter(
        state=ProviderEvent.State.REFUSED,
        out_trade_no__in=[order.out_trade_no for order in orders],
    )
    said: dict[str, list[str]] = defaultdict(list)
    for number, outcome in refused.order_by("pk").values_list("out_trade_no", "outcome"):
        said[number].append(outcome)
    return [_explained(order, said[order.out_trade_no]) for order in orders]


def _explained(order: PaymentOrder, said: list[str]) -> Unsettled:
    codes = list(dict.fromkeys(([order.problem] if order.problem else []) + said))
    reasons: dict[str, Reason] = {}
    for code in codes:
        plain = plain_reason(code, order)
        known = reasons.setdefault(str(plain), Reason(plain, []))
        known.codes.append(code)
    figures = [Decimal(found[1]) for code in codes if (found := _THEIR_AMOUNT.search(code))]
    paid = order.amount if order.state == PaymentOrder.State.PAID else None
    return Unsettled(order, list(reasons.values()), figures[0] if figures else paid)
