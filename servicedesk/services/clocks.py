"""The clocks of tickets: stopping them in time, and finding those that ran out.

A clock runs out when its due time has passed and it was not stopped; stopping it at the very due
time is in time. A breach is written once per clock and due time and never taken back. Whoever
writes one holds the ticket's row lock, and reads the time after he got it, so the beat scan and a
reply that come together agree on who was first.
"""

from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from servicedesk.models import CLOCKS, Clock, Ticket, TicketBreach
from servicedesk.signals import ticket_breached

BATCH = 500  # breaches written in one transaction


def stop(ticket: Ticket, clock: Clock, now: datetime) -> None:
    """Stops `clock` of a locked ticket at `now`; too late is a breach. Stopped stays stopped.

    The caller saves the ticket.
    """
    fields = CLOCKS[clock]
    due = getattr(ticket, fields.due)
    if due is None or getattr(ticket, fields.stopped) is not None:
        return
    setattr(ticket, fields.stopped, now)
    note_breach_if_late(ticket, clock, now)


def note_breach_if_late(ticket: Ticket, clock: Clock, now: datetime) -> None:
    """Writes the breach of a locked ticket's clock if it was due before `now`.

    The beat scan looks at running clocks only: whoever stops or resets one that ran out between
    two scans has to write the breach himself.
    """
    due = getattr(ticket, CLOCKS[clock].due)
    if due is None or now <= due:
        return
    breach, is_new = TicketBreach.objects.get_or_create(
        ticket=ticket, clock=clock, due_at=due, defaults={"noticed_at": now}
    )
    if is_new:
        ticket_breached.send(Ticket, ticket=ticket, breach=breach)


def mark_breaches(*, now: datetime | None = None) -> int:
    """Writes a breach for every running clock that is past due; returns how many were new.

    Set-wise, in transactions of BATCH rows. A ticket that somebody works on at this moment is
    passed over: it is either stopped by then or found by the next scan. Run twice, or twice at
    once, it marks each clock once.
    """
    now = now or timezone.now()
    marked = 0
    for clock in CLOCKS:
        while found := _mark_batch(clock, now):
            marked += found
    return marked


@transaction.atomic
def _mark_batch(clock: Clock, now: datetime) -> int:
    fields = CLOCKS[clock]
    ticket_table, breach_table = Ticket._meta.db_table, TicketBreach._meta.db_table
    with connection.cursor() as cursor:
        # The column names come from CLOCKS, never from outside.
        cursor.execute(
            f"""
            INSERT INTO {breach_table} (ticket_id, clock, due_at, noticed_at)
            SELECT t.id, %(clock)s, t.{fields.due}, %(now)s
            FROM {ticket_table} t
            WHERE t.{fields.stopped} IS NULL AND t.{fields.due} < %(now)s
              AND NOT EXISTS (
                  SELECT 1 FROM {breach_table} b
                  WHERE b.ticket_id = t.id AND b.clock = %(clock)s AND b.due_at = t.{fields.due}
              )
            ORDER BY t.{fields.due}
            LIMIT %(batch)s
            FOR NO KEY UPDATE OF t SKIP LOCKED
            ON CONFLICT (ticket_id, clock, due_at) DO NOTHING
            RETURNING id
            """,
            {"clock": clock.value, "now": now, "batch": BATCH},
        )
        new_ids = [row[0] for row in cursor.fetchall()]
    breaches = TicketBreach.objects.filter(pk__in=new_ids).select_related(
        "ticket__community", "ticket__assignee"
    )
    for breach in breaches.order_by("due_at", "pk"):
        ticket_breached.send(Ticket, ticket=breach.ticket, breach=breach)
    return len(new_ids)
