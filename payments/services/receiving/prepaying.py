"""Months paid ahead at the front desk; online they are a part of an order (basket.py)."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from billing.models import Account
from billing.services.accounts.posting import lock_accounts
from billing.services.runs.estimate import Ahead, Estimate
from community.models import User, today
from core.money import ZERO
from payments.models import Payment
from payments.services.receiving.counter import METHODS
from payments.services.receiving.record import Share, payment_record


@dataclass(frozen=True)
class TopUp:
    """What months ahead cost, and what is to be paid for them besides the credit there is."""

    estimate: Estimate
    credit: Decimal

    @property
    def to_pay(self) -> Decimal:
        return max(self.estimate.total - self.credit, ZERO)


def free_credit(account: Account) -> Decimal:
    """The credit of an account that nothing open is waiting for, in yuan."""
    found = Account.objects.filter(pk=account.pk).with_balance()
    balances = [-balance for (balance,) in found.values_list(*("balance",))]
    return max(*balances, ZERO) if balances else ZERO


def top_up(account: Account, months: int, *, ahead: Ahead | None = None) -> TopUp:
    """What the next `months` unbilled months cost beyond the account's free credit.

    Who paid three months ahead yesterday and asks for six pays for three more, not for nine.
    """
    return TopUp((ahead or Ahead(account)).estimate(months), free_credit(account))


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
    """Takes what the next `months` unbilled months cost beyond the credit there is, with a receipt.

    `amount` is what the page showed and the clerk counts: where our rows say otherwise nothing is
    taken. The form's `token` makes a second press return the first payment. Raises PriceChanged,
    KeyConflict, ValueError for a number of months that makes no sense.
    """
    if method not in METHODS:
        raise ValueError(f"{method} is not taken at the desk")
    lock_accounts([account.pk])
    key = f"prepay:{token}"
    if not Payment.objects.filter(idempotency_key=key).exists():
        to_pay = top_up(account, months).to_pay
        if to_pay != amount:
            raise PriceChanged(to_pay)
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
