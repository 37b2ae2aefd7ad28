"""What every service of tickets begins and ends with: the lock, the refusals, the timeline."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from community.models import User
from servicedesk.models import Clock, Ticket, TicketEvent
from servicedesk.services import clocks


class TicketError(Exception):
    """What was asked cannot be done to this ticket; the text is for the person who asked."""


def lock(ticket: Ticket, now: datetime | None) -> tuple[Ticket, datetime]:
    """The ticket as it is now, locked, and the time: read after the lock, see `clocks`."""
    locked = (
        Ticket.objects.select_for_update(of=("self",), no_key=True)
        .select_related("community")
        .get(pk=ticket.pk)
    )
    return locked, now or timezone.now()


def refuse_closed(ticket: Ticket) -> None:
    """Raises `TicketError` for a closed ticket."""
    if ticket.state == Ticket.State.CLOSED:
        raise TicketError(_("This ticket is closed. Please open a new one."))


def answered(ticket: Ticket, now: datetime) -> None:
    """Stops the clocks that wait for an answer. The caller saves the ticket."""
    clocks.stop(ticket, Clock.FIRST_RESPONSE, now)
    clocks.stop(ticket, Clock.PROMISED_REPLY, now)


def take_up(ticket: Ticket, by: User, now: datetime) -> None:
    """Moves a locked new ticket to "in progress". The caller saves it."""
    ticket.state = Ticket.State.IN_PROGRESS
    if ticket.assignee_id is None:
        ticket.assignee = by
    step(ticket, TicketEvent.Kind.STARTED, by, now)


def step(
    ticket: Ticket,
    kind: TicketEvent.Kind,
    actor: User | None,
    now: datetime,
    *,
    assignee: User | None = None,
    promised_at: datetime | None = None,
) -> None:
    """Writes a step of the timeline."""
    TicketEvent.objects.create(
        ticket=ticket,
        kind=kind,
        actor=actor,
        assignee=assignee,
        promised_at=promised_at,
        created_at=now,
    )
