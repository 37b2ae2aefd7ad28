"""When a clock starts, what stops it, and when it is a breach. Time is given, never slept."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from community.models import User
from servicedesk.models import Clock, SlaPolicy, Ticket, TicketBreach, TicketKind
from servicedesk.services import clocks, messages, tickets
from servicedesk.services.locking import TicketError
from servicedesk.signals import ticket_breached
from tests.factories.community import CommunityFactory, MembershipFactory, UserFactory
from tests.factories.servicedesk import TicketFactory

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 5, 9, 0, tzinfo=timezone.get_fixed_timezone(480))
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def clerk() -> User:
    return MembershipFactory.create().user


@pytest.fixture
def told() -> Iterator[list[TicketBreach]]:
    heard: list[TicketBreach] = []

    def hear(sender: object, *, breach: TicketBreach, **kwargs: Any) -> None:
        heard.append(breach)

    ticket_breached.connect(hear)
    yield heard
    ticket_breached.disconnect(hear)


def file_ticket(**more: Any) -> Ticket:
    more.setdefault("community", CommunityFactory.create())
    return tickets.open_ticket(
        kind=more.pop("kind", TicketKind.COMPLAINT),
        subject="楼道灯不亮",
        body="三楼",
        form_token=more.pop("form_token", uuid.uuid4()),
        reporter=more.pop("reporter", None) or UserFactory.create(),
        now=START,
        **more,
    )


def breaches(ticket: Ticket) -> list[tuple[str, datetime]]:
    return sorted(ticket.breaches.values_list("clock", "due_at"))


def answer(ticket: Ticket, by: User, at: datetime) -> None:
    messages.reply(ticket=ticket, author=by, body="马上处理", form_token=uuid.uuid4(), now=at)


class TestStart:
    def test_by_default_we_answer_within_a_day_and_resolve_within_three(self) -> None:
        ticket = file_ticket()
        assert ticket.first_response_due_at == START + 24 * HOUR
        assert ticket.resolution_due_at == START + 72 * HOUR

    def test_the_commitment_is_copied_so_a_later_change_moves_nothing(self, clerk: User) -> None:
        community = CommunityFactory.create()
        policy = SlaPolicy.objects.create(
            community=community,
            kind=TicketKind.COMPLAINT,
            first_response_hours=2,
            resolution_hours=8,
        )
        ticket = file_ticket(community=community)
        assert file_ticket(community=community, kind=TicketKind.REPAIR).first_response_hours == 24

        policy.first_response_hours = policy.resolution_hours = 1
        policy.save()
        tickets.start(ticket=ticket, by=clerk, now=START)
        tickets.resolve(ticket=ticket, by=clerk, body="好了", finding="our_fault", now=START)
        tickets.reopen(ticket=ticket, by=clerk, now=START + HOUR)
        ticket.refresh_from_db()
        assert ticket.first_response_due_at == START + 2 * HOUR
        assert ticket.resolution_due_at == START + 9 * HOUR

    def test_one_form_files_one_ticket(self) -> None:
        token, resident, community = uuid.uuid4(), UserFactory.create(), CommunityFactory.create()
        same = {"form_token": token, "reporter": resident, "community": community}
        assert file_ticket(**same) == file_ticket(**same)
        assert Ticket.objects.count() == 1
        with pytest.raises(TicketError):
            file_ticket(**(same | {"reporter": UserFactory.create()}))


class TestFirstResponse:
    def test_a_public_answer_of_staff_stops_it(self, clerk: User) -> None:
        ticket = file_ticket()
        answer(ticket, clerk, START + HOUR)
        ticket.refresh_from_db()
        assert ticket.first_responded_at == START + HOUR
        assert ticket.state == Ticket.State.IN_PROGRESS
        answer(ticket, clerk, START + 2 * HOUR)
        ticket.refresh_from_db()
        assert ticket.first_responded_at == START + HOUR

    def test_neither_a_note_nor_the_reporter_himself_stops_it(self, clerk: User) -> None:
        ticket = file_ticket()
        messages.note(ticket=ticket, author=clerk, body="查一下", form_token=uuid.uuid4())
        assert ticket.reporter
        messages.add_message(
            ticket=ticket, author=ticket.reporter, body="还没修", form_token=uuid.uuid4()
        )
        tickets.start(ticket=ticket, by=clerk)
        tickets.promise(ticket=ticket, by=clerk, until=START + 5 * HOUR, now=START)
        ticket.refresh_from_db()
        assert ticket.first_responded_at is None

    def test_resolving_answers_and_stops_all_clocks(self, clerk: User) -> None:
        ticket = file_ticket()
        tickets.promise(ticket=ticket, by=clerk, until=START + HOUR, now=START)
        tickets.resolve(ticket=ticket, by=clerk, body="换了灯", finding="our_fault", now=START)
        ticket.refresh_from_db()
        assert ticket.running_clocks == []
        assert clocks.mark_breaches(now=START + 1000 * HOUR) == 0

    def test_answered_at_the_very_due_time_is_in_time(
        self, clerk: User, told: list[TicketBreach]
    ) -> None:
        ticket = file_ticket()
        due = ticket.first_response_due_at
        assert clocks.mark_breaches(now=due) == 0
        answer(ticket, clerk, due)
        assert clocks.mark_breaches(now=due + HOUR) == 0
        assert breaches(ticket) == []
        assert told == []

    def test_a_late_answer_keeps_its_breach_and_gets_one_if_no_scan_saw_it(
        self, clerk: User, told: list[TicketBreach]
    ) -> None:
        seen, unseen = file_ticket(), file_ticket()
        due = seen.first_response_due_at
        answer(unseen, clerk, due + SECOND)
        assert clocks.mark_breaches(now=due + SECOND) == 1
        answer(seen, clerk, due + 2 * SECOND)
        assert clocks.mark_breaches(now=due + HOUR) == 0
        for ticket in (seen, unseen):
            assert breaches(ticket) == [(Clock.FIRST_RESPONSE, due)]
        assert len(told) == 2

    def test_the_same_press_twice_answers_once(self, clerk: User) -> None:
        ticket, token = file_ticket(), uuid.uuid4()
        for minutes in (0, 5):
            messages.reply(
                ticket=ticket,
                author=clerk,
                body="好的",
                form_token=token,
                now=START + timedelta(minutes=minutes),
            )
        ticket.refresh_from_db()
        assert ticket.messages.count() == 1
        assert ticket.first_responded_at == START


class TestPromise:
    def test_lies_ahead_and_only_while_something_is_open(self, clerk: User) -> None:
        ticket = file_ticket()
        with pytest.raises(TicketError):
            tickets.promise(ticket=ticket, by=clerk, until=START, now=START)
        done = TicketFactory.create(state=Ticket.State.RESOLVED)
        with pytest.raises(TicketError):
            tickets.promise(ticket=done, by=clerk, until=timezone.now() + HOUR)

    def test_is_kept_by_an_answer(self, clerk: User) -> None:
        ticket = file_ticket()
        tickets.promise(ticket=ticket, by=clerk, until=START + 2 * HOUR, now=START)
        answer(ticket, clerk, START + 2 * HOUR)
        assert clocks.mark_breaches(now=START + 20 * HOUR) == 0

    def test_renewed_in_time_is_no_breach_renewed_late_is_one(self, clerk: User) -> None:
        ticket = file_ticket()
        tickets.promise(ticket=ticket, by=clerk, until=START + HOUR, now=START)
        tickets.promise(ticket=ticket, by=clerk, until=START + 2 * HOUR, now=START + HOUR)
        assert breaches(ticket) == []
        tickets.promise(ticket=ticket, by=clerk, until=START + 4 * HOUR, now=START + 3 * HOUR)
        assert breaches(ticket) == [(Clock.PROMISED_REPLY, START + 2 * HOUR)]

    def test_broken_twice_is_two_breaches(self, clerk: User, told: list[TicketBreach]) -> None:
        ticket = file_ticket()
        for hours in (1, 3):
            at = START + (hours - 1) * HOUR
            tickets.promise(ticket=ticket, by=clerk, until=START + hours * HOUR, now=at)
            clocks.mark_breaches(now=START + hours * HOUR + SECOND)
        assert [clock for clock, _due in breaches(ticket)] == [Clock.PROMISED_REPLY] * 2
        assert len(told) == 2

    def test_kept_and_then_promised_anew_is_no_breach(self, clerk: User) -> None:
        ticket = file_ticket()
        tickets.promise(ticket=ticket, by=clerk, until=START + HOUR, now=START)
        answer(ticket, clerk, START)
        tickets.promise(ticket=ticket, by=clerk, until=START + 9 * HOUR, now=START + 5 * HOUR)
        assert breaches(ticket) == []


class TestScan:
    def test_marks_each_clock_once_however_often_it_runs(self, told: list[TicketBreach]) -> None:
        ticket = file_ticket()
        later = START + 100 * HOUR
        assert clocks.mark_breaches(now=later) == 2
        assert clocks.mark_breaches(now=later) == 0
        assert [clock for clock, _due in breaches(ticket)] == [
            Clock.FIRST_RESPONSE,
            Clock.RESOLUTION,
        ]
        assert [breach.clock for breach in told] == [Clock.FIRST_RESPONSE, Clock.RESOLUTION]

    def test_goes_on_past_one_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clocks, "BATCH", 2)
        community = CommunityFactory.create()
        for _each in range(5):
            file_ticket(community=community)
        assert clocks.mark_breaches(now=START + 25 * HOUR) == 5

    def test_a_reopened_ticket_can_run_out_again(self, clerk: User) -> None:
        ticket = file_ticket()
        answer(ticket, clerk, START)
        clocks.mark_breaches(now=START + 73 * HOUR)
        at = START + 74 * HOUR
        tickets.resolve(ticket=ticket, by=clerk, body="好了", finding="our_fault", now=at)
        tickets.reopen(ticket=ticket, by=clerk, now=at)
        assert clocks.mark_breaches(now=at + 72 * HOUR) == 0
        assert clocks.mark_breaches(now=at + 72 * HOUR + SECOND) == 1
        assert len(breaches(ticket)) == 2

    def test_costs_the_same_for_many_as_for_one(self) -> None:
        """Whoever listens may write a row for each breach; the scan itself does not."""
        community = CommunityFactory.create()
        for _each in range(20):
            file_ticket(community=community)
        with CaptureQueriesContext(connection) as asked:
            assert clocks.mark_breaches(now=START + 1000 * HOUR) == 40
        own = [query for query in asked.captured_queries if "_ticketbreach" in query["sql"]]
        assert len(own) <= 10


def test_the_queue_is_sorted_by_the_clock_that_runs_out_first(clerk: User) -> None:
    community = CommunityFactory.create()
    later = file_ticket(community=community)
    answer(later, clerk, START)
    done = file_ticket(community=community)
    tickets.resolve(ticket=done, by=clerk, body="好了", finding="our_fault", now=START)
    soon = file_ticket(community=community)
    soonest = file_ticket(community=community)
    tickets.promise(ticket=soonest, by=clerk, until=START + HOUR, now=START)

    queue = Ticket.objects.filter(community=community).by_urgency()
    assert list(queue) == [soonest, soon, later, done]
    due = [START + HOUR, START + 24 * HOUR, START + 72 * HOUR, None]
    assert list(queue.values_list("next_due_at", flat=True)) == due  # type: ignore[misc]
    assert [each.next_clock and each.next_clock.due_at for each in queue] == due
