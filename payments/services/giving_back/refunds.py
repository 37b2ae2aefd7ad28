"""Refunds (退款): asked for by one, approved by another, paid out, or given back to the account.

One function for each transition, made of the steps in services/refund_steps.py: it locks the
account, the deposit, then the refund, looks at the state again, and returns quietly when the work
is done already. Approval takes the money from the credit or the deposit, so that nothing else can
spend it meanwhile.

The ways to pay out are the functions `pay_in_cash` and `record_transfer`, and for what goes back
through the provider that took it, services/original_refunds.py.
"""

import datetime
import uuid
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from billing.models import Account, CreditEntry
from billing.services.accounts.posting import credit_of, lock_accounts, post_credit
from community.models import User, today
from core.doorbell import after_commit, ring
from core.encryption import encrypt
from core.money import ZERO, from_fen, to_fen
from payments.models import Deposit, Payment, Refund
from payments.services.giving_back.refund_steps import (
    RefundRefused,
    WrongState,
    end,
    locked,
    move,
    pay,
    take_from_deposit,
    told,
    undo,
)
from payments.services.giving_back.undoing import free_up, new_number, refundable_of
from payments.services.receiving.record import KeyConflict

State = Refund.State
Method = Refund.Method


class NotEnough(RefundRefused):
    """Less is there than is to go back; carries what is there, in yuan."""

    def __init__(self, available: Decimal) -> None:
        super().__init__(f"only {available} yuan are there")
        self.available = available


class SamePerson(RefundRefused):
    """Who asked for a refund, or gets one by rule, does not decide on it."""


class ReferenceTaken(RefundRefused):
    """The bank's number stands at another refund already."""


# --- what can go back -----------------------------------------------------------------------


def refundable(account_id: int) -> Decimal:
    """What of the account's credit is money that somebody paid, in yuan.

    What a waiver or discount left over lessens bills to come; it was never paid, so it does not go
    back.
    """
    credit = credit_of([account_id]).get(account_id, ZERO)
    if not credit:
        return ZERO
    given = CreditEntry.objects.filter(account=account_id).exclude(
        kind__in=[CreditEntry.Kind.PAYMENT, CreditEntry.Kind.OPENING, CreditEntry.Kind.REFUND]
    )
    unused = given.filter(amount__gt=0, reversed_by=None).with_unused()
    left_over = unused.aggregate(total=Sum("unused"))["total"] or ZERO
    return max(credit - left_over, ZERO)


def held_of(deposit: Deposit) -> Decimal:
    """What is still held of a deposit, in yuan."""
    taken = deposit.entries.aggregate(total=Sum("amount"))["total"] or ZERO
    return deposit.amount + taken


def failed_there(refund: Refund) -> bool:
    """Whether the provider could not give it back, so that its payment goes back another way."""
    return refund.method == Method.ORIGINAL and refund.state == State.FAILED


def available_for(refund: Refund) -> Decimal:
    """What is there to go back where a refund takes it from, in yuan."""
    return _available(refund.account_id, refund.deposit, refund.payment)


def _available(account_id: int, deposit: Deposit | None, payment: Payment | None = None) -> Decimal:
    if payment is not None:
        return refundable_of(payment, account_id)
    return refundable(account_id) if deposit is None else held_of(deposit)


# --- the transitions ------------------------------------------------------------------------


@transaction.atomic
def request_refund(
    *,
    account: Account,
    amount: Decimal,
    reason: str,
    method: Refund.Method,
    by: User | None,
    token: uuid.UUID,
    deposit: Deposit | None = None,
    withheld: Decimal = ZERO,
    withheld_reason: str = "",
    payee_name: str = "",
    payee_bank: str = "",
    payee_account: str = "",
    payment: Payment | None = None,
    instead_of: Refund | None = None,
) -> Refund:
    """Asks that `amount` yuan go back from the account's credit or from `deposit`, or, by method
    ORIGINAL, what of an online `payment` became the account's; another way `instead_of` a refund
    of it that the provider could not do.

    `by` is None where a community's rule asks. Of a deposit, `withheld` yuan may be kept, for a
    reason. Without a name the payer is the payee.
    The form's `token` makes a second press return the first request. Raises NotEnough, KeyConflict
    (the same form with another amount), ValueError for what makes no sense.
    """
    amount, withheld = from_fen(to_fen(amount)), from_fen(to_fen(withheld))
    if amount < 0 or withheld < 0 or not amount + withheld or not reason.strip():
        raise ValueError("a refund has an amount above 0 and a reason")
    if withheld and (deposit is None or not withheld_reason.strip()):
        raise ValueError("something is kept of a deposit only, and for a reason")
    if deposit is not None and deposit.account_id != account.pk:
        raise ValueError("the deposit is another account's")
    if method == Method.TRANSFER and amount and not payee_account.strip():
        raise ValueError("a transfer needs the payee's account")
    if instead_of is not None:
        if method == Method.ORIGINAL or not failed_there(instead_of):
            raise ValueError("a payment goes back another way once its provider could not do it")
        payment = instead_of.payment
    elif (method == Method.ORIGINAL) != (payment is not None):
        raise ValueError("what goes back the way it came names its payment")
    if payment and deposit:
        raise ValueError("what goes back is of a payment or of a deposit")
    lock_accounts([account.pk])
    known = Refund.objects.filter(form_token=token).first()
    if known is not None:
        wanted = (account.pk, deposit.pk if deposit else None, amount, withheld)
        if (known.account_id, known.deposit_id, known.amount, known.withheld) != wanted:
            raise KeyConflict(f"{token} was used for another refund")
        return known
    if amount + withheld > (available := _available(account.pk, deposit, payment)):
        raise NotEnough(available)
    refund = Refund.objects.create(
        community_id=account.community_id,
        account=account,
        deposit=deposit,
        amount=amount,
        withheld=withheld,
        withheld_reason=withheld_reason.strip(),
        reason=reason.strip(),
        method=method,
        payee_name=payee_name.strip() or account.party.name,
        payee_bank=payee_bank.strip(),
        payee_account=encrypt(payee_account.strip()) if payee_account.strip() else "",
        form_token=token,
        requested_by=by,
        payment=payment,
        instead_of=instead_of,
        out_refund_no=new_number() if method == Method.ORIGINAL else "",
    )
    return told(refund)


@transaction.atomic
def approve(refund_id: int, *, by: User, words: str = "") -> Refund:
    """Takes the money from the credit or the deposit; what is kept of a deposit is kept from now.

    A refund that only keeps is done with that. Raises SamePerson, WrongState, NotEnough.
    """
    refund = locked(refund_id)
    if refund.state == State.APPROVED or (refund.state == State.PAID and not refund.amount):
        return refund
    _decide(refund, State.APPROVED, by, words)
    if refund.amount + refund.withheld > (available := available_for(refund)):
        raise NotEnough(available)
    takes_from = None
    if refund.payment is not None:
        takes_from = free_up(refund.payment, refund.account_id, refund.amount)
    if refund.method == Method.ORIGINAL:
        refund.check_at = timezone.now()
        after_commit(ring, "payments.tasks.send_refund", refund.pk)
    if refund.deposit is None:
        refund.entry = post_credit(
            account=refund.account,
            kind=CreditEntry.Kind.REFUND,
            amount=-refund.amount,
            value_date=today(),
            takes_from=takes_from,
        )
    refund.save()
    if refund.deposit is not None:
        take_from_deposit(refund, refund.deposit)
    if not refund.amount:
        end(refund, State.PAID, by)
        refund.paid_on = today()
        refund.save()
    return told(refund)


@transaction.atomic
def reject(refund_id: int, *, by: User, words: str) -> Refund:
    """Says no, and why. Raises SamePerson, WrongState, ValueError without words."""
    if not words.strip():
        raise ValueError("a rejection says why")
    refund = locked(refund_id)
    if refund.state != State.REJECTED:
        _decide(refund, State.REJECTED, by, words)
        refund.save()
        told(refund)
    return refund


@transaction.atomic
def withdraw(refund_id: int, *, by: User, words: str = "") -> Refund:
    """Takes a request back, also one that was approved and not yet paid out: the money is the
    account's again. Raises WrongState."""
    return undo(refund_id, State.WITHDRAWN, by, words)


@transaction.atomic
def fail(refund_id: int, *, by: User, words: str) -> Refund:
    """It could not be paid out: the money is the account's again. Raises WrongState, ValueError.

    What is with a provider fails when the provider says so; only what it gave up itself (no more
    asking) is for a person to end.
    """
    if not words.strip():
        raise ValueError("what failed says why")
    refund = locked(refund_id)
    if refund.state == State.PROCESSING and refund.check_at is not None:
        raise WrongState(refund.state)
    return undo(refund_id, State.FAILED, by, words)


@transaction.atomic
def pay_in_cash(refund_id: int, *, by: User) -> Refund:
    """The money went over the counter today. Raises WrongState, ValueError for a transfer."""
    refund = locked(refund_id)
    if refund.method != Method.CASH:
        raise ValueError("this refund is not paid in cash")
    return pay(refund, by=by, day=today())


@transaction.atomic
def record_transfer(refund_id: int, *, by: User, day: datetime.date, reference: str) -> Refund:
    """The bank sent the money on `day`, under its number `reference`.

    Raises WrongState, ReferenceTaken, ValueError for a refund in cash, a day to come or before the
    approval, and a blank reference.
    """
    refund = locked(refund_id)
    reference = reference.strip()
    if refund.method != Method.TRANSFER or not reference:
        raise ValueError("a transfer has a reference")
    if refund.state == State.PAID and (refund.reference, refund.paid_on) != (reference, day):
        raise WrongState(refund.state)
    if refund.decided_at and not timezone.localdate(refund.decided_at) <= day <= today():
        raise ValueError("it was sent between its approval and today")
    refund.reference = reference
    try:
        with transaction.atomic():
            return pay(refund, by=by, day=day)
    except IntegrityError as error:
        taken = Refund.objects.filter(community=refund.community_id, reference=reference)
        if taken.exclude(pk=refund.pk).exists():
            raise ReferenceTaken(reference) from error
        raise


def _decide(refund: Refund, state: Refund.State, by: User, words: str) -> None:
    move(refund, state)
    if by.pk == refund.asker_id:
        raise SamePerson
    refund.decided_by, refund.decided_at = by, timezone.now()
    refund.decision = words.strip()
