"""Tickets taken down while the person stands at the desk."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from community.models import Community, Unit, User
from servicedesk.models import Ticket, TicketKind
from servicedesk.services import tickets

SUBJECT_LENGTH = 40


@transaction.atomic
def take_down(
    *,
    community: Community,
    by: User,
    kind: str,
    body: str,
    form_token: UUID,
    unit: Unit | None = None,
    contact_name: str = "",
    contact_phone: str = "",
    settled: str = "",
    promised_until: datetime | None = None,
    now: datetime | None = None,
) -> Ticket:
    """Files a ticket for somebody at the desk; the first line of `body` becomes its subject.

    `settled`, a `Ticket.Finding`, resolves it on the spot; `promised_until` promises an answer.
    One press is one transaction; the same form again changes nothing.
    """
    subject = body.strip().splitlines()[0]
    if len(subject) > SUBJECT_LENGTH:
        subject = subject[: SUBJECT_LENGTH - 1] + "…"
    ticket = tickets.open_ticket(
        community=community,
        kind=kind,
        subject=subject,
        body=body,
        form_token=form_token,
        unit=unit,
        contact_name=contact_name,
        contact_phone=contact_phone,
        now=now,
    )
    if settled:
        return tickets.resolve(
            ticket=ticket,
            by=by,
            body=_words_on_the_spot(settled),
            finding=settled if kind == TicketKind.COMPLAINT else "",
            now=now,
        )
    if promised_until is not None:
        return tickets.promise(ticket=ticket, by=by, until=promised_until, now=now)
    return ticket


def _words_on_the_spot(finding: str) -> str:
    if finding == Ticket.Finding.OUR_FAULT:
        return _("Put right on the spot at the front desk.")
    return _("Explained on the spot at the front desk.")
