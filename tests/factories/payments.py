"""Payments and online orders for tests. Money that is posted goes through the services."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from payments.models import OrderBill, Payment, PaymentOrder
from payments.services.record import Share, payment_record
from tests.factories.community import CommunityFactory, UserFactory


def make_payment(*bills: Any, amount: str | Decimal | None = None, **of_payment: Any) -> Payment:
    """A cash payment of `amount` (all of the bills by default), posted and receipted."""
    amount = Decimal(amount) if amount is not None else sum(bill.amount for bill in bills)
    left, shares = amount, []
    for bill in bills:
        part = min(left, bill.amount)
        if part > 0:
            shares.append(Share(bill.account_id, part, (bill.pk,)))
            left -= part
    if left > 0:
        shares.append(Share(bills[0].account_id, left, ()))
    wanted: dict[str, Any] = {
        "community": bills[0].account.community,
        "method": Payment.Method.CASH,
        "amount": amount,
        "shares": shares,
        "value_date": timezone.localdate(),
        "idempotency_key": f"test:{uuid.uuid4()}",
    }
    return payment_record(**(wanted | of_payment))


class PaymentOrderFactory(DjangoModelFactory[PaymentOrder]):
    """An order of 100 yuan that waits for payment; `make_order` makes one for bills."""

    class Meta:
        model = PaymentOrder

    community = factory.SubFactory(CommunityFactory)
    user = factory.SubFactory(UserFactory)
    provider = "wechatpay"
    scene = "native"
    out_trade_no = factory.Sequence(lambda n: f"T{n:015d}")
    amount = Decimal("100.00")
    state = PaymentOrder.State.PENDING
    form_token = factory.LazyFunction(uuid.uuid4)
    expires_at = factory.LazyFunction(lambda: timezone.now() + datetime.timedelta(minutes=30))
    paid_at = factory.LazyAttribute(
        lambda order: timezone.now() if order.state == PaymentOrder.State.PAID else None
    )


def make_order(*bills: Any, **of_order: Any) -> PaymentOrder:
    """An order for all of `bills`."""
    order: PaymentOrder = PaymentOrderFactory(
        community=bills[0].account.community,
        amount=sum(bill.amount for bill in bills),
        **of_order,
    )
    for bill in bills:
        OrderBill.objects.create(order=order, bill=bill, amount=bill.amount)
    return order
