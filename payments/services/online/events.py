"""Callbacks: verified, stored, answered; processed afterwards by asking the provider itself."""

import datetime
import logging
from collections.abc import Mapping

from django.db import connection, transaction
from django.utils import timezone
from psycopg2.extras import Json

from core.doorbell import after_commit, ring_aside
from payments import providers
from payments.models import PaymentOrder, ProviderEvent
from payments.providers.base import (
    NotGenuine,
    PermanentError,
    Provider,
    ProviderOrder,
    TradeState,
    TransientError,
)
from payments.services.online import original_refunds
from payments.services.online.orders import UNCONFIRMED, WrongFacts, settle
from payments.services.online.turns import Turn
from payments.signals import payment_needs_attention

logger = logging.getLogger(__name__)
State = ProviderEvent.State
# The doorbell rings at once; what it did not wake is swept after this.
SWEEP_AFTER = datetime.timedelta(seconds=10)
# A provider wants its answer within seconds; we answer within one.
STATEMENT_MS = 700
_STORE = f"""
    SET LOCAL statement_timeout = {STATEMENT_MS};
    INSERT INTO {ProviderEvent._meta.db_table}
        (provider, merchant, event_id, out_trade_no, payload, state, outcome, received_at)
    VALUES (%s, %s, %s, %s, %s, %s, '', %s)
    ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING id
"""


class Refused(Exception):
    """A genuine event that does not fit our rows; the message says why."""


def receive(provider: Provider, headers: Mapping[str, str], body: bytes) -> None:
    """Stores a callback, once however often it is sent, and rings for its processing.

    Raises NotGenuine, with nothing stored; OperationalError when the database is too slow for an
    answer in time: the provider tells again.
    """
    verified = provider.verify(headers, body)
    if not verified.event_id:
        raise NotGenuine("an event without a number")
    if not provider.is_addressed(verified.payload):
        raise NotGenuine(f"event {verified.event_id} names another merchant account")
    event = ProviderEvent(
        provider=provider.key,
        merchant=provider.merchant,
        event_id=verified.event_id[:64],
        out_trade_no=verified.out_trade_no[:64],
        payload=verified.payload,
    )
    event_id = _store(event)
    if event_id is not None:
        after_commit(ring_aside, "payments.tasks.process_events", event_id)


def _store(event: ProviderEvent) -> int | None:
    """The key of the new row; None for an event that is stored already: its bell has been rung.

    One message to the server, and its answer, where a transaction of the ORM's takes four: a
    callback waits longest for the server. Statements of one message are one transaction, and the
    time that each may take counts from its own beginning.
    """
    values = [event.provider, event.merchant, event.event_id, event.out_trade_no]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [*values, Json(event.payload), event.state, timezone.now()])
        row = cursor.fetchone()
    return row[0] if row else None


def process(event_id: int) -> ProviderEvent:
    """Processes a stored event: compares it with our rows, asks the provider, settles the order.

    An event that does not fit is refused, and somebody is told. Processing twice changes nothing.
    Raises TransientError when the provider cannot be asked now: the event stays for the sweep.
    """
    event = ProviderEvent.objects.get(pk=event_id)
    if event.state != State.RECEIVED:
        return event
    order = PaymentOrder.objects.filter(
        provider=event.provider, merchant=event.merchant, out_trade_no=event.out_trade_no
    ).first()
    try:
        outcome = _settle(event, order)
    except (Refused, WrongFacts, PermanentError) as error:
        _finish(event, State.REFUSED, str(error), order)
    else:
        _finish(event, State.PROCESSED, outcome, order)
    event.refresh_from_db()
    return event


def sweep_events() -> int:
    """Processes events that no doorbell woke, as far as its turn reaches; how many were looked at.

    In any order: those whose provider is down just now must not keep the others waiting for ever.
    """
    waiting = ProviderEvent.objects.filter(
        state=State.RECEIVED, received_at__lte=timezone.now() - SWEEP_AFTER
    )
    turn, looked_at = Turn(), 0
    for event_id in waiting.order_by("?").values_list("pk", flat=True):
        if not turn.lasts():
            break
        looked_at += 1
        try:
            process(event_id)
        except TransientError as error:
            logger.warning("event %s: %s", event_id, error)
        except Exception:  # one bad event must not keep the others waiting
            logger.exception("processing event %s failed", event_id)
    return looked_at


def _settle(event: ProviderEvent, order: PaymentOrder | None) -> str:
    """Settles the order of an event that fits; what was done. Raises Refused and its like."""
    provider = providers.get(event.provider, event.merchant)
    refund = provider.claim_refund(event.payload)
    if refund is not None:
        # What it says is never used: the provider's own answer about the refund counts.
        original_refunds.ask_by_number(refund.out_refund_no, merchant=provider)
        return f"about refund {refund.out_refund_no}: {refund.state}"
    claim = provider.claim(event.payload)
    if claim is None:
        # A closing, or a kind of message that came up after this was written: the provider's own
        # answer about the order counts.
        if order is not None:
            PaymentOrder.objects.live().filter(pk=order.pk).update(check_at=timezone.now())
        return "not about a payment"
    if order is None:
        raise Refused(f"unknown order {event.out_trade_no}")
    if not provider.is_ours(claim):
        raise Refused(f"merchant {claim.merchant} and app {claim.app} are not ours")
    if claim.state != TradeState.PAID or claim.amount != order.amount:
        raise Refused(f"it says {claim.state}, {claim.amount} yuan; asked {order.amount}")
    if _is_known(order, claim):
        return f"order {order.state}"
    truth = provider.query(order.out_trade_no)
    if truth.state != TradeState.PAID:
        order.refresh_from_db()  # another worker may have settled it while this one asked
        if _is_known(order, claim):
            return f"order {order.state}"
        raise Refused(f"{UNCONFIRMED} the provider calls it {truth.state}")
    return f"order {settle(order.pk, truth).state}"


def _is_known(order: PaymentOrder, claim: ProviderOrder) -> bool:
    """Whether the order has that payment: by now the provider may call it refunded, no news
    either."""
    return (order.state, order.transaction_id) == (PaymentOrder.State.PAID, claim.transaction_id)


@transaction.atomic
def _finish(
    event: ProviderEvent, state: ProviderEvent.State, outcome: str, order: PaymentOrder | None
) -> None:
    mine = ProviderEvent.objects.filter(pk=event.pk, state=State.RECEIVED).update(
        state=state, outcome=outcome[:300], processed_at=timezone.now()
    )
    if mine and state == State.REFUSED:
        logger.error("event %s refused: %s", event, outcome)
        if order is not None:
            # Whatever this message was: the provider's own answer about the order counts.
            PaymentOrder.objects.live().filter(pk=order.pk).update(check_at=timezone.now())
        payment_needs_attention.send(sender=ProviderEvent, order=order, reason=outcome, event=event)
