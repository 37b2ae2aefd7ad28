"""Refunds the way the money came (原路退回): through the provider that took it.

A row is the outbox: approved and committed, it is claimed, sent outside any transaction under its
own number, and recorded. Whoever dies between sending and recording loses nothing: the sweep asks
the provider first, and asking for the same number again is the same refund there.
"""

import datetime
import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from community.models import User, today
from payments import providers
from payments.models import PaymentOrder, Refund
from payments.providers.base import (
    BalanceShort,
    PermanentError,
    Provider,
    ProviderRefund,
    RefundRequest,
    RefundState,
    TransientError,
)
from payments.services.giving_back.refund_steps import WrongState, locked, move, pay, told, undo
from payments.services.online.ordering import callback_path
from payments.services.online.turns import Turn
from payments.signals import payment_needs_attention, refund_delayed

logger = logging.getLogger(__name__)
State = Refund.State
# A worker that sends has this long before somebody else takes over.
LEASE = datetime.timedelta(seconds=30)
# A refund may be on its way for days: asked about ever more seldom, after a twentieth of its age.
PATIENCE = 20
LAST_CHECK = datetime.timedelta(hours=1)
# A refund that its provider says is under way: to a bank card it takes three working days, and
# there may be a weekend in between.
LONGEST = datetime.timedelta(days=7)
# One of which it says nothing though it was asked for again and again: money moves at once, if so.
LONGEST_SILENCE = datetime.timedelta(days=1)


def send(refund_id: int) -> Refund:
    """Sends an approved refund to its provider, or asks about one that was sent; records what it
    says. Raises TransientError when nobody knows: the sweep asks again, and after a day of that
    somebody is told.
    """
    refund, first = _claim(refund_id)
    if refund.state != State.PROCESSING or refund.payment is None or refund.payment.order is None:
        return refund
    order = refund.payment.order
    try:
        provider = providers.of(order)
        facts = _ask(provider, refund, order, first=first)
    except BalanceShort as error:
        return _note(refund.pk, f"the merchant's balance is too low: {error}", stop=False)
    except KeyError as error:
        return _note(refund.pk, f"no merchant account any more: {error}", stop=False)
    except TransientError:
        if _age(refund) > LONGEST_SILENCE:
            _note(refund.pk, "the provider does not answer for a day", stop=False)
        raise
    except PermanentError as error:
        if first:
            return _refused(refund.pk, str(error))
        # An earlier try may have been done: a person looks at the provider's own list.
        return _note(refund.pk, f"the provider does not answer about it: {error}", stop=True)
    return record(refund.pk, facts)


def _ask(provider: Provider, refund: Refund, order: PaymentOrder, *, first: bool) -> ProviderRefund:
    """The provider's truth; what it does not know (yet, or any more) it is asked to do."""
    if not first:
        known = provider.query_refund(
            out_trade_no=order.out_trade_no, out_refund_no=refund.out_refund_no
        )
        if known.state != RefundState.UNKNOWN:
            return known
    return provider.refund(
        RefundRequest(
            out_trade_no=order.out_trade_no,
            out_refund_no=refund.out_refund_no,
            amount=refund.amount,
            total=order.amount,
            reason=refund.reason,
            notify_url=settings.SITE_URL + callback_path(order.provider, order.merchant),
        )
    )


def ask_by_number(out_refund_no: str, *, merchant: Provider) -> Refund | None:
    """A message spoke of a refund: asks about it, if it is ours and on its way. Raises
    TransientError."""
    found = Refund.objects.filter(
        out_refund_no=out_refund_no,
        state=State.PROCESSING,
        payment__order__provider=merchant.key,
        payment__order__merchant=merchant.merchant,
    ).first()
    return send(found.pk) if found else None


def sweep_refunds() -> int:
    """Sends and asks about every refund that is due, as far as its turn reaches; how many. Safe to
    run twice at once."""
    due = (
        Refund.objects.filter(
            method=Refund.Method.ORIGINAL,
            state__in=[State.APPROVED, State.PROCESSING],
            check_at__lte=timezone.now(),
        )
        .order_by("check_at")
        .values_list("pk", flat=True)
    )
    turn, looked_at = Turn(), 0
    for refund_id in due:
        if not turn.lasts():
            break
        looked_at += 1
        try:
            send(refund_id)
        except TransientError as error:
            logger.warning("refund %s: %s", refund_id, error)
        except Exception:  # one bad refund must not keep the others waiting
            logger.exception("sending refund %s failed", refund_id)
    return looked_at


@transaction.atomic
def _claim(refund_id: int) -> tuple[Refund, bool]:
    """The refund, on its way from now; whether this is the first time that it is sent."""
    refund = locked(refund_id)
    if refund.method != Refund.Method.ORIGINAL:
        raise ValueError("this refund does not go through a provider")
    first = refund.state == State.APPROVED
    if first:
        move(refund, State.PROCESSING)
        refund.sent_at = timezone.now()
        told(refund)
    if refund.state == State.PROCESSING:
        refund.check_at = _next(refund)
        refund.save()
    return refund, first


def _next(refund: Refund) -> datetime.datetime:
    return timezone.now() + min(max(_age(refund) / PATIENCE, LEASE), LAST_CHECK)


def _age(refund: Refund) -> datetime.timedelta:
    return timezone.now() - (refund.sent_at or timezone.now())


@transaction.atomic
def record(refund_id: int, facts: ProviderRefund) -> Refund:
    """Takes the transition that follows from what the provider says; done before, nothing.

    Raises WrongState for a refund that was never sent.
    """
    refund = locked(refund_id)
    over = (State.PAID, State.FAILED)
    if refund.state in over:
        return refund
    if refund.state != State.PROCESSING:
        raise WrongState(refund.state)
    if facts.out_refund_no != refund.out_refund_no or (
        facts.amount is not None and facts.amount != refund.amount
    ):
        why = f"it speaks of {facts.out_refund_no}, {facts.amount} yuan"
        return _note(refund.pk, why, stop=True)
    refund.refund_id = facts.refund_id or refund.refund_id
    if facts.taken_on_at:
        refund.listed_on = timezone.localdate(facts.taken_on_at)
    if facts.state == RefundState.DONE:
        refund.problem = ""
        day = timezone.localdate(facts.done_at) if facts.done_at else today()
        return pay(refund, by=None, day=day)
    if facts.state == RefundState.FAILED:
        return undo(refund.pk, State.FAILED, None, "the provider closed it; no money moved")
    refund.save()
    if why := _why_it_hangs(refund, facts.state):
        # We ask about it again only should the provider speak of it.
        refund = _note(refund.pk, why, stop=True)
        refund_delayed.send(sender=Refund, refund=refund)
    return refund


def _why_it_hangs(refund: Refund, state: RefundState) -> str:
    """Why a refund that is not over needs a person; '' while it may still come to its end."""
    if state == RefundState.ABNORMAL:
        return "it cannot reach the payer: settle it at the provider"
    if state == RefundState.UNKNOWN and _age(refund) > LONGEST_SILENCE:
        return "no word that the money moved, though it was asked for again and again"
    if state == RefundState.PROCESSING and _age(refund) > LONGEST:
        return "it is under way for too long"
    return ""


@transaction.atomic
def _refused(refund_id: int, why: str) -> Refund:
    """The provider does not do it, and never will: the money is the account's again."""
    refund = locked(refund_id)
    if refund.state != State.PROCESSING:
        return refund
    return undo(refund_id, State.FAILED, None, f"the provider refused it: {why}"[:500])


@transaction.atomic
def confirm_paid(refund_id: int, *, by: User, words: str) -> Refund:
    """A person saw at the provider that a refund which it gave up reached the payer after all.

    Raises WrongState for one that the provider still works on, ValueError without words.
    """
    if not words.strip():
        raise ValueError("who confirms says how he knows")
    refund = locked(refund_id)
    if refund.state == State.PAID:
        return refund
    if refund.state != State.PROCESSING or refund.check_at is not None:
        raise WrongState(refund.state)
    refund.problem = words.strip()[:500]
    return pay(refund, by=by, day=today())


@transaction.atomic
def _note(refund_id: int, why: str, *, stop: bool) -> Refund:
    """Keeps why it hangs and tells somebody, once for each reason; `stop` ends the asking."""
    refund = locked(refund_id)
    if refund.state != State.PROCESSING:
        return refund
    news = refund.problem != why[:500]
    refund.problem = why[:500]
    if stop:
        refund.check_at = None
    refund.save()
    if news:
        logger.error("refund %s: %s", refund.out_refund_no, why)
        order = refund.payment.order if refund.payment else None
        payment_needs_attention.send(sender=Refund, order=order, reason=why, refund=refund)
    return refund
