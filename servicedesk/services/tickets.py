"""What is done to a ticket from filing to closing. Each function is one transaction that locks it.

The state machine is `Ticket.TRANSITIONS`; `start`, `resolve`, `reopen` and `close` are its edges.
Each returns quietly when the ticket is already where it should go (a second press, a redelivered
task) and raises `TicketError` when there is no way from where it is.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import Bill
from community.access import works_in
from community.models import Community, Role, Unit, User
from servicedesk.models import (
    Clock,
    SlaPolicy,
    Ticket,
    TicketEvent,
    TicketKind,
    TicketMessage,
)
from servicedesk.services import clocks, disputes
from servicedesk.services.locking import TicketError, answered, lock, refuse_closed, step, take_up
from servicedesk.signals import ticket_opened, ticket_replied

State = Ticket.State
Step = TicketEvent.Kind


@transaction.atomic
def open_ticket(
    *,
    community: Community,
    kind: str,
    subject: str,
    body: str,
    form_token: UUID,
    reporter: User | None = None,
    unit: Unit | None = None,
    bill: Bill | None = None,
    contact_name: str = "",
    contact_phone: str = "",
    now: datetime | None = None,
) -> Ticket:
    """Files a ticket and starts its clocks by the community's commitment of this moment.

    The same `form_token` again returns the ticket that it filed. Raises `TicketError` when the
    unit or the bill belong elsewhere, or the token was somebody else's.
    """
    _check_same_community(community, unit, bill)
    if bill is not None:
        unit = bill.account.unit
    now = now or timezone.now()
    policy = SlaPolicy.objects.in_force(community, kind)
    # get_or_create waits for a press of the same form that has not committed yet.
    ticket, is_new = Ticket.objects.get_or_create(
        form_token=form_token,
        defaults={
            "community": community,
            "kind": TicketKind(kind),
            "subject": subject,
            "body": body,
            "reporter": reporter,
            "unit": unit,
            "bill": bill,
            "contact_name": contact_name,
            "contact_phone": contact_phone,
            "created_at": now,
            "first_response_hours": policy.first_response_hours,
            "resolution_hours": policy.resolution_hours,
            "first_response_due_at": now + timedelta(hours=policy.first_response_hours),
            "resolution_due_at": now + timedelta(hours=policy.resolution_hours),
        },
    )
    if is_new:
        disputes.begin(ticket, by=reporter, now=now)
        ticket_opened.send(Ticket, ticket=ticket)
    elif (ticket.community_id, ticket.reporter_id) != (community.pk, reporter and reporter.pk):
        raise TicketError(_("This form was already sent. Please open a new one."))
    return ticket


def _check_same_community(community: Community, unit: Unit | None, bill: Bill | None) -> None:
    if unit is not None and unit.community_id != community.pk:
        raise TicketError(_("This unit belongs to another community."))
    if bill is not None and bill.account.community_id != community.pk:
        raise TicketError(_("This bill belongs to another community."))


@transaction.atomic
def promise(*, ticket: Ticket, by: User, until: datetime, now: datetime | None = None) -> Ticket:
    """Promises the reporter an answer by `until`, which must lie ahead.

    A new promise replaces the last; one that had run out unanswered stays a breach. Promising is
    not answering: the first-response clock runs on.
    """
    ticket, now = lock(ticket, now)
    if not ticket.is_open:
        raise TicketError(_("This ticket is settled: nothing is left to promise."))
    if ticket.promised_at == until and ticket.promise_kept_at is None:
        return ticket
    if until <= now:
        raise TicketError(_("Please promise a time that lies ahead."))
    if ticket.promise_kept_at is None:
        clocks.note_breach_if_late(ticket, Clock.PROMISED_REPLY, now)
    ticket.promised_at, ticket.promise_kept_at = until, None
    ticket.save()
    step(ticket, Step.PROMISED, by, now, promised_at=until)
    return ticket


@transaction.atomic
def assign(
    *, ticket: Ticket, by: User, assignee: User | None, now: datetime | None = None
) -> Ticket:
    """Gives the ticket to a colleague of its community, or to nobody (None)."""
    ticket, now = lock(ticket, now)
    refuse_closed(ticket)
    if ticket.assignee_id == (assignee and assignee.pk):
        return ticket
    if assignee is not None and not works_in(assignee, ticket.community, *Role):
        raise TicketError(_("This person does not work in the community."))
    ticket.assignee = assignee
    ticket.save()
    step(ticket, Step.ASSIGNED, by, now, assignee=assignee)
    return ticket


@transaction.atomic
def start(*, ticket: Ticket, by: User, now: datetime | None = None) -> Ticket:
    """new → in progress: `by` takes the ticket up, and has it unless somebody else does."""
    ticket, now = lock(ticket, now)
    if _is_to_move(ticket, State.IN_PROGRESS, from_={State.NEW}):
        take_up(ticket, by, now)
        ticket.save()
    return ticket


@transaction.atomic
def resolve(
    *, ticket: Ticket, by: User, body: str, finding: str = "", now: datetime | None = None
) -> Ticket:
    """new, in progress → resolved: tells the reporter what came of it, and stops every clock.

    `body` says what we put right (our fault) or what we explained (a misunderstanding); a
    complaint is not resolved without saying which of the two it was.
    """
    ticket, now = lock(ticket, now)
    if not _is_to_move(ticket, State.RESOLVED, from_={State.NEW, State.IN_PROGRESS}):
        return ticket
    if ticket.kind == TicketKind.COMPLAINT and not finding:
        raise TicketError(_("Please say whether it was our fault or a misunderstanding."))
    message = TicketMessage.objects.create(
        ticket=ticket, author=by, from_staff=True, body=body, created_at=now
    )
    answered(ticket, now)
    clocks.stop(ticket, Clock.RESOLUTION, now)
    ticket.state = State.RESOLVED
    ticket.finding = Ticket.Finding(finding) if finding else ""
    if ticket.assignee_id is None:
        ticket.assignee = by
    ticket.save()
    step(ticket, Step.RESOLVED, by, now)
    disputes.end(ticket, now=now)
    ticket_replied.send(Ticket, ticket=ticket, message=message)
    return ticket


@transaction.atomic
def reopen(*, ticket: Ticket, by: User, body: str = "", now: datetime | None = None) -> Ticket:
    """resolved → in progress: it was not settled after all.

    The resolution clock starts again with the hours that this ticket was promised; what was
    answered before stays answered. `body` is what the reporter adds.
    """
    ticket, now = lock(ticket, now)
    if not _is_to_move(ticket, State.IN_PROGRESS, from_={State.RESOLVED}):
        return ticket
    ticket.state = State.IN_PROGRESS
    ticket.resolved_at, ticket.finding = None, ""
    ticket.promised_at = ticket.promise_kept_at = None
    ticket.resolution_due_at = now + timedelta(hours=ticket.resolution_hours)
    ticket.save()
    step(ticket, Step.REOPENED, by, now)
    disputes.begin(ticket, by=by, now=now)
    if body:
        TicketMessage.objects.create(
            ticket=ticket,
            author=by,
            from_staff=by.pk != ticket.reporter_id,
            body=body,
            created_at=now,
        )
    return ticket


@transaction.atomic
def close(*, ticket: Ticket, by: User | None, now: datetime | None = None) -> Ticket:
    """resolved → closed: the reporter is content, or staff put the file away. Nothing follows."""
    ticket, now = lock(ticket, now)
    if _is_to_move(ticket, State.CLOSED, from_={State.RESOLVED}):
        ticket.state = State.CLOSED
        ticket.save()
        step(ticket, Step.CLOSED, by, now)
    return ticket


def _is_to_move(ticket: Ticket, to: State, *, from_: set[State]) -> bool:
    """Whether a locked ticket still has to move; False when it is there already."""
    if ticket.state == to:
        return False
    if ticket.state not in from_ or to not in Ticket.TRANSITIONS[State(ticket.state)]:
        raise TicketError(
            _("This cannot be done now: the ticket is “%(state)s”.")
            % {"state": ticket.get_state_display()}
        )
    return True
