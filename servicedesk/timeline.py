"""The story of a ticket, in one list: what was said, done, promised, and what ran out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from community.privacy import masked_name
from servicedesk.models import Ticket, TicketBreach, TicketEvent, TicketMessage


@dataclass(frozen=True)
class Entry:
    """One point of the timeline, as one reader sees it."""

    at: datetime
    label: str
    body: str = ""
    tone: str = ""  # done | over | note
    source: str = ""  # opened | message | step | breach


HIDDEN_FROM_RESIDENTS = {TicketEvent.Kind.ASSIGNED}


def timeline(ticket: Ticket, *, for_staff: bool) -> list[Entry]:
    """The entries in order of time. Residents see neither notes nor who was given the work."""
    entries = [_opening(ticket, for_staff), *_said(ticket, for_staff), *_done(ticket, for_staff)]
    if for_staff:
        entries += (_ran_out(breach) for breach in ticket.breaches.all())
    return sorted(entries, key=attrgetter("at"))


def _opening(ticket: Ticket, for_staff: bool) -> Entry:
    return Entry(ticket.created_at, _reporter(ticket, for_staff), ticket.body, source="opened")


def _reporter(ticket: Ticket, for_staff: bool) -> str:
    if not for_staff:
        return _("You wrote")
    name = _name(ticket)
    return _("%(name)s wrote") % {"name": name} if name else _("Taken down at the front desk")


def _name(ticket: Ticket) -> str:
    """Who reported, as far as the desk needs it on a screen."""
    if ticket.reporter is None:
        return ticket.contact_name
    own = ticket.reporter.bindings.filter(party__community=ticket.community_id)
    binding = own.select_related("party").first()
    return masked_name(binding.party.name if binding else str(ticket.reporter))


def _said(ticket: Ticket, for_staff: bool) -> Iterator[Entry]:
    for message in ticket.messages.select_related("author"):
        if message.is_internal and not for_staff:
            continue
        tone = "note" if message.is_internal else "done" if message.from_staff else ""
        yield Entry(
            message.created_at,
            _speaker(ticket, message, for_staff),
            message.body,
            tone,
            source="message",
        )


def _speaker(ticket: Ticket, message: TicketMessage, for_staff: bool) -> str:
    if not message.from_staff:
        return _reporter(ticket, for_staff)
    if message.is_internal:
        return _("Internal note by %(name)s") % {"name": message.author}
    if for_staff:
        return _("%(name)s answered") % {"name": message.author}
    return _("%(company)s answered") % {"company": ticket.community.company or ticket.community}


def _done(ticket: Ticket, for_staff: bool) -> Iterator[Entry]:
    for event in ticket.events.select_related("actor", "assignee"):
        if for_staff or event.kind not in HIDDEN_FROM_RESIDENTS:
            label = _step(event)
            if for_staff and event.actor:
                label = f"{label} · {event.actor}"
            tone = "done" if event.kind == TicketEvent.Kind.RESOLVED else ""
            yield Entry(event.created_at, label, tone=tone, source="step")


def _step(event: TicketEvent) -> str:
    if event.kind == TicketEvent.Kind.PROMISED and event.promised_at:
        return _("An answer was promised by %(time)s") % {"time": _moment(event.promised_at)}
    if event.kind == TicketEvent.Kind.ASSIGNED:
        if event.assignee is None:
            return _("Given back to the queue")
        return _("Given to %(name)s") % {"name": event.assignee}
    words = {
        TicketEvent.Kind.STARTED: _("We took it up"),
        TicketEvent.Kind.RESOLVED: _("Settled"),
        TicketEvent.Kind.REOPENED: _("Opened again"),
        TicketEvent.Kind.CLOSED: _("Closed"),
    }
    return words[TicketEvent.Kind(event.kind)]


def _ran_out(breach: TicketBreach) -> Entry:
    label = _("%(clock)s: the time ran out") % {"clock": breach.get_clock_display()}
    return Entry(breach.due_at, label, tone="over", source="breach")


def _moment(at: datetime) -> str:
    return date_format(localtime(at), "DATETIME_FORMAT")
