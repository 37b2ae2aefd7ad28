"""Money taken at the front desk: cash or card, for bills of one payer at one or several units."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from billing.models import Account, Bill
from billing.services.amounts_due import amounts_due
from billing.services.posting import lock_accounts
from community.models import Community, User, today
from core.money import ZERO
from payments.models import Payment
from payments.services.record import Share, payment_record

METHODS = (Payment.Method.CASH, Payment.Method.CARD)


class MoreThanOwed(Exception):
    """The amount is more than the chosen bills still need; carries what they need, in yuan."""

    def __init__(self, owed: Decimal) -> None:
        super().__init__(f"only {owed} yuan are open")
        self.owed = owed


@dataclass(frozen=True)
class OpenBill:
    """A bill with what closes it today, in yuan."""

    bill_id: int
    account_id: int
    amount: Decimal


@transaction.atomic
def collect(
    *,
    community: Community,
    account: Account,
    bill_ids: Collection[int],
    amount: Decimal,
    method: Payment.Method,
    token: uuid.UUID,
    clerk: User,
    tendered: Decimal | None = None,
    prepay: bool = False,
) -> Payment:
    """Takes `amount` yuan for the chosen bills, oldest first; the payment, receipt issued.

    The form's `token` makes a second press return the first payment. What the bills do not need
    becomes credit on `account`, but only where the payer wants that (`prepay`): otherwise a bill
    that was paid online a moment ago would be paid twice.

    Raises MoreThanOwed, KeyConflict (the same form with another amount), ValueError for amounts
    that make no sense. Bills of other communities are not seen.
    """
    if method not in METHODS:
        raise ValueError(f"{method} is not taken at the desk")
    key = f"counter:{token}"
    chosen = Bill.objects.filter(pk__in=bill_ids, account__community=community)
    lock_accounts({account.pk, *chosen.values_list("account_id", flat=True)})
    known = Payment.objects.filter(idempotency_key=key).exists()
    if known:  # payment_record compares, and posts nothing
        shares = [Share(account.pk, amount, ())]
    else:
        shares = spread(amount, open_bills(bill_ids, community=community), account=account)
        prepaid = sum((share.amount for share in shares if share.bill_ids == ()), ZERO)
        if prepaid and not prepay:
            raise MoreThanOwed(amount - prepaid)
    return payment_record(
        community=community,
        method=method,
        amount=amount,
        shares=shares,
        value_date=today(),
        idempotency_key=key,
        received_by=clerk,
        tendered=tendered if method == Payment.Method.CASH else None,
    )


def open_bills(bill_ids: Collection[int], *, community: Community) -> list[OpenBill]:
    """Those of the bills of which something is to be paid today, oldest due first.

    The late fee of today is in it; a discount that paying them all would earn is taken off.
    """
    bills = Bill.objects.filter(pk__in=bill_ids, account__community=community)
    found = amounts_due(bill_ids=list(bills.values_list("pk", flat=True)), on=today())
    return [OpenBill(due.bill_id, due.account_id, due.amount) for due in found if due.amount]


def spread(amount: Decimal, bills: list[OpenBill], *, account: Account) -> list[Share]:
    """Shares `amount` yuan over `bills` in their order; what is left is prepaid on `account`."""
    shares = []
    for bill in bills:
        part = min(amount, bill.amount)
        if part > 0:
            shares.append(Share(bill.account_id, part, (bill.bill_id,)))
            amount -= part
    if amount > 0:
        shares.append(Share(account.pk, amount, ()))
    return shares
