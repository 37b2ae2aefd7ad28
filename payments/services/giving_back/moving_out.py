"""Moving out (搬离结清): one unit settled up to a day, for one payer.

`begin` ends what he pays for and issues his final bill; what he then owes is paid, what is his goes
back by refunds; when nothing is left either way, `clear` writes down what the note says.
"""

import datetime
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from billing.models import Account, Bill, BillRun
from billing.services.accounts.amounts_due import amounts_due
from billing.services.accounts.clearing import clear_until
from billing.services.accounts.posting import credit_of, lock_accounts, use_credit
from billing.services.runs.corrections import bill_unit_until
from billing.services.runs.left_out import LeftOut, left_out
from community.models import User, today
from community.services import moving
from community.services.imports import lock
from core.money import ZERO, plain_yuan
from payments.models import Clearance, Deposit, Payment, Receipt, Refund
from payments.services.giving_back.refunds import refundable
from payments.services.receiving.counter import open_unbilled
from payments.services.using_credit import free_credit_of

State = Clearance.State
# A day further ahead would bill what nobody can know yet.
MOST_DAYS_AHEAD = 62


class NotClear(Exception):
    """Something is still owed, one way or the other, or was not billed; carries the position."""

    def __init__(self, position: "Position") -> None:
        super().__init__("something is still owed")
        self.position = position


class AlreadyBegun(Exception):
    """The same payer is moving out of this unit on another day; carries that clearance."""

    def __init__(self, clearance: Clearance) -> None:
        super().__init__(f"on {clearance.day}")
        self.clearance = clearance


class Ended(Exception):
    """The clearance is cleared or taken back."""


@dataclass(frozen=True)
class Position:
    """What is between a payer and the company about one unit on a day, in yuan."""

    on: datetime.date
    bills: Decimal  # open on bills
    late_fee: Decimal  # of the day, not posted yet
    discount: Decimal  # what paying today would earn
    unbilled: Decimal  # open on no bill
    credit: Decimal
    free: Decimal  # of the credit: what nobody asked to have back
    refundable: Decimal  # of the credit: what was paid in
    deposits: tuple[Any, ...]  # held, with `held`
    refunds: tuple[Refund, ...]  # asked for or approved, not paid out
    left_out: tuple[LeftOut, ...] = ()  # of a clearance: his days that are on no bill
    accepted: tuple[dict[str, Any], ...] = ()  # those that somebody let be

    @property
    def to_pay(self) -> Decimal:
        return self.bills + self.late_fee - self.discount + self.unbilled

    @property
    def held(self) -> Decimal:
        return sum((deposit.held for deposit in self.deposits), ZERO)

    @property
    def goes_back(self) -> Decimal:
        """What is his and not asked back yet."""
        return self.refundable + self.held

    @property
    def is_clear(self) -> bool:
        return not (self.to_pay or self.credit or self.held or self.refunds or self.unsettled)

    @property
    def unsettled(self) -> list[LeftOut]:
        """What would be his, is on no bill, and nobody has let be."""
        return [one for one in self.left_out if one.is_his and one.as_json() not in self.accepted]

    @property
    def has_both(self) -> bool:
        """Credit that could settle what is open, and was not used yet."""
        return bool(self.to_pay and self.free)


def position(account: Account, *, on: datetime.date | None = None) -> Position:
    """Where `account` stands; late fees and discounts as of `on` (today)."""
    on = on or today()
    due = amounts_due(
        bill_ids=list(Bill.objects.filter(account=account).values_list("pk", flat=True)), on=on
    )
    unbilled = open_unbilled([account.pk], community=account.community)
    return Position(
        on=on,
        bills=sum((one.open for one in due), ZERO),
        late_fee=sum((one.late_fee for one in due), ZERO),
        discount=sum((one.discount for one in due), ZERO),
        unbilled=sum((part.amount for part in unbilled), ZERO),
        credit=credit_of([account.pk]).get(account.pk, ZERO),
        free=free_credit_of([account.pk]).get(account.pk, ZERO),
        refundable=refundable(account.pk),
        deposits=tuple(Deposit.objects.filter(account=account).held().order_by("pk")),
        refunds=tuple(
            Refund.objects.filter(account=account)
            .waiting()
            .select_related("deposit")
            .order_by("pk")
        ),
    )


def standing(clearance: Clearance) -> Position:
    """Where the payer of a clearance stands, with what of his days is on no bill."""
    account = clearance.account
    found = left_out(unit=clearance.unit, party=account.party, day=clearance.day)
    return replace(position(account), left_out=tuple(found), accepted=tuple(clearance.accepted))


@transaction.atomic
def begin(
    *,
    account: Account,
    day: datetime.date,
    by: User,
    successor: moving.Successor | None = None,
) -> Clearance:
    """`account`'s payer pays for the unit up to `day`, his last; all or nothing.

    The register is changed, what was billed for later days is taken back, what was not billed up to
    the day is billed, and his credit settles what it can. Begun again for the same day it changes
    nothing. Raises AlreadyBegun, moving.MoveRefused, RunRefused, ValueError: too far ahead.
    """
    if day > today() + datetime.timedelta(days=MOST_DAYS_AHEAD):
        raise ValueError(f"{day} is too far ahead")
    lock(account.community)
    standing = Clearance.objects.filter(account=account).standing()
    known = standing.filter(state=State.OPEN).first() or standing.filter(day=day).first()
    if known is not None:
        if known.day == day:
            return known
        raise AlreadyBegun(known)
    moved = moving.move_out(unit=account.unit, party=account.party, day=day, successor=successor)
    runs = bill_unit_until(unit=account.unit, day=day, by=by)
    use_credit(account_ids=[account.pk])
    return Clearance.objects.create(
        community=account.community,
        unit=account.unit,
        account=account,
        day=day,
        moved=moved.as_json(),
        runs=[run.pk for run in runs],
        opened_by=by,
    )


@transaction.atomic
def bill_what_is_known(clearance_id: int, *, by: User) -> list[BillRun]:
    """Bills what became known since the final bill, such as a reading; the runs that were new."""
    lock(Clearance.objects.select_related("community").get(pk=clearance_id).community)
    clearance = locked_clearance(clearance_id)
    if clearance.state != State.OPEN:
        return []
    runs = bill_unit_until(unit=clearance.unit, day=clearance.day, by=by)
    if runs:
        clearance.runs = [*clearance.runs, *(run.pk for run in runs)]
        clearance.save(update_fields=["runs"])
        use_credit(account_ids=[clearance.account_id])
    return runs


def clear(clearance_id: int, *, by: User) -> Clearance:
    """Nothing is owed either way: writes down what the note says. Raises NotClear, Ended.

    What became known since the final bill is billed first, and stays billed if that is in the way.
    """
    bill_what_is_known(clearance_id, by=by)
    return _clear(clearance_id, by=by)


@transaction.atomic
def _clear(clearance_id: int, *, by: User) -> Clearance:
    clearance = locked_clearance(clearance_id)
    if clearance.state == State.CLEARED:
        return clearance
    if clearance.state != State.OPEN:
        raise Ended
    now = standing(clearance)
    if not now.is_clear:
        raise NotClear(now)
    clearance.snapshot = _snapshot(clearance, by) | {
        "left_out": [one.as_json() for one in now.left_out],
        "left_out_reason": clearance.accepted_reason
        if any(one.is_his for one in now.left_out)
        else "",
    }
    _end(clearance, State.CLEARED, by)
    clear_until(account=clearance.account, day=clearance.day)
    return clearance


@transaction.atomic
def take_back(clearance_id: int, *, by: User) -> Clearance:
    """He does not move out after all: the register is as it was before.

    Final bills stay, and what they left out is billed by the next run or by a correction of the
    run. Raises Ended, moving.MoveRefused where the register was changed since.
    """
    lock(Clearance.objects.select_related("community").get(pk=clearance_id).community)
    clearance = locked_clearance(clearance_id)
    if clearance.state == State.WITHDRAWN:
        return clearance
    if clearance.state != State.OPEN:
        raise Ended
    moving.take_back(unit=clearance.unit, moved=clearance.moved)
    _end(clearance, State.WITHDRAWN, by)
    return clearance


def locked_clearance(clearance_id: int) -> Clearance:
    """The clearance under the locks of its account and its own, in the order of everybody."""
    lock_accounts([Clearance.objects.only("account_id").get(pk=clearance_id).account_id])
    return (
        Clearance.objects.select_for_update(of=("self",))
        .select_related("community", "unit", "account__party", "account__community")
        .get(pk=clearance_id)
    )


def _end(clearance: Clearance, state: Clearance.State, by: User) -> None:
    if state not in Clearance.TRANSITIONS[State(clearance.state)]:
        raise Ended
    clearance.state = state
    clearance.ended_by, clearance.ended_at = by, timezone.now()
    clearance.save()


def _snapshot(clearance: Clearance, by: User) -> dict[str, Any]:
    """What the note says, as it was on the day on which it was given out."""
    account = clearance.account
    balance: Any = Account.objects.with_balance().get(pk=account.pk)
    receipts = Receipt.objects.filter(lines__account=account).distinct()
    last = receipts.order_by("-pk").first()
    refunds = Refund.objects.filter(account=account, state=Refund.State.PAID, amount__gt=0)
    paid_in = Payment.objects.filter(receipt__in=receipts)
    return {
        "unit": clearance.unit.code,
        "payer": account.party.name,
        "day": clearance.day.isoformat(),
        "cleared_on": today().isoformat(),
        "charged": plain_yuan(balance.charged),
        "settled": plain_yuan(balance.allocated),
        "payments": paid_in.count(),
        "last_receipt": last.code if last else "",
        "refunds": [
            {
                "voucher": refund.voucher.code,
                "purpose": refund.deposit.purpose if refund.deposit else "",
                "amount": plain_yuan(refund.amount),
            }
            for refund in refunds.select_related("voucher", "deposit").order_by("pk")
        ],
        "owed": plain_yuan(balance.owed),
        "credit": plain_yuan(balance.credit),
        "deposits": plain_yuan(ZERO),
        "handler": by.get_short_name(),
    }
