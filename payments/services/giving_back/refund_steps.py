"""The steps of a refund, whichever way its money goes back.

The transitions in services/refunds.py and services/original_refunds.py are made of them. Each runs
in its caller's transaction.
"""

import datetime

from django.utils import timezone

from billing.models import CreditEntry
from billing.services.accounts.posting import lock_accounts, post_credit
from billing.services.accounts.taking_back import take_back_unpaid_discounts
from community.models import User
from payments.models import Deposit, DepositEntry, Refund
from payments.services.giving_back.undoing import reopened_by
from payments.services.giving_back.vouchers import issue_voucher
from payments.signals import refund_changed

State = Refund.State


class RefundRefused(Exception):
    """A refund cannot do that now; nothing was changed."""


class WrongState(RefundRefused):
    """The refund is not where that can happen any more; carries its state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"it is {state}")
        self.state = State(state)


def locked(refund_id: int) -> Refund:
    """The refund under the locks of account, deposit and itself, in the order of everybody."""
    found = Refund.objects.only("account_id", "deposit_id").get(pk=refund_id)
    lock_accounts([found.account_id])
    if found.deposit_id is not None:
        Deposit.objects.select_for_update(no_key=True).get(pk=found.deposit_id)
    return (
        Refund.objects.select_for_update(of=("self",))
        .select_related(
            "community",
            "account__party",
            "account__unit",
            "deposit",
            "entry__takes_from",
            "payment__order",
        )
        .get(pk=refund_id)
    )


def move(refund: Refund, state: Refund.State) -> None:
    """Raises WrongState where no way leads from its state to `state`."""
    if state not in Refund.TRANSITIONS[State(refund.state)]:
        raise WrongState(refund.state)
    refund.state = state


def end(refund: Refund, state: Refund.State, by: User | None) -> None:
    """Ends it here; `by` is None where the provider said so."""
    move(refund, state)
    refund.check_at = None
    refund.ended_by, refund.ended_at = by, timezone.now()


def take_from_deposit(refund: Refund, deposit: Deposit) -> None:
    """What goes back of the deposit and what is kept of it are not held any more."""
    DepositEntry.objects.bulk_create(
        DepositEntry(deposit=deposit, kind=kind, amount=-amount, refund=refund)
        for kind, amount in (
            (DepositEntry.Kind.RETURNED, refund.amount),
            (DepositEntry.Kind.WITHHELD, refund.withheld),
        )
        if amount
    )


def pay(refund: Refund, *, by: User | None, day: datetime.date) -> Refund:
    """The money left on `day`: ends the refund and numbers its voucher. Raises WrongState.

    Only now is a discount for early payment lost that the money had earned: a refund that comes to
    nothing leaves the account what it had.
    """
    if refund.state == State.PAID:
        return refund
    end(refund, State.PAID, by)
    refund.paid_on = day
    refund.save()
    issue_voucher(refund)
    if refund.payment is not None:
        take_back_unpaid_discounts(reopened_by(refund.payment, refund.account_id))
    return told(refund)


def undo(refund_id: int, state: Refund.State, by: User | None, words: str) -> Refund:
    """The money is the account's or the deposit's again, by counter-entries. Raises WrongState."""
    refund = locked(refund_id)
    if refund.state == state:
        return refund
    end(refund, state, by)
    refund.problem = words.strip()
    if refund.entry is not None:
        refund.given_back = post_credit(
            account=refund.account,
            kind=CreditEntry.Kind.REFUND,
            amount=refund.amount,
            value_date=refund.entry.value_date,
            reverses=refund.entry,
            takes_from=refund.entry.takes_from,
        )
    refund.save()
    taken = refund.deposit_entries.filter(reverses=None, reversed_by=None)
    DepositEntry.objects.bulk_create(
        DepositEntry(
            deposit_id=entry.deposit_id,
            kind=entry.kind,
            amount=-entry.amount,
            refund=refund,
            reverses=entry,
        )
        for entry in taken.order_by("pk")
    )
    return told(refund)


def told(refund: Refund) -> Refund:
    """The refund, after whoever listens has heard that it changed."""
    refund_changed.send(sender=Refund, refund=refund)
    return refund
