"""Payments and online orders for tests. Money that is posted goes through the services."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from payments.models import Deposit, OrderBill, Payment, PaymentOrder, Refund
from payments.services.giving_back import refunds
from payments.services.receiving.deposits import receive_deposit
from payments.services.receiving.record import Share, payment_record
from tests.factories.community import CommunityFactory, StaffUserFactory, UserFactory


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


def make_deposit(account: Any, amount: str | Decimal = "1000.00", **of_deposit: Any) -> Deposit:
    """A deposit for decoration, taken in cash."""
    wanted: dict[str, Any] = {
        "purpose": "装修押金",
        "amount": Decimal(amount),
        "method": Payment.Method.CASH,
        "token": uuid.uuid4(),
        "clerk": StaffUserFactory.create(),
    }
    return receive_deposit(account=account, **(wanted | of_deposit))


def make_refund(
    account: Any,
    amount: str | Decimal = "50.00",
    *,
    deposit: Deposit | None = None,
    withheld: str | Decimal = "0.00",
    approved: bool = False,
    **of_refund: Any,
) -> Refund:
    """A refund of credit or of a deposit, in cash; asked by one, approved by another."""
    wanted: dict[str, Any] = {
        "reason": "搬离",
        "method": Refund.Method.CASH,
        "by": StaffUserFactory.create(),
        "token": uuid.uuid4(),
        "withheld_reason": "损坏公共墙面" if Decimal(withheld) else "",
    }
    refund = refunds.request_refund(
        account=account,
        amount=Decimal(amount),
        deposit=deposit,
        withheld=Decimal(withheld),
        **(wanted | of_refund),
    )
    if approved:
        refund = refunds.approve(refund.pk, by=StaffUserFactory.create())
    return refund
