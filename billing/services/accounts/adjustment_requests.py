"""Asking for adjustments (减免): with reason and evidence; another person decides.

Each function is one transaction that locks the account.
"""

import datetime
import uuid
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from billing.models import Account, Adjustment, Bill, Charge, FeeItem
from billing.services.accounts.adjustments import ENTRY, Kind, TooMuch, left_for
from billing.services.accounts.late_fees import post_late_fees
from billing.services.accounts.locking import lock_accounts
from community.models import StoredFile, User, today
from community.services.decisions import DecisionRefused, ReasonMissing
from core.money import ZERO, from_fen, to_fen


class EvidenceMissing(DecisionRefused):
    """Whoever decides, and whoever audits, needs a file or the place of the paper."""


class SameWaiting(DecisionRefused):
    """The very same is asked for already and waits; carries that request."""

    def __init__(self, other: Adjustment) -> None:
        super().__init__(f"request {other.pk} asks for the same")
        self.other = other


@transaction.atomic
def request_adjustment(
    *,
    kind: Adjustment.Kind,
    charge: Charge,
    amount: Decimal,
    reason: str,
    by: User,
    form_token: uuid.UUID,
    evidence: StoredFile | None = None,
    evidence_note: str = "",
    again: bool = False,
) -> Adjustment:
    """Asks that `amount` yuan of a line be waived, discounted or written off.

    What proves it is a file, or words that say what paper there is and where it is kept. The same
    `form_token` again returns the first request. Raises SameWaiting unless asked for `again`,
    TooMuch (what other requests wait for counts as taken), ReasonMissing, EvidenceMissing,
    ValueError for an extra charge or an odd amount.
    """
    if kind not in ENTRY:
        raise ValueError(f"{kind} lessens nothing")
    if known := _asked_before(form_token, account_id=charge.account_id):
        return known
    asked = Adjustment(
        account=charge.account,
        kind=kind,
        lessens=charge,
        amount=amount,
        reason=reason.strip(),
        requested_by=by,
        form_token=form_token,
        evidence=evidence,
        evidence_note=evidence_note.strip(),
    )
    _check(asked, again=again)
    left = may_take_off(charge, kind)
    if from_fen(to_fen(amount)) > left:
        raise TooMuch(left)
    asked.save()
    return asked


@transaction.atomic
def request_late_fee_waiver(
    *,
    bill: Bill,
    amount: Decimal,
    reason: str,
    by: User,
    form_token: uuid.UUID,
    evidence: StoredFile | None = None,
    evidence_note: str = "",
    again: bool = False,
) -> Adjustment:
    """As `request_adjustment`, for the late fee of today that no line shows yet: it is posted.

    Raises TooMuch with 0 when nothing is unposted.
    """
    if known := _asked_before(form_token, account_id=bill.account_id):
        return known
    posted = post_late_fees(account_ids=[bill.account_id], on=today(), bill_ids=[bill.pk])
    if bill.pk not in posted:
        raise TooMuch(ZERO)
    return request_adjustment(
        kind=Kind.WAIVER,
        charge=posted[bill.pk],
        amount=amount,
        reason=reason,
        by=by,
        form_token=form_token,
        evidence=evidence,
        evidence_note=evidence_note,
        again=again,
    )


@transaction.atomic
def request_extra_charge(
    *,
    account: Account,
    fee_item: FeeItem,
    amount: Decimal,
    due_on: datetime.date,
    reason: str,
    by: User,
    form_token: uuid.UUID,
    evidence: StoredFile | None = None,
    evidence_note: str = "",
    again: bool = False,
) -> Adjustment:
    """Asks that the account be charged `amount` yuan besides its bills, to be paid by `due_on`.

    Raises SameWaiting unless asked for `again`, ReasonMissing, EvidenceMissing, ValueError for a
    fee item of another community.
    """
    if fee_item.community_id != account.community_id:
        raise ValueError("the fee item belongs to another community")
    if known := _asked_before(form_token, account_id=account.pk):
        return known
    asked = Adjustment(
        account=account,
        kind=Kind.EXTRA,
        fee_item=fee_item,
        due_on=due_on,
        amount=amount,
        reason=reason.strip(),
        requested_by=by,
        form_token=form_token,
        evidence=evidence,
        evidence_note=evidence_note.strip(),
    )
    _check(asked, again=again)
    asked.save()
    return asked


def _asked_before(form_token: uuid.UUID, *, account_id: int) -> Adjustment | None:
    """Locks the account until the end of the transaction; what its form has asked for already."""
    lock_accounts([account_id])
    return Adjustment.objects.filter(form_token=form_token).first()


def _check(asked: Adjustment, *, again: bool) -> None:
    """Raises what is wrong with a request, whatever it is about."""
    asked.community_id = asked.account.community_id
    if not asked.reason:
        raise ReasonMissing
    if asked.evidence is None and not asked.evidence_note:
        raise EvidenceMissing
    if to_fen(asked.amount) <= 0:
        raise ValueError("an adjustment is above 0")
    other = Adjustment.objects.waiting().filter(
        account=asked.account,
        kind=asked.kind,
        lessens=asked.lessens,
        fee_item=asked.fee_item,
        amount=asked.amount,
    )
    if not again and (found := other.select_related("requested_by").first()):
        raise SameWaiting(found)


def may_take_off(charge: Charge, kind: str) -> Decimal:
    """How much of a line a new request may ask for, in yuan; requests that wait count as taken."""
    waiting = Adjustment.objects.waiting().filter(lessens=charge)
    asked = waiting.aggregate(total=Sum("amount"))["total"] or ZERO
    return max(left_for(charge, kind) - asked, ZERO)
