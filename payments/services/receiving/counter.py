"""Money taken at the front desk: cash or card, for bills of one payer at one or several units."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from billing.models import Account, Bill, Charge
from billing.services.accounts.amounts_due import amounts_due
from billing.services.accounts.posting import lock_accounts
from community.models import Community, User, today
from core.money import ZERO
from payments.models import Payment
from payments.services.receiving.record import UNBILLED, Share, payment_record

METHODS = (Payment.Method.CASH, Payment.Method.CARD)


class MoreThanOwed(Exception):
    """The amount is more than the chosen bills still need; carries what they need, in yuan."""

    def __init__(self, owed: Decimal) -> None:
        super().__init__(f"only {owed} yuan are open")
        self.owed = owed


@dataclass(frozen=True)
class OpenBill:
    """A bill with what closes it today, in yuan, and what of a discount is off that already."""

    bill_id: int
    account_id: int
    amount: Decimal
    discount: Decimal = ZERO

    @property
    def bill_ids(self) -> tuple[int | None, ...]:
        return (self.bill_id,)


@dataclass(frozen=True)
class OpenUnbilled:
    """What of an account is open now on no bill, in yuan: opening arrears, extra charges."""

    account_id: int
    amount: Decimal
    bill_ids: tuple[int | None, ...] = UNBILLED


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
    unbilled: Collection[int] = (),
) -> Payment:
    """Takes `amount` yuan for the chosen bills, oldest first; the payment, receipt issued.

    What the accounts `unbilled` owe on no bill comes before the bills: it is from before them.

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
    lock_accounts({account.pk, *unbilled, *chosen.values_list("account_id", flat=True)})
    known = Payment.objects.filter(idempotency_key=key).exists()
    if known:  # payment_record compares, and posts nothing
        shares = [Share(account.pk, amount, ())]
    else:
        parts: list[OpenBill | OpenUnbilled] = [
            *open_unbilled(unbilled, community=community),
            *open_bills(bill_ids, community=community),
        ]
        shares = spread(amount, parts, account=account)
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
    return [
        OpenBill(due.bill_id, due.account_id, due.amount, due.discount)
        for due in found
        if due.amount
    ]


def open_unbilled(account_ids: Collection[int], *, community: Community) -> list[OpenUnbilled]:
    """What of the accounts is open on no bill, for those that have any."""
    charges = Charge.objects.filter(
        account__in=account_ids, account__community=community, bill=None
    ).open()
    columns = ("account_id", "open_amount")
    sums: dict[int, Decimal] = {}
    for account_id, amount in charges.values_list(*columns):
        sums[account_id] = sums.get(account_id, ZERO) + amount
    return [OpenUnbilled(account_id, amount) for account_id, amount in sorted(sums.items())]


def spread(
    amount: Decimal, parts: Sequence[OpenBill | OpenUnbilled], *, account: Account
) -> list[Share]:
    """Shares `amount` yuan over `parts` in their order; what is left is prepaid on `account`."""
    shares = []
    for open_part in parts:
        part = min(amount, open_part.amount)
        if part > 0:
            shares.append(Share(open_part.account_id, part, open_part.bill_ids))
            amount -= part
    if amount > 0:
        shares.append(Share(account.pk, amount, ()))
    return shares
