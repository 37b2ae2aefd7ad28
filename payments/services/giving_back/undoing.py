"""What of a payment can go back, and taking it out of what it settled. Writes no refund itself."""

import secrets
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from billing.models import Allocation, CreditEntry
from billing.services.accounts.posting import credit_of
from core.money import ZERO
from payments.models import Payment, Refund

# What of a payment is promised or given back.
STANDING = (Refund.State.APPROVED, Refund.State.PROCESSING, Refund.State.PAID)


def new_number() -> str:
    """A refund's own number, that nobody guesses: R, the day, then 16 random characters."""
    return f"R{timezone.localdate():%Y%m%d}{secrets.token_hex(8)}"


def refundable_of(payment: Payment, account_id: int) -> Decimal:
    """What of an online payment can go back from an account, in yuan.

    What it brought there, less what went back already; never more than is there as credit or in
    what it settled.
    """
    entry = _entry(payment, account_id)
    if entry is None or payment.order_id is None:
        return ZERO
    settled = entry.allocations.aggregate(total=Sum("amount"))["total"] or ZERO
    return max(settled + _free(entry), ZERO)


def free_up(payment: Payment, account_id: int, amount: Decimal) -> CreditEntry | None:
    """Makes `amount` yuan of what a payment brought an account its credit again; that entry.

    What of it settles nothing goes first, then what it settled, the latest first; each allocation
    is undone by its negative twin, and what of it stays is settled anew. Must run in a transaction,
    under the account's lock.
    """
    entry = _entry(payment, account_id)
    if entry is None:
        return None
    need = amount - max(_free(entry), ZERO)
    standing = entry.allocations.filter(undoes=None, undone_by=None).order_by("-pk")
    for allocation in standing:
        if need <= 0:
            break
        Allocation.objects.create(
            credit_entry=entry,
            charge_id=allocation.charge_id,
            amount=-allocation.amount,
            undoes=allocation,
        )
        if allocation.amount > need:
            Allocation.objects.create(
                credit_entry=entry,
                charge_id=allocation.charge_id,
                amount=allocation.amount - need,
            )
        need -= allocation.amount
    return entry


def reopened_by(payment: Payment, account_id: int) -> list[int]:
    """The charges of an account from which `free_up` took money of a payment."""
    undone = Allocation.objects.filter(
        credit_entry__posting__payment=payment, charge__account=account_id, undoes__isnull=False
    )
    return list(undone.values_list("charge", flat=True).distinct())


def _entry(payment: Payment, account_id: int) -> CreditEntry | None:
    """What a payment brought an account, with what of it is `unused`."""
    entries = CreditEntry.objects.filter(posting__payment=payment, account=account_id)
    return entries.with_unused().first()


def _free(entry: CreditEntry) -> Decimal:
    """What of it is credit still, in yuan: other refunds may have taken part of the account's.

    Below 0 where it settled something after it had gone back, as it could before refunds named
    what they take from.
    """
    unused: Decimal = entry.unused  # type: ignore[attr-defined]
    return min(unused, credit_of([entry.account_id]).get(entry.account_id, ZERO))
