"""The life of an online order: one function for each transition.

Each locks the order, looks at its state again, and returns quietly when the work is done already,
so that a callback, the sweep and a person may all come at once. `settle` also locks the accounts,
before the order, in the order that everybody uses. No function here talks to a provider.
"""

import datetime
import logging

from django.db import transaction
from django.utils import timezone

from billing.services.accounts.posting import lock_accounts
from payments import providers
from payments.models import OrderAccount, PaymentOrder, ProviderEvent
from payments.providers.base import PayInstruction, ProviderOrder, TradeState
from payments.services.online.paid_twice import treat, unasked_credit
from payments.services.receiving.record import UNBILLED, Share, payment_record
from payments.signals import payment_needs_attention

logger = logging.getLogger(__name__)
State = PaymentOrder.State

# While somebody looks at his telephone, ask soon; later less often. Never much later: whoever pays
# towards the end of the half hour, while no message reaches us, should not stay in doubt either.
FIRST_CHECK = datetime.timedelta(seconds=20)
LAST_CHECK = datetime.timedelta(minutes=1)
# How the reason begins for which a message is refused that its provider does not confirm.
UNCONFIRMED = "it says paid, but asked"


class WrongFacts(Exception):
    """The provider's facts do not fit our order; nothing was posted."""


def may_become(order: PaymentOrder, state: PaymentOrder.State) -> bool:
    """Whether the machine allows `order` to become `state` from where it stands."""
    return state in PaymentOrder.TRANSITIONS[State(order.state)]


def next_check(order: PaymentOrder) -> datetime.datetime:
    """When to ask again: after as long as the order is old, within the bounds above."""
    age = timezone.now() - order.created_at
    return timezone.now() + min(max(age, FIRST_CHECK), LAST_CHECK)


@transaction.atomic
def mark_pending(order_id: int, instruction: PayInstruction) -> PaymentOrder:
    """The provider has the order; the payer may go where `instruction` says.

    An order that was closed or paid meanwhile stays what it is: the caller sees its state.
    """
    order = _locked(order_id)
    if order.state == State.PENDING or may_become(order, State.PENDING):
        order.state = State.PENDING
        order.pay_url = instruction.pay_url
        order.check_at = next_check(order)
        order.save(update_fields=["state", "pay_url", "check_at"])
    return order


@transaction.atomic
def name_payer(order_id: int, identity: str) -> PaymentOrder:
    """Who pays inside the provider's app, if the order still waits to know; the order now."""
    order = _locked(order_id)
    if order.waits_for_payer:
        order.payer = identity
        order.save(update_fields=["payer"])
    return order


@transaction.atomic
def mark_closed(order_id: int, *, watch: bool = False) -> PaymentOrder:
    """The provider takes no money for the order any more, and was asked to do so.

    With `watch` it could not promise that yet: the order is still asked about.
    """
    return _end(order_id, State.CLOSED, watch=watch)


@transaction.atomic
def mark_expired(order_id: int, *, watch: bool = False) -> PaymentOrder:
    """The order's time is over, and the provider takes no money for it any more; `watch` as
    above."""
    return _end(order_id, State.EXPIRED, watch=watch)


@transaction.atomic
def mark_failed(order_id: int, problem: str) -> PaymentOrder:
    """The provider refused the order for good; `problem` says why."""
    return _end(order_id, State.FAILED, problem)


@transaction.atomic
def settle(order_id: int, facts: ProviderOrder) -> PaymentOrder:
    """Posts the money of an order that the provider calls paid, once.

    Each bill takes what it still needs; what it does not need (because somebody paid it meanwhile)
    becomes credit on its account, and by the community's rule its refund is asked for. Money for an
    order that we had given up is posted all the same. In both cases `payment_needs_attention` tells
    somebody.

    Raises WrongFacts, with nothing posted, when provider, number, amount or transaction differ.
    """
    lines = list(
        PaymentOrder.objects.get(pk=order_id)
        .lines.select_related("bill")
        .order_by("bill__due_on", "pk")
    )
    beside = list(OrderAccount.objects.filter(order=order_id).order_by("pk"))
    lock_accounts({*(line.bill.account_id for line in lines), *(one.account_id for one in beside)})
    order = _locked(order_id)
    _compare(order, facts)
    if order.state == State.PAID:
        return order
    given_up = order.state not in (State.CREATED, State.PENDING)
    paid_at = facts.paid_at or timezone.now()
    order.state = State.PAID
    order.paid_at = paid_at
    order.transaction_id = facts.transaction_id
    order.check_at = None
    order.payer = ""
    order.problem = ""  # whatever kept it from being settled is over
    order.save(update_fields=["state", "paid_at", "transaction_id", "check_at", "payer", "problem"])
    payment_record(
        community=order.community,
        method=providers.all_providers()[order.provider].method,
        amount=order.amount,
        shares=[_share(one) for one in beside]
        + [Share(line.bill.account_id, line.amount, (line.bill_id,)) for line in lines],
        value_date=timezone.localdate(paid_at),
        idempotency_key=f"order:{order.out_trade_no}",
        order=order,
    )
    _hear_again(order)
    if rest := unasked_credit(order):
        _tell(order, treat(order, rest))
    elif given_up:
        _tell(order, "paid after it was closed")
    return order


def _hear_again(order: PaymentOrder) -> None:
    """A message that said so before its provider confirmed it may fit by now."""
    ProviderEvent.objects.filter(
        provider=order.provider,
        merchant=order.merchant,
        out_trade_no=order.out_trade_no,
        state=ProviderEvent.State.REFUSED,
        outcome__startswith=UNCONFIRMED,
    ).update(state=ProviderEvent.State.RECEIVED, outcome="", processed_at=None)


def _share(line: OrderAccount) -> Share:
    prepaid = line.purpose == OrderAccount.Purpose.PREPAYMENT
    return Share(line.account_id, line.amount, () if prepaid else UNBILLED)


def _compare(order: PaymentOrder, facts: ProviderOrder) -> None:
    if facts.state != TradeState.PAID:
        raise WrongFacts(f"the provider calls it {facts.state}")
    if facts.out_trade_no != order.out_trade_no:
        raise WrongFacts(f"facts are about {facts.out_trade_no}")
    if not providers.made(order).is_ours(facts):
        raise WrongFacts(f"merchant {facts.merchant} and app {facts.app} are not ours")
    if facts.amount != order.amount:
        raise WrongFacts(f"{facts.amount} yuan were paid, {order.amount} asked")
    if not facts.transaction_id or (
        order.state == State.PAID and facts.transaction_id != order.transaction_id
    ):
        raise WrongFacts(f"transaction {facts.transaction_id}, not {order.transaction_id}")


def _end(
    order_id: int, state: PaymentOrder.State, problem: str = "", *, watch: bool = False
) -> PaymentOrder:
    order = _locked(order_id)
    if may_become(order, state):
        order.state = state
        order.problem = problem[:300]
        order.check_at = next_check(order) if watch else None
        order.payer = ""
        order.save(update_fields=["state", "problem", "check_at", "payer"])
    elif order.state in (State.CLOSED, State.EXPIRED) and order.check_at and not watch:
        order.check_at = None
        order.save(update_fields=["check_at"])
    return order


def _locked(order_id: int) -> PaymentOrder:
    return (
        PaymentOrder.objects.select_for_update(of=("self",))
        .select_related("community")
        .get(pk=order_id)
    )


def _tell(order: PaymentOrder, reason: str) -> None:
    """Keeps on the order why a person should look at it, and says so inside the transaction."""
    order.problem = reason
    order.save(update_fields=["problem"])
    logger.warning("order %s: %s", order.out_trade_no, reason)
    payment_needs_attention.send(sender=PaymentOrder, order=order, reason=reason)
