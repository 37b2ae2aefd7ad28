"""Sending one delivery: begin (committed) → call the provider (no transaction) → record.

Whatever dies in between leaves a row that says how far it came:
- before `_begin` commits: queued, and a later bell begins anew;
- after it: sending, in doubt. When the lease ends the row is queued again, still in doubt, and the
  next try asks the provider first. What cannot be asked becomes `unknown`, for a person to decide.
"""

import datetime
import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from notices.channels import get_channel
from notices.channels.base import Channel, Fate, Message, OutcomeUnknown, TransportError
from notices.content import message_of
from notices.models import Delivery
from notices.services import states
from notices.services.states import State

log = logging.getLogger(__name__)

# Twice the tasks' time limit (CELERY_TASK_TIME_LIMIT): whose lease ended is dead, not slow.
LEASE = datetime.timedelta(seconds=120)
# After an unknown outcome the provider needs a while until it can tell.
ASK_AFTER = datetime.timedelta(seconds=60)
_MINUTES = (0.5, 2, 10, 30, 120, 360, 720)
BACKOFF = tuple(datetime.timedelta(minutes=minutes) for minutes in _MINUTES)
# Somebody waits for a code; it expires before a slower rhythm would get to a second try.
URGENT_BACKOFF = tuple(datetime.timedelta(seconds=seconds) for seconds in (5, 15, 30, 60))
EXPIRED = "expired before it could be sent"


@dataclass(frozen=True)
class Attempt:
    """One try, as begun: what the worker knows while the row is not locked."""

    delivery_id: int
    number: int
    channel: str
    message: Message
    # An earlier try may have arrived: ask before sending.
    in_doubt_since: datetime.datetime | None
    expired: bool


@dataclass(frozen=True)
class Outcome:
    """What came of a try, ready to be recorded."""

    state: State
    provider_id: str = ""
    reason: str = ""
    in_doubt: bool = False  # for queued: the next try has to ask first


def deliver(*, delivery_id: int) -> State | None:
    """Sends a delivery that is due; returns the state it is in then, None if nothing was done.

    Safe to call at any time, by any number of workers: only one finds the row queued and due.
    """
    attempt = _begin(delivery_id)
    if attempt is None:
        return None
    outcome = _try(attempt, get_channel(attempt.channel))
    return _record(attempt, outcome)


@transaction.atomic
def _begin(delivery_id: int) -> Attempt | None:
    delivery = (
        Delivery.objects.outgoing()
        .select_for_update(of=("self",))
        .select_related("notice")
        .filter(pk=delivery_id, state=State.QUEUED, due_at__lte=Now())
        .first()
    )
    if delivery is None:
        return None
    now = timezone.now()
    in_doubt_since = delivery.in_doubt_since
    expired = delivery.expires_at is not None and delivery.expires_at <= now
    if expired and in_doubt_since is None:
        states.mark_failed(delivery, reason=EXPIRED)
        return None
    message = message_of(delivery)
    states.move(
        delivery,
        State.SENDING,
        attempts=delivery.attempts + 1,
        leased_until=Now() + LEASE,
        in_doubt_since=in_doubt_since or now,
    )
    return Attempt(
        delivery_id=delivery.pk,
        number=delivery.attempts,
        channel=delivery.channel,
        message=message,
        in_doubt_since=in_doubt_since,
        expired=expired,
    )


def _try(attempt: Attempt, channel: Channel) -> Outcome:
    if attempt.in_doubt_since is not None:
        answered = _ask(attempt, channel, attempt.in_doubt_since)
        if answered is not None:
            return answered
    if attempt.expired:
        return Outcome(State.FAILED, reason=EXPIRED)
    try:
        accepted = channel.send(attempt.message)
    except TransportError as error:
        state = State.FAILED if error.permanent else State.QUEUED
        return Outcome(state, reason=str(error))
    except OutcomeUnknown as error:
        state = State.QUEUED if channel.can_be_asked else State.UNKNOWN
        return Outcome(state, reason=str(error), in_doubt=True)
    return Outcome(State.SENT, provider_id=accepted.provider_id)


def _ask(attempt: Attempt, channel: Channel, since: datetime.datetime) -> Outcome | None:
    """What became of an earlier try; None when the provider never had it, so it may be sent."""
    if not channel.can_be_asked:
        return Outcome(State.UNKNOWN, reason="a try was cut off and cannot be asked about")
    try:
        answer = channel.ask(attempt.message, since=since)
    except TransportError as error:
        return Outcome(State.QUEUED, reason=str(error), in_doubt=True)
    if answer.fate is Fate.NOT_FOUND:
        return None
    state = {
        Fate.ACCEPTED: State.SENT,
        Fate.DELIVERED: State.DELIVERED,
        Fate.FAILED: State.FAILED,
    }[answer.fate]
    return Outcome(state, provider_id=answer.provider_id, reason=answer.error)


@transaction.atomic
def _record(attempt: Attempt, outcome: Outcome) -> State:
    delivery = states.locked(attempt.delivery_id)
    if delivery.state != State.SENDING or delivery.attempts != attempt.number:
        # The operator's report came first, or the lease ended and another try has begun.
        if outcome.provider_id and not delivery.provider_id:
            delivery.provider_id = outcome.provider_id
            delivery.save(update_fields=["provider_id"])
        return State(delivery.state)
    if outcome.state == State.SENT:
        states.mark_sent(delivery, provider_id=outcome.provider_id)
    elif outcome.state == State.DELIVERED:
        states.mark_delivered(delivery)
    elif outcome.state == State.FAILED:
        states.mark_failed(delivery, reason=outcome.reason)
    elif outcome.state == State.UNKNOWN:
        states.move(delivery, State.UNKNOWN, error=outcome.reason)
    else:
        _try_later(delivery, outcome)
    log.info(
        "delivery %s by %s, try %s: %s %s",
        delivery.pk,
        delivery.channel,
        delivery.attempts,
        delivery.state,
        outcome.reason,
    )
    return State(delivery.state)


def _try_later(delivery: Delivery, outcome: Outcome) -> None:
    backoff = URGENT_BACKOFF if delivery.priority == Delivery.URGENT else BACKOFF
    if delivery.attempts > len(backoff):
        if outcome.in_doubt:
            states.move(delivery, State.UNKNOWN, error=outcome.reason)
        else:
            states.mark_failed(delivery, reason=outcome.reason)
        return
    wait = backoff[delivery.attempts - 1]
    if outcome.in_doubt:
        wait = max(wait, ASK_AFTER)
    states.move(
        delivery,
        State.QUEUED,
        due_at=timezone.now() + wait,
        error=outcome.reason,
        in_doubt_since=delivery.in_doubt_since if outcome.in_doubt else None,
    )
