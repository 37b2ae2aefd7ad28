"""Settling what a channel's bill and our books disagree on, and signing the day off.

Each function locks accounts before the day and its line, looks at the line again, and returns
quietly when it is settled already. The provider is asked outside any transaction.
"""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.models import Account
from billing.services.accounts.posting import lock_accounts
from community.models import Unit, User, today
from core.money import ZERO
from payments import providers
from payments.models import Payment, PaymentOrder, Reconciliation, ReconciliationLine
from payments.services.channels.our_day import span
from payments.services.online.asking import ask
from payments.services.receiving.deposits import account_of
from payments.services.receiving.record import Share, payment_record

Kind = ReconciliationLine.Kind
Flow = ReconciliationLine.Flow
State = ReconciliationLine.State
Way = ReconciliationLine.Way


class CannotSettle(Exception):
    """The difference cannot be settled that way; nothing was changed."""


class DifferencesOpen(Exception):
    """A day is signed off when nothing of it is open; carries how many differences are."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} differences are open")
        self.count = count


# --- what can be done about a difference ----------------------------------------------------


def can_record(line: ReconciliationLine) -> bool:
    """Whether an order of ours was paid there that we do not have as paid."""
    return (
        (line.kind, line.flow) == (Kind.NOT_HERE, Flow.PAYMENT)
        and line.order is not None
        and line.order.amount == line.theirs
    )


def surplus(line: ReconciliationLine) -> Decimal:
    """What was paid there and is not here in any form, in yuan; 0 where the order itself fits."""
    if line.flow != Flow.PAYMENT or line.theirs is None or can_record(line):
        return ZERO
    if line.kind == Kind.NOT_HERE:
        return line.theirs
    if line.kind == Kind.AMOUNT and line.ours is not None:
        return max(line.theirs - line.ours, ZERO)
    return ZERO


def payer_at(unit: Unit) -> Account | None:
    """The account of whoever pays for a unit today; None when nobody does."""
    occupancy = unit.occupancies.current().payers().select_related("party").first()
    return account_of(unit=unit, party=occupancy.party) if occupancy else None


# --- the ways -------------------------------------------------------------------------------


def record_missing(line_id: int, *, by: User) -> ReconciliationLine:
    """Asks the provider about the order and records its payment as any other.

    Raises CannotSettle when it is not paid there after all; the provider's errors, KeyError.
    """
    line = ReconciliationLine.objects.select_related("order").get(pk=line_id)
    if line.state != State.OPEN:
        return line
    if line.order is None or not can_record(line):
        raise CannotSettle("no order of ours fits this payment")
    order = ask(line.order)
    if order.state != PaymentOrder.State.PAID:
        raise CannotSettle(f"the provider calls it {order.state}: {order.problem}")
    with transaction.atomic():
        line = _locked(line_id)
        if line.state == State.OPEN:
            line.payment = Payment.objects.get(order=order)
            line.stands = False
            _settle(line, Way.RECORDED, by)
            _count_here(line)
    return line


@transaction.atomic
def keep(
    line_id: int, *, by: User, account: Account | None = None, words: str = ""
) -> ReconciliationLine:
    """Takes money that was paid there without an order that fits into our books.

    It pays what its order was for, where there is one; else it becomes credit of `account`, or
    stays unclaimed (suspense) without one. Raises CannotSettle.
    """
    found = ReconciliationLine.objects.select_related("order").get(pk=line_id)
    shares = _shares(found, account)
    lock_accounts(share.account_id for share in shares)
    line = _locked(line_id)
    if line.state != State.OPEN:
        return line
    amount = surplus(line)
    if not amount:
        raise CannotSettle("nothing was paid there that is not here")
    day = line.reconciliation
    line.payment = payment_record(
        community=day.community,
        method=providers.all_providers()[day.provider].method,
        amount=amount,
        shares=shares,
        value_date=timezone.localdate(line.happened_at) if line.happened_at else day.day,
        idempotency_key=f"bill:{line.pk}",
        received_by=by,
    )
    return _settle(line, Way.KEPT if shares else Way.SUSPENSE, by, words)


@transaction.atomic
def explain(line_id: int, *, by: User, words: str) -> ReconciliationLine:
    """Nothing has to be done, for a reason. Raises ValueError without words."""
    if not words.strip():
        raise ValueError("an explanation has words")
    line = _locked(line_id)
    if line.state != State.OPEN:
        return line
    return _settle(line, Way.EXPLAINED, by, words)


@transaction.atomic
def sign_off(reconciliation_id: int, *, by: User) -> Reconciliation:
    """Closes a day; from then on nothing of it changes. Raises DifferencesOpen, CannotSettle."""
    day = Reconciliation.objects.select_for_update().get(pk=reconciliation_id)
    if day.state == Reconciliation.State.CLOSED:
        return day
    if waiting := day.lines.filter(state=State.OPEN).count():
        raise DifferencesOpen(waiting)
    if day.day >= today():
        raise CannotSettle("the day is not over")
    day.state = Reconciliation.State.CLOSED
    day.closed_by, day.closed_at = by, timezone.now()
    day.save()
    return day


# --- what they share ------------------------------------------------------------------------


def _locked(line_id: int) -> ReconciliationLine:
    """The line, under the locks of its day and itself."""
    found = ReconciliationLine.objects.only("reconciliation_id").get(pk=line_id)
    Reconciliation.objects.select_for_update().get(pk=found.reconciliation_id)
    return (
        ReconciliationLine.objects.select_for_update(of=("self",))
        .select_related("reconciliation__community", "order")
        .get(pk=line_id)
    )


def _settle(
    line: ReconciliationLine, way: ReconciliationLine.Way, by: User, words: str = ""
) -> ReconciliationLine:
    line.state, line.way, line.words = State.SETTLED, way, words.strip()[:500]
    line.settled_by, line.settled_at = by, timezone.now()
    line.save()
    return line


def _count_here(line: ReconciliationLine) -> None:
    """What was recorded is on our side now, as the next comparison would find it."""
    day, order = line.reconciliation, line.order
    assert order is not None and line.theirs is not None  # noqa: PT018 - it was recorded
    start, end = span(day.day)
    if order.paid_at and start <= order.paid_at < end:
        day.our_lines += 1
        day.our_paid += line.theirs
    else:
        day.elsewhere_paid += line.theirs
    day.save(update_fields=["our_lines", "our_paid", "elsewhere_paid"])


def _shares(line: ReconciliationLine, account: Account | None) -> list[Share]:
    """What the money is for: the order's own bills in their order, the rest on the last account."""
    left = surplus(line)
    if account is not None or line.order is None:
        return [Share(account.pk, left, ())] if account and left else []
    wanted = [
        Share(one.bill.account_id, one.amount, (one.bill_id,))
        for one in line.order.lines.select_related("bill").order_by("bill__due_on", "pk")
    ] + [Share(one.account_id, one.amount, None) for one in line.order.account_lines.order_by("pk")]
    shares: list[Share] = []
    for share in wanted:
        part = min(left, share.amount)
        if part > 0:
            shares.append(Share(share.account_id, part, share.bill_ids))
            left -= part
    if left > 0 and wanted:
        shares.append(Share(wanted[-1].account_id, left, ()))
    return shares
