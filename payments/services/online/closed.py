"""Why an order was closed unpaid, as far as our rows tell, for its payer to read."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from payments.models import OrderAccount, PaymentOrder, Receipt
from payments.services.online.asking import still_needed
from payments.services.online.basket import wish_of

State = PaymentOrder.State


@dataclass(frozen=True)
class Closed:
    """What came instead: the receipt of what was paid meanwhile, else another order that may still
    be paid. Neither: what is owed has changed, or (`given_up`) the payer did not want it."""

    receipt: Receipt | None = None
    order: PaymentOrder | None = None
    given_up: bool = False


def why_closed(order: PaymentOrder) -> Closed:
    """Why a closed order is closed; only what its payer may see is looked at."""
    later = _later(order)
    receipt = Receipt.objects.visible_to(order.user).filter(
        Q(lines__charge__bill__in=order.lines.values("bill")) | Q(payment__order__in=later),
        issued_at__gt=order.created_at,
    )
    if paid := receipt.order_by("-issued_at").first():
        return Closed(receipt=paid)
    if taken := later.filter(state__in=[State.CREATED, State.PENDING]).first():
        return Closed(order=taken)
    return Closed(given_up=still_needed(order))


def _later(order: PaymentOrder) -> QuerySet[PaymentOrder]:
    """The payer's own orders for any of the same that were started after it, the newest first."""
    wish, purpose = wish_of(order), OrderAccount.Purpose
    same = Q(lines__bill__in=wish.bill_ids) | Q(
        account_lines__account__in=wish.unbilled, account_lines__purpose=purpose.UNBILLED
    )
    if wish.prepay:
        same |= Q(account_lines__account=wish.prepay[0], account_lines__purpose=purpose.PREPAYMENT)
    orders = PaymentOrder.objects.filter(same, user=order.user, created_at__gt=order.created_at)
    return orders.order_by("-created_at", "pk").distinct()
