"""Adjustments (减免) are decided by another person than asked for them, and posted with that.

Each function is one transaction that locks the account, then the adjustment, looks at its state
again, and returns quietly when the work is done already. The database refuses one person for both.
"""

from decimal import Decimal

from django.db import transaction

from billing.models import Adjustment, Charge, CreditEntry
from billing.services.accounts.late_fees import post_late_fees
from billing.services.accounts.lessening import MoreThanLeft, left_of, lessen
from billing.services.accounts.locking import lock_accounts
from billing.services.accounts.taking_back import take_back_discounts
from community.models import User, today
from community.services.decisions import (
    DecisionRefused,
    ReasonMissing,
    check_person,
    has_to_become,
)

State = Adjustment.State
Kind = Adjustment.Kind
ENTRY = {
    Kind.WAIVER: CreditEntry.Kind.WAIVER,
    Kind.DISCOUNT: CreditEntry.Kind.DISCOUNT,
    Kind.WRITE_OFF: CreditEntry.Kind.WRITE_OFF,
}


class TooMuch(DecisionRefused):
    """More than may still be taken off the line; carries how much that is, in yuan."""

    def __init__(self, left: Decimal) -> None:
        super().__init__(f"only {left} yuan may be taken off")
        self.left = left


def left_for(charge: Charge, kind: str) -> Decimal:
    """What nothing lessens yet. A write-off gives up what is open; it never gives money back."""
    left = left_of(charge)
    if kind == Kind.WRITE_OFF:
        column = ("open_amount",)
        left = min(left, Charge.objects.with_open().values_list(*column).get(pk=charge.pk)[0])
    return left


@transaction.atomic
def approve(*, adjustment: Adjustment, by: User, words: str = "") -> Adjustment:
    """requested → approved: what was asked for is posted, in the same transaction.

    Raises SamePerson, AlreadyDecided, TooMuch when less is left of the line by now.
    """
    adjustment, moves = _locked(adjustment, by=by, to=State.APPROVED)
    if not moves:
        return adjustment
    adjustment.note_decision(State.APPROVED, by=by, words=words)
    if adjustment.kind == Kind.EXTRA:
        adjustment.charge = _extra_charge(adjustment)
    adjustment.save()
    if adjustment.lessens is not None:
        _lessen(adjustment, adjustment.lessens)
    return adjustment


def _lessen(adjustment: Adjustment, charge: Charge) -> None:
    left = left_for(charge, adjustment.kind)
    if adjustment.amount > left:
        raise TooMuch(left)
    if charge.bill_id and charge.kind != Charge.Kind.LATE_FEE:
        # What is closed shows its late fee as a line: nobody would see it otherwise.
        post_late_fees(account_ids=[charge.account_id], on=today(), bill_ids=[charge.bill_id])
    try:
        lessen(
            charge=charge,
            amount=adjustment.amount,
            kind=ENTRY[Kind(adjustment.kind)],
            value_date=today(),
            adjustment=adjustment,
        )
    except MoreThanLeft as error:
        raise TooMuch(error.left) from error
    # An offer gives its share of what is left of its lines, whether waived before or after.
    take_back_discounts([charge.account_id])


def _extra_charge(adjustment: Adjustment) -> Charge:
    # The database holds both for an extra charge.
    assert adjustment.fee_item is not None
    assert adjustment.due_on is not None
    return Charge.objects.create(
        account=adjustment.account,
        kind=Charge.Kind.EXTRA,
        fee_item=adjustment.fee_item,
        starts_on=adjustment.due_on,
        ends_on=adjustment.due_on,
        due_on=adjustment.due_on,
        quantity=1,
        unit_price=adjustment.amount,
        factor=1,
        amount=adjustment.amount,
    )


@transaction.atomic
def reject(*, adjustment: Adjustment, by: User, words: str) -> Adjustment:
    """requested → rejected, with words for the one who asked.

    Raises SamePerson, AlreadyDecided, ReasonMissing.
    """
    adjustment, moves = _locked(adjustment, by=by, to=State.REJECTED)
    if moves:
        if not words.strip():
            raise ReasonMissing
        adjustment.note_decision(State.REJECTED, by=by, words=words)
        adjustment.save()
    return adjustment


@transaction.atomic
def withdraw(*, adjustment: Adjustment, by: User) -> Adjustment:
    """requested → withdrawn, by nobody but the one who asked.

    Raises NotOwn, AlreadyDecided.
    """
    adjustment, moves = _locked(adjustment, by=by, to=State.WITHDRAWN)
    if moves:
        adjustment.note_decision(State.WITHDRAWN, by=by)
        adjustment.save()
    return adjustment


def _locked(adjustment: Adjustment, *, by: User, to: str) -> tuple[Adjustment, bool]:
    """The adjustment, locked, and whether it has still to become `to`."""
    check_person(adjustment, by=by, to=to)
    lock_accounts([adjustment.account_id])
    now = (
        Adjustment.objects.select_for_update(of=("self",))
        .select_related("account", "lessens__bill", "fee_item")
        .get(pk=adjustment.pk)
    )
    return now, has_to_become(now, to)
