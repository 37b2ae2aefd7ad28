"""A complaint about a bill holds its late fee for as long as it is open."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from billing.models import DisputeHold
from billing.services.accounts import disputes
from community.models import User
from servicedesk.models import Ticket, TicketKind


def _source(ticket: Ticket) -> str:
    return f"ticket {ticket.pk}"


def begin(ticket: Ticket, *, by: User | None, now: datetime) -> None:
    """Holds the bill of a complaint from today; other tickets hold nothing."""
    if ticket.bill is not None and ticket.kind == TicketKind.COMPLAINT:
        disputes.open_hold(
            bill=ticket.bill, source=_source(ticket), on=timezone.localdate(now), by=by
        )


def end(ticket: Ticket, *, now: datetime) -> None:
    """Late fee runs again from tomorrow."""
    if ticket.bill_id is not None:
        disputes.close_hold(source=_source(ticket), on=timezone.localdate(now))


def holds_of(ticket: Ticket) -> QuerySet[DisputeHold]:
    """The days on which the ticket held its bill, in order."""
    return DisputeHold.objects.filter(source=_source(ticket)).order_by("starts_on", "pk")
