"""Asking the provider for the truth about orders, and acting on it. Never inside a transaction."""

import datetime
import logging

from django.db import transaction
from django.utils import timezone

from billing.services.accounts.amounts_due import amounts_due
from core.money import ZERO
from payments import providers
from payments.models import OrderAccount, PaymentOrder
from payments.providers.base import (
    AlreadyPaid,
    ProviderOrder,
    TradeState,
)
from payments.services.online.orders import (
    WrongFacts,
    mark_closed,
    mark_expired,
    settle,
)
from payments.services.receiving.counter import open_unbilled
from payments.signals import payment_needs_attention

logger = logging.getLogger(__name__)
# Somebody who opened the payment in its last second may still be at it.
GRACE = datetime.timedelta(minutes=5)
LIVE = (PaymentOrder.State.CREATED, PaymentOrder.State.PENDING)


def ask(order: PaymentOrder) -> PaymentOrder:
    """Asks the provider about an order and takes the transition that follows; the order now.

    Raises TransientError or PermanentError when there is no answer to act on, KeyError when the
    provider has no merchant account any more.
    """
    facts = providers.of(order).query(order.out_trade_no)
    if facts.state == TradeState.PAID:
        return _settle_or_tell(order, facts)
    if facts.state == TradeState.REFUNDED:
        return stop_asking(order, "the provider refunded it before we knew that it was paid")
    if facts.state == TradeState.CLOSED:
        return _end(order)
    if order.state not in LIVE:
        # Given up here, but not yet there: by now it may have become something to close.
        return retire(order)
    return order if _fits(order) else retire(order)


def retire(order: PaymentOrder) -> PaymentOrder:
    """Makes sure at the provider that an unpaid order cannot be paid any more, then ends it here.

    If it was paid at the last moment it is settled instead. What the provider does not know yet,
    but somebody may still open or scan, is ended here and asked about until its time is over.
    Raises as `ask`.
    """
    provider = providers.of(order)
    try:
        closed = provider.close(order.out_trade_no)
    except AlreadyPaid:
        return _settle_or_tell(order, provider.query(order.out_trade_no))
    return _end(order, watch=not closed)


def _end(order: PaymentOrder, *, watch: bool = False) -> PaymentOrder:
    watch = watch and order.expires_at + GRACE > timezone.now()
    over = order.expires_at <= timezone.now()
    if over and order.state == PaymentOrder.State.PENDING:
        return mark_expired(order.pk, watch=watch)
    return mark_closed(order.pk, watch=watch)


def _fits(order: PaymentOrder) -> bool:
    """Whether there is time left, and its bills need all of it: the desk may have been paid."""
    return order.expires_at > timezone.now() and still_needed(order)


def still_needed(order: PaymentOrder) -> bool:
    """Whether what an order is for still needs all of it."""
    wanted = dict(order.lines.values_list("bill_id", "amount"))
    needed = {
        due.bill_id: due.open + due.late_fee
        for due in amounts_due(bill_ids=list(wanted), on=timezone.localdate())
    }
    return all(needed.get(pk, ZERO) >= amount for pk, amount in wanted.items()) and _unbilled_fit(
        order
    )


def _unbilled_fit(order: PaymentOrder) -> bool:
    """Whether what is owed on no bill still needs all of what the order has for it."""
    wanted = dict(
        order.account_lines.filter(purpose=OrderAccount.Purpose.UNBILLED).values_list(
            "account_id", "amount"
        )
    )
    parts = open_unbilled(wanted, community=order.community) if wanted else []
    needed = {part.account_id: part.amount for part in parts}
    return all(needed.get(pk, ZERO) >= amount for pk, amount in wanted.items())


def _settle_or_tell(order: PaymentOrder, facts: ProviderOrder) -> PaymentOrder:
    try:
        return settle(order.pk, facts)
    except WrongFacts as error:
        return stop_asking(order, str(error))


@transaction.atomic
def stop_asking(order: PaymentOrder, reason: str) -> PaymentOrder:
    """A person has to look; told once."""
    asked = PaymentOrder.objects.watched().filter(pk=order.pk, check_at__isnull=False)
    if asked.update(check_at=None, problem=reason[:300]):
        logger.error("order %s: %s", order.out_trade_no, reason)
        payment_needs_attention.send(sender=PaymentOrder, order=order, reason=reason)
    return PaymentOrder.objects.get(pk=order.pk)
