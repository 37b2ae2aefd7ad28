"""Deposits (押金) at the front desk: received here, given back or kept by a refund."""

import uuid
from decimal import Decimal

from django.db import IntegrityError, transaction

from billing.models import Account
from billing.services.accounts.posting import lock_accounts
from community.models import Party, Unit, User, today
from core.money import from_fen, to_fen
from payments.models import Deposit, Payment
from payments.services.receiving.counter import METHODS
from payments.services.receiving.receipt import issue_deposit_receipt
from payments.services.receiving.record import KeyConflict
from payments.signals import payment_received


def account_of(*, unit: Unit, party: Party) -> Account:
    """The account of somebody at a unit; opened if he never was billed (a tenant who decorates)."""
    account, _new = Account.objects.get_or_create(
        community_id=unit.community_id, unit=unit, party=party
    )
    return account


@transaction.atomic
def receive_deposit(
    *,
    account: Account,
    purpose: str,
    amount: Decimal,
    method: Payment.Method,
    token: uuid.UUID,
    clerk: User,
    tendered: Decimal | None = None,
) -> Deposit:
    """Takes `amount` yuan as a deposit of `account`, with a receipt whose line says so.

    It is no credit of the account: no bill is ever paid with it. The form's `token` makes a second
    press return the first deposit. Raises KeyConflict (the same form with other particulars),
    ValueError for amounts that make no sense and a blank purpose.
    """
    purpose = purpose.strip()
    if method not in METHODS:
        raise ValueError(f"{method} is not taken at the desk")
    if to_fen(amount) <= 0 or not purpose:
        raise ValueError("a deposit has an amount above 0 and a purpose")
    lock_accounts([account.pk])
    key = f"deposit:{token}"
    known = Payment.objects.filter(idempotency_key=key).first()
    if known is None:
        try:
            with transaction.atomic():
                known = Payment.objects.create(
                    community_id=account.community_id,
                    method=method,
                    amount=from_fen(to_fen(amount)),
                    value_date=today(),
                    received_by=clerk,
                    idempotency_key=key,
                    tendered=tendered if method == Payment.Method.CASH else None,
                )
        except IntegrityError:
            # The same form for another account, at the same moment.
            known = Payment.objects.filter(idempotency_key=key).first()
            if known is None:
                raise
        else:
            return _hold(known, account, purpose)
    deposit = Deposit.objects.get(payment=known)
    wanted = (account.pk, purpose, amount, method)
    if (deposit.account_id, deposit.purpose, deposit.amount, known.method) != wanted:
        raise KeyConflict(f"{key} was recorded with other particulars")
    return deposit


def _hold(payment: Payment, account: Account, purpose: str) -> Deposit:
    deposit = Deposit.objects.create(
        community_id=account.community_id,
        account=account,
        purpose=purpose,
        amount=payment.amount,
        payment=payment,
    )
    issue_deposit_receipt(deposit)
    payment_received.send(sender=Payment, payment=payment)
    return deposit
