"""An account's credit used for what is open on it, when its payer or the desk asks for that.

The same as at issue (billing's posting): oldest due first, each money from its own value date. What
somebody asked to have back stays out of it.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import OperationalError, connection, transaction

from billing.models import Account, Allocation, Bill, CreditEntry
from billing.services.accounts.late_fees import accrued
from billing.services.accounts.posting import (
    Kept,
    credit_of,
    lock_accounts,
    settle_with_credit,
)
from community.models import User, today
from core.money import ZERO
from payments.models import CreditUse, CreditUseLine, Refund


@transaction.atomic
def use_credit_now(*, account_ids: Collection[int], by: User, token: uuid.UUID) -> list[CreditUse]:
    """Uses the free credit of each of the accounts for what is open on it; what was used.

    The form's `token` makes a second press return the first uses; nothing is left for another form
    either. No receipt: the money has its own. What is free says `free_credit_of`.
    """
    lock_accounts(account_ids)
    known = list(CreditUse.objects.filter(form_token=token, account__in=account_ids))
    if known:
        return known
    made = settle_with_credit(account_ids=account_ids, kept=_asked_back(account_ids))
    uses = CreditUse.objects.bulk_create(
        CreditUse(account_id=pk, amount=_sum(settled), asked_by=by, form_token=token)
        for pk, settled in sorted(made.items())
    )
    CreditUseLine.objects.bulk_create(
        CreditUseLine(use=use, allocation=allocation)
        for use in uses
        for allocation in made[use.account_id]
    )
    return uses


def free_credit_of(account_ids: Collection[int]) -> dict[int, Decimal]:
    """By account: its credit, in yuan, less what somebody asked to have back; where any is left."""
    credit = credit_of(account_ids)
    kept = _asked_back(credit).of_accounts if credit else {}
    free = {pk: amount - kept.get(pk, ZERO) for pk, amount in credit.items()}
    return {pk: amount for pk, amount in free.items() if amount > 0}


@dataclass(frozen=True)
class Prospect:
    """What using the free credit of an account now would do, in yuan; `left` is what would then
    still be owed with the late fees of today. Both None while somebody else is at the account."""

    account: Account
    free: Decimal
    used: Decimal | None = None
    left: Decimal | None = None

    @property
    def stays(self) -> Decimal:
        """What would still be credit."""
        return self.free - (self.used or ZERO)


def prospects(accounts: Iterable[Account]) -> list[Prospect]:
    """For those of the accounts (`with_balance`) that owe something and have free credit.

    Tried and rolled back, so that it is what would happen: late fees end at the money's days, and
    may come to less than what was posted. Nothing is asked where nobody has both.
    """
    both = {one.pk: one for one in accounts if one.owed and one.credit}  # type: ignore[attr-defined]
    free = free_credit_of(both) if both else {}
    tried = _tried(list(free)) if free else {}
    if tried is None:
        return [Prospect(both[pk], amount) for pk, amount in free.items()]
    return [Prospect(both[pk], free[pk], used, left) for pk, (used, left) in tried.items() if used]


def _tried(account_ids: Collection[int]) -> dict[int, tuple[Decimal, Decimal]] | None:
    """By account: what would be used, and be owed then; None where others hold the accounts."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # A page does not wait for the minutes in which bills are issued.
                cursor.execute("SET LOCAL lock_timeout = '300ms'")
            made = settle_with_credit(account_ids=account_ids, kept=_asked_back(account_ids))
            owed = _owed(account_ids)
            transaction.set_rollback(True)
    except OperationalError:
        return None
    return {pk: (_sum(made.get(pk, ())), owed[pk]) for pk in account_ids}


def _owed(account_ids: Collection[int]) -> dict[int, Decimal]:
    """By account: all that is open, with the late fees of today, in yuan."""
    columns = ("pk", "owed")
    accounts = Account.objects.filter(pk__in=account_ids).with_balance()
    owed: dict[int, Decimal] = dict(accounts.values_list(*columns))
    bills = dict(
        Bill.objects.filter(account__in=account_ids).open().values_list("pk", "account_id")
    )
    for bill_id, late in accrued(bill_ids=list(bills), on=today()).items():
        owed[bills[bill_id]] += late
    return owed


def _asked_back(account_ids: Collection[int]) -> Kept:
    """The credit for which a refund is asked; of a payment's refund, what that payment brought."""
    asked = Refund.objects.filter(
        account__in=account_ids, deposit=None, state=Refund.State.REQUESTED
    )
    of_accounts: dict[int, Decimal] = defaultdict(Decimal)
    of_payments: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for account_id, payment_id, amount in asked.values_list("account_id", "payment_id", "amount"):
        if payment_id is None:
            of_accounts[account_id] += amount
        else:
            of_payments[payment_id, account_id] += amount
    of_entries: dict[int, Decimal] = {}
    for pk, account_id, payment_id, unused in _unused_of({pk for pk, _account in of_payments}):
        of_entries[pk] = min(of_payments[payment_id, account_id], max(unused, ZERO))
        of_accounts[account_id] += of_entries[pk]
    return Kept(of_accounts, of_entries)


def _unused_of(payment_ids: Collection[int]) -> list[tuple[int, int, int, Decimal]]:
    """What each of the payments' entries has left: entry, account, payment, yuan."""
    if not payment_ids:
        return []
    columns = ("pk", "account_id", "posting__payment_id", "unused")
    entries = CreditEntry.objects.filter(posting__payment__in=payment_ids).with_unused()
    return list(entries.values_list(*columns))


def _sum(allocations: Iterable[Allocation]) -> Decimal:
    return sum((allocation.amount for allocation in allocations), ZERO)
