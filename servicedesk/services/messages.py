"""What is said on a ticket. Each function is one transaction that locks the ticket.

A message carries the token of its form: two presses say it once.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from community.models import User
from servicedesk.models import Ticket, TicketMessage
from servicedesk.services.locking import TicketError, answered, lock, refuse_closed, take_up
from servicedesk.signals import ticket_replied


@transaction.atomic
def add_message(
    *, ticket: Ticket, author: User, body: str, form_token: UUID, now: datetime | None = None
) -> TicketMessage:
    """What the reporter adds. It stops no clock: he still waits for us.

    On a settled ticket nobody waits for words any more: there he opens it again, or lets it rest.
    """
    ticket, now = lock(ticket, now)
    if not ticket.is_open:
        raise TicketError(
            _("We settled this meanwhile. If it is not right yet, please open it again.")
        )
    message, _new = _say(ticket, author, body, form_token, now)
    return message


@transaction.atomic
def reply(
    *, ticket: Ticket, author: User, body: str, form_token: UUID, now: datetime | None = None
) -> TicketMessage:
    """A member of staff answers the reporter.

    The first answer stops the first-response clock, and any answer keeps a promise. Taking up a
    new ticket by answering it moves it to "in progress".
    """
    ticket, now = lock(ticket, now)
    refuse_closed(ticket)
    message, is_new = _say(ticket, author, body, form_token, now, from_staff=True)
    if is_new:
        answered(ticket, now)
        if ticket.state == Ticket.State.NEW:
            take_up(ticket, author, now)
        ticket.save()
        ticket_replied.send(Ticket, ticket=ticket, message=message)
    return message


@transaction.atomic
def note(
    *, ticket: Ticket, author: User, body: str, form_token: UUID, now: datetime | None = None
) -> TicketMessage:
    """An internal note, for staff alone. It stops no clock and is possible to the very end."""
    ticket, now = lock(ticket, now)
    message, _new = _say(ticket, author, body, form_token, now, from_staff=True, internal=True)
    return message


def _say(
    ticket: Ticket,
    author: User,
    body: str,
    form_token: UUID,
    now: datetime,
    *,
    from_staff: bool = False,
    internal: bool = False,
) -> tuple[TicketMessage, bool]:
    message, is_new = TicketMessage.objects.get_or_create(
        form_token=form_token,
        defaults={
            "ticket": ticket,
            "author": author,
            "from_staff": from_staff,
            "is_internal": internal,
            "body": body,
            "created_at": now,
        },
    )
    if (message.ticket_id, message.author_id) != (ticket.pk, author.pk):
        raise TicketError(_("This form was already sent. Please open a new one."))
    return message, is_new
