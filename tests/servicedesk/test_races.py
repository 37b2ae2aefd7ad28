"""Two at once on real PostgreSQL: scans, answers, presses. Ordered by events, never by sleeping."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.dispatch import Signal
from django.utils import timezone

from community.models import User
from servicedesk.models import Ticket, TicketBreach, TicketKind, TicketMessage
from servicedesk.services import clocks, messages, tickets
from servicedesk.signals import ticket_breached, ticket_replied
from tests.factories.community import CommunityFactory, MembershipFactory, UserFactory
from tests.factories.servicedesk import TicketFactory
from tests.races import PATIENCE, together

pytestmark = pytest.mark.django_db(transaction=True)


class Crew:
    """Threads with a database connection each, which they close at the end."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    def run(self, work: Callable[..., Any], **arguments: Any) -> Future[Any]:
        def with_own_connection() -> Any:
            try:
                return work(**arguments)
            finally:
                connection.close()

        return self.pool.submit(with_own_connection)


@pytest.fixture
def crew() -> Iterator[Crew]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield Crew(pool)


@contextmanager
def held_inside_its_transaction(signal: Signal) -> Iterator[tuple[Event, Event]]:
    """Whoever sends `signal` first says so, and waits inside his transaction to be let go."""
    reached, go_on = Event(), Event()

    def hold(sender: object, **kwargs: Any) -> None:
        if not reached.is_set():
            reached.set()
            assert go_on.wait(PATIENCE)

    signal.connect(hold)
    try:
        yield reached, go_on
    finally:
        go_on.set()
        signal.disconnect(hold)


def overdue_ticket() -> Ticket:
    return TicketFactory.create(created_at=timezone.now() - timedelta(hours=25))


def test_a_second_scan_passes_over_what_the_first_is_marking(crew: Crew) -> None:
    ticket = overdue_ticket()
    with held_inside_its_transaction(ticket_breached) as (reached, go_on):
        first = crew.run(clocks.mark_breaches)
        assert reached.wait(PATIENCE)
        assert crew.run(clocks.mark_breaches).result(PATIENCE) == 0
        go_on.set()
        assert first.result(PATIENCE) == 1
    assert crew.run(clocks.mark_breaches).result(PATIENCE) == 0
    assert ticket.breaches.count() == 1


def test_scans_started_together_mark_each_clock_once(crew: Crew) -> None:
    for _each in range(30):
        overdue_ticket()
    told: list[int] = []

    def hear(sender: object, *, breach: TicketBreach, **kwargs: Any) -> None:
        told.append(breach.pk)

    ticket_breached.connect(hear)
    try:
        marked = together(*[clocks.mark_breaches] * 4)
    finally:
        ticket_breached.disconnect(hear)
    assert sum(marked) == 30
    assert sorted(told) == sorted(TicketBreach.objects.values_list("pk", flat=True))


def test_a_scan_passes_over_a_ticket_that_is_being_answered(crew: Crew) -> None:
    """The answer came in time, the scan's clock reads later: there must be no breach."""
    ticket = TicketFactory.create()
    clerk = MembershipFactory.create(community=ticket.community).user
    after_due = ticket.first_response_due_at + timedelta(seconds=1)
    with held_inside_its_transaction(ticket_replied) as (reached, go_on):
        replying = crew.run(
            messages.reply, ticket=ticket, author=clerk, body="好", form_token=uuid.uuid4()
        )
        assert reached.wait(PATIENCE)
        assert crew.run(clocks.mark_breaches, now=after_due).result(PATIENCE) == 0
        go_on.set()
        replying.result(PATIENCE)
    assert clocks.mark_breaches(now=after_due) == 0


def test_an_answer_that_waits_for_the_scan_keeps_the_breach_once(crew: Crew) -> None:
    ticket = overdue_ticket()
    clerk = MembershipFactory.create(community=ticket.community).user
    with held_inside_its_transaction(ticket_breached) as (reached, go_on):
        scanning = crew.run(clocks.mark_breaches)
        assert reached.wait(PATIENCE)
        replying = crew.run(
            messages.reply, ticket=ticket, author=clerk, body="好", form_token=uuid.uuid4()
        )
        go_on.set()
        assert scanning.result(PATIENCE) == 1
        replying.result(PATIENCE)
    ticket.refresh_from_db()
    assert ticket.breaches.count() == 1
    assert ticket.first_responded_at
    assert ticket.first_responded_at > ticket.breaches.get().noticed_at


def test_two_presses_at_once_file_one_ticket_and_say_one_thing(crew: Crew) -> None:
    community, resident, form = CommunityFactory.create(), UserFactory.create(), uuid.uuid4()

    def file() -> Ticket:
        return tickets.open_ticket(
            community=community,
            kind=TicketKind.INQUIRY,
            subject="问",
            body="问",
            form_token=form,
            reporter=resident,
        )

    one, other = together(file, file)
    assert one == other
    assert Ticket.objects.count() == 1

    words = uuid.uuid4()

    def say() -> TicketMessage:
        return messages.add_message(ticket=one, author=resident, body="补充", form_token=words)

    assert len(set(together(say, say))) == 1


WRITES: dict[str, Callable[[Ticket, User], Any]] = {
    "add_message": lambda ticket, clerk: messages.add_message(
        ticket=ticket, author=clerk, body="补充", form_token=uuid.uuid4()
    ),
    "reply": lambda ticket, clerk: messages.reply(
        ticket=ticket, author=clerk, body="好", form_token=uuid.uuid4()
    ),
    "promise": lambda ticket, clerk: tickets.promise(
        ticket=ticket, by=clerk, until=timezone.now() + timedelta(hours=1)
    ),
    "assign": lambda ticket, clerk: tickets.assign(ticket=ticket, by=clerk, assignee=clerk),
    "start": lambda ticket, clerk: tickets.start(ticket=ticket, by=clerk),
    "resolve": lambda ticket, clerk: tickets.resolve(
        ticket=ticket, by=clerk, body="换了灯", finding="our_fault"
    ),
    "reopen": lambda ticket, clerk: tickets.reopen(ticket=ticket, by=clerk),
    "close": lambda ticket, clerk: tickets.close(ticket=ticket, by=clerk),
}


@pytest.mark.parametrize("name", WRITES)
def test_whoever_writes_waits_for_whoever_works_on_the_ticket(crew: Crew, name: str) -> None:
    """Without the lock he would decide by a state that is already past."""
    ticket = TicketFactory.create()
    clerk = MembershipFactory.create(community=ticket.community).user

    def write() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        WRITES[name](ticket, clerk)

    with transaction.atomic():
        Ticket.objects.select_for_update(no_key=True).get(pk=ticket.pk)
        with pytest.raises(OperationalError, match="while locking tuple"):
            crew.run(write).result(PATIENCE)
