"""Recording money received: one payment, its postings, one receipt, all or nothing."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import IntegrityError, transaction

from billing.models import Account, Allocation, CreditEntry
from billing.services.posting import allocate, lock_accounts, post_credit
from community.models import Community, User
from core.money import ZERO, to_fen
from payments.models import Payment, PaymentOrder, Posting
from payments.services.receipt import issue_receipt
from payments.signals import payment_received


class KeyConflict(Exception):
    """The same idempotency key came with other particulars: a person has to look."""


@dataclass(frozen=True)
class Share:
    """What of a payment is meant for one account, in yuan, and which bills it may settle.

    `bill_ids` None leaves the choice to the rules (oldest first); () keeps all of it as credit.
    What the bills do not take becomes credit on the same account.
    """

    account_id: int
    amount: Decimal
    bill_ids: tuple[int, ...] | None = None


@transaction.atomic
def payment_record(
    *,
    community: Community,
    method: Payment.Method,
    amount: Decimal,
    shares: Sequence[Share],
    value_date: datetime.date,
    idempotency_key: str,
    received_by: User | None = None,
    order: PaymentOrder | None = None,
    tendered: Decimal | None = None,
) -> Payment:
    """Records `amount` yuan received and posts it as `shares`; what they leave is in suspense.

    The same key again returns the first payment and posts nothing. Sends `payment_received`
    inside the transaction.

    Raises KeyConflict for a known key with another amount, method, community or order; ValueError
    for amounts that are not positive, not whole fen or less than their shares, and for accounts of
    another community.
    """
    _check_amounts(amount, shares)
    lock_accounts(share.account_id for share in shares)
    wanted = Payment(
        community=community,
        method=method,
        amount=amount,
        value_date=value_date,
        received_by=received_by,
        idempotency_key=idempotency_key,
        order=order,
        tendered=tendered,
    )
    known = _recorded(wanted)
    if known is not None:
        return known
    accounts = _accounts(community, shares)
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
    except IntegrityError:
        # The other one of two at the same moment, with other accounts: it has committed by now.
        known = _recorded(wanted)
        if known is None:
            raise
        return known
    allocations = _post(wanted, accounts, shares)
    issue_receipt(payment=wanted, accounts=accounts, allocations=allocations)
    payment_received.send(sender=Payment, payment=wanted)
    return wanted


def _check_amounts(amount: Decimal, shares: Sequence[Share]) -> None:
    parts = [to_fen(share.amount) for share in shares]
    if to_fen(amount) <= 0 or any(part <= 0 for part in parts):
        raise ValueError("amounts must be above 0")
    if sum(parts) > to_fen(amount):
        raise ValueError(f"shares of {sum(parts)} fen are more than the {amount} yuan received")


def _recorded(wanted: Payment) -> Payment | None:
    """The payment that has the key already; KeyConflict if it is not the same payment."""
    known = Payment.objects.filter(idempotency_key=wanted.idempotency_key).first()
    if known is None:
        return None
    for field in ("amount", "method", "community_id", "order_id"):
        if getattr(known, field) != getattr(wanted, field):
            raise KeyConflict(f"{wanted.idempotency_key} was recorded with another {field}")
    return known


def _accounts(community: Community, shares: Sequence[Share]) -> dict[int, Account]:
    wanted = {share.account_id for share in shares}
    accounts = (
        Account.objects.filter(community=community)
        .select_related("unit", "party")
        .in_bulk(sorted(wanted))
    )
    if len(accounts) != len(wanted):
        raise ValueError(f"accounts {sorted(wanted - set(accounts))} are not of {community.code}")
    return accounts


def _post(
    payment: Payment, accounts: dict[int, Account], shares: Sequence[Share]
) -> list[Allocation]:
    """One credit entry for each account, then the shares settle what they were meant for."""
    allocations: list[Allocation] = []
    for account_id, account in sorted(accounts.items()):
        own = [share for share in shares if share.account_id == account_id]
        entry = post_credit(
            account=account,
            kind=CreditEntry.Kind.PAYMENT,
            amount=sum((share.amount for share in own), ZERO),
            value_date=payment.value_date,
        )
        Posting.objects.create(payment=payment, credit_entry=entry)
        for share in own:
            allocations += allocate(
                credit_entry=entry, amount=share.amount, bill_ids=share.bill_ids
            )
    return allocations
