"""Months paid ahead at the front desk; online they are a part of an order (basket.py)."""

import uuid
from decimal import Decimal

from django.db import transaction

from billing.models import Account
from billing.services.estimate import months_ahead
from billing.services.posting import lock_accounts
from community.models import User, today
from payments.models import Payment
from payments.services.counter import METHODS
from payments.services.record import Share, payment_record


class PriceChanged(Exception):
    """The months cost something else than the page said; carries what they cost, in yuan."""

    def __init__(self, total: Decimal) -> None:
        super().__init__(f"they cost {total} yuan")
        self.total = total


@transaction.atomic
def take_prepayment(
    *,
    account: Account,
    months: int,
    amount: Decimal,
    method: Payment.Method,
    token: uuid.UUID,
    clerk: User,
    tendered: Decimal | None = None,
) -> Payment:
    """Takes what the next `months` unbilled months cost as credit of `account`, with a receipt.

    `amount` is what the page showed and the clerk counts: where our rows say otherwise nothing is
    taken. The form's `token` makes a second press return the first payment. Raises PriceChanged,
    KeyConflict, ValueError for a number of months that makes no sense.
    """
    if method not in METHODS:
        raise ValueError(f"{method} is not taken at the desk")
    lock_accounts([account.pk])
    key = f"prepay:{token}"
    if not Payment.objects.filter(idempotency_key=key).exists():
        total = months_ahead(account=account, months=months).total
        if total != amount:
            raise PriceChanged(total)
    return payment_record(
        community=account.community,
        method=method,
        amount=amount,
        shares=[Share(account.pk, amount, ())],
        value_date=today(),
        idempotency_key=key,
        received_by=clerk,
        tendered=tendered if method == Payment.Method.CASH else None,
    )
