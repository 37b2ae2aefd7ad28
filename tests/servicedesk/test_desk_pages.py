"""The queue, one ticket at the desk, and taking one down."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from community.models import Community, User
from servicedesk.models import ReplyPhrase, Ticket, TicketKind
from servicedesk.services import clocks
from tests.factories.community import MembershipFactory, UnitFactory
from tests.factories.servicedesk import TicketFactory

pytestmark = pytest.mark.django_db
State = Ticket.State


@pytest.fixture
def clerk() -> User:
    return MembershipFactory.create().user


@pytest.fixture
def community(clerk: User) -> Community:
    return clerk.memberships.get().community


@pytest.fixture
def visitor(client: Client, clerk: User) -> Client:
    client.force_login(clerk)
    return client


def queue(visitor: Client, community: Community, **filters: str) -> list[Ticket]:
    page = visitor.get(reverse("servicedesk:queue", args=[community.code]), filters)
    assert page.status_code == 200
    return list(page.context["page_obj"])


def page_of(ticket: Ticket) -> str:
    return reverse("servicedesk:ticket", args=[ticket.community.code, ticket.pk])


def press(visitor: Client, ticket: Ticket, do: str, **data: Any) -> int:
    answer = visitor.post(page_of(ticket), {"do": do, "form_token": uuid.uuid4()} | data)
    ticket.refresh_from_db()
    return answer.status_code


class TestQueue:
    def test_the_clock_that_runs_out_first_comes_first(
        self, visitor: Client, community: Community
    ) -> None:
        later = TicketFactory.create(community=community)
        past = TicketFactory.create(
            community=community, created_at=timezone.now() - timedelta(days=2)
        )
        TicketFactory.create()  # another community's
        assert queue(visitor, community) == [past, later]
        page = visitor.get(reverse("servicedesk:queue", args=[community.code])).content.decode()
        assert page.count("data-due") == 2
        assert 'data-state="over"' in page

    def test_filters_live_in_the_address_and_travel_along(
        self, visitor: Client, community: Community, clerk: User
    ) -> None:
        new = TicketFactory.create(community=community)
        mine = TicketFactory.create(
            community=community, state=State.IN_PROGRESS, assignee=clerk, kind=TicketKind.REPAIR
        )
        done = TicketFactory.create(community=community, state=State.RESOLVED)
        old = TicketFactory.create(
            community=community, created_at=timezone.now() - timedelta(days=2)
        )
        clocks.mark_breaches()

        assert set(queue(visitor, community)) == {new, mine, old}
        assert set(queue(visitor, community, state="all")) == {new, mine, old, done}
        assert queue(visitor, community, state="resolved") == [done]
        assert queue(visitor, community, kind="repair") == [mine]
        assert queue(visitor, community, mine="on") == [mine]
        assert queue(visitor, community, breached="on") == [old]
        assert queue(visitor, community, breached="on", mine="on") == []
        # What nobody could have chosen does no harm.
        assert set(queue(visitor, community, state="'--", kind="x", page="x")) == {new, mine, old}

        address = reverse("servicedesk:queue", args=[community.code]) + "?mine=on&state=all"
        page = visitor.get(address).content.decode()
        assert f"{page_of(mine)}?mine=on&amp;state=all" in page
        page = visitor.get(f"{page_of(mine)}?mine=on&state=all").content.decode()
        assert address.replace("&", "&amp;") in page

    def test_tells_how_many_are_past_their_time(
        self, visitor: Client, community: Community
    ) -> None:
        for _each in range(3):
            TicketFactory.create(community=community, created_at=timezone.now() - timedelta(days=2))
        clocks.mark_breaches()
        page = visitor.get(reverse("servicedesk:queue", args=[community.code])).content.decode()
        assert 'data-breached="3"' in page

    def test_costs_the_same_for_many_as_for_few(
        self, visitor: Client, community: Community, django_assert_max_num_queries: Any
    ) -> None:
        for _each in range(12):
            TicketFactory.create(
                community=community,
                unit=UnitFactory.create(community=community),
                assignee=MembershipFactory.create(community=community).user,
            )
        with django_assert_max_num_queries(10):
            visitor.get(reverse("servicedesk:queue", args=[community.code]))


class TestTicket:
    def test_a_reply_stops_the_clock_and_leads_back_with_the_filters(
        self, visitor: Client, community: Community
    ) -> None:
        ticket = TicketFactory.create(community=community)
        answer = visitor.post(
            page_of(ticket) + "?mine=on",
            {"do": "reply", "body": "马上来", "form_token": uuid.uuid4()},
        )
        assert answer["Location"] == page_of(ticket) + "?mine=on"
        ticket.refresh_from_db()
        assert ticket.first_responded_at
        assert "马上来" in visitor.get(page_of(ticket)).content.decode()

    def test_note_promise_assign_take_up_resolve_reopen_close(
        self, visitor: Client, community: Community, clerk: User
    ) -> None:
        ticket = TicketFactory.create(community=community)
        colleague = MembershipFactory.create(community=community).user
        assert press(visitor, ticket, "note", body="查表") == 302
        assert ticket.first_responded_at is None
        assert press(visitor, ticket, "assign", assignee=colleague.pk) == 302
        assert ticket.assignee == colleague
        assert press(visitor, ticket, "start") == 302
        assert ticket.state == State.IN_PROGRESS
        until = timezone.localtime() + timedelta(hours=5)
        assert press(visitor, ticket, "promise", until=until.strftime("%Y-%m-%dT%H:%M")) == 302
        assert ticket.promised_at == until.replace(second=0, microsecond=0)
        assert press(visitor, ticket, "resolve", body="修好了", finding="our_fault") == 302
        assert (ticket.state, ticket.finding) == (State.RESOLVED, Ticket.Finding.OUR_FAULT)
        assert press(visitor, ticket, "reopen", body="业主来电") == 302
        assert ticket.state == State.IN_PROGRESS
        assert press(visitor, ticket, "resolve", body="修好了", finding="our_fault") == 302
        assert press(visitor, ticket, "close") == 302
        assert ticket.state == State.CLOSED
        story = visitor.get(page_of(ticket)).content.decode()
        assert story.count('data-entry="step"') == 7
        assert story.count('data-entry="message"') == 4

    def test_what_is_wrong_is_said_and_nothing_done(
        self, visitor: Client, community: Community
    ) -> None:
        ticket = TicketFactory.create(community=community)
        stranger = MembershipFactory.create().user
        assert press(visitor, ticket, "reply", body="") == 422
        assert press(visitor, ticket, "promise", until="yesterday") == 422
        assert press(visitor, ticket, "promise", until="2001-01-01T09:00") == 422
        assert press(visitor, ticket, "assign", assignee=stranger.pk) == 422
        assert press(visitor, ticket, "resolve", body="好了") == 422
        assert press(visitor, ticket, "close") == 422
        assert press(visitor, ticket, "no such thing") == 422
        assert ticket.state == State.NEW
        assert not ticket.messages.exists()

    def test_a_reply_to_a_closed_ticket_is_refused_and_its_words_kept(
        self, visitor: Client, community: Community
    ) -> None:
        ticket = TicketFactory.create(community=community, state=State.CLOSED)
        page = visitor.post(
            page_of(ticket), {"do": "reply", "body": "再说一句", "form_token": uuid.uuid4()}
        )
        assert page.status_code == 422
        assert not ticket.messages.exists()
        assert page.context["forms"]["note"]["body"].value() == "再说一句"
        assert "message-error" in page.content.decode()

    def test_the_reply_starts_from_a_phrase(self, visitor: Client, community: Community) -> None:
        ticket = TicketFactory.create(community=community)
        phrase = ReplyPhrase.objects.create(community=community, title="收到", body="您好,已收到。")
        strange = ReplyPhrase.objects.create(
            community=MembershipFactory.create().community, title="外", body="外人的话"
        )
        page = visitor.get(page_of(ticket), {"phrase": phrase.pk})
        assert page.context["forms"]["reply"]["body"].value() == "您好,已收到。"
        for number in (strange.pk, "x", ""):
            page = visitor.get(page_of(ticket), {"phrase": number})
            assert not page.context["forms"]["reply"]["body"].value()
            assert "外人的话" not in page.content.decode()

    def test_every_state_has_its_page_in_a_bounded_number_of_queries(
        self, visitor: Client, community: Community, django_assert_max_num_queries: Any
    ) -> None:
        unit = UnitFactory.create(community=community)
        for state in State:
            ticket = TicketFactory.create(community=community, state=state, unit=unit)
            with django_assert_max_num_queries(16):
                assert visitor.get(page_of(ticket)).status_code == 200


class TestTakeDown:
    @pytest.fixture
    def address(self, community: Community) -> str:
        return reverse("servicedesk:take", args=[community.code])

    def filled(self, **more: Any) -> dict[str, Any]:
        return {
            "unit": "",
            "kind": "complaint",
            "body": "门禁坏了\n早上进不来",
            "form_token": uuid.uuid4(),
        } | more

    @pytest.mark.parametrize("finding", Ticket.Finding)
    def test_settled_on_the_spot_in_one_press(
        self, visitor: Client, community: Community, clerk: User, address: str, finding: str
    ) -> None:
        unit = UnitFactory.create(community=community)
        form = self.filled(unit=unit.code.lower(), then=finding)
        for _press in range(2):
            assert visitor.post(address, form).status_code == 302
        ticket = Ticket.objects.get()
        assert (ticket.state, ticket.finding) == (State.RESOLVED, finding)
        assert (ticket.unit, ticket.subject, ticket.assignee) == (unit, "门禁坏了", clerk)
        assert ticket.running_clocks == []
        assert ticket.messages.count() == 1

    def test_promised_or_left_in_the_queue(self, visitor: Client, address: str) -> None:
        until = timezone.localtime() + timedelta(hours=2)
        promised = self.filled(then="promise", until=until.strftime("%Y-%m-%dT%H:%M"))
        for _press in range(2):
            assert visitor.post(address, promised).status_code == 302
        assert Ticket.objects.get().promised_at == until.replace(second=0, microsecond=0)
        visitor.post(address, self.filled(contact_name="李四", contact_phone="13800001111"))
        assert Ticket.objects.get(contact_name="李四").state == State.NEW

    def test_a_question_settled_has_no_finding(self, visitor: Client, address: str) -> None:
        visitor.post(address, self.filled(kind="inquiry", then="misunderstanding"))
        ticket = Ticket.objects.get()
        assert (ticket.state, ticket.finding) == (State.RESOLVED, "")

    def test_bad_input_takes_nothing_down(self, visitor: Client, address: str) -> None:
        strange = UnitFactory.create(room="9999")
        for broken in (
            {"body": ""},
            {"kind": ""},
            {"unit": "77-7-7777"},
            {"unit": strange.code},
            {"then": "promise", "until": ""},
            {"then": "promise", "until": "2001-01-01T09:00"},
        ):
            page = visitor.post(address, self.filled(**broken), follow=True)
            assert page.redirect_chain == [(address, 302)], "an answer that Back can return to"
            assert page.context["form"].errors
        assert not Ticket.objects.exists()

    def test_the_unit_at_hand_is_filled_in(self, visitor: Client, address: str) -> None:
        page = visitor.get(address, {"unit": "3-1-0101"})
        assert page.context["form"]["unit"].value() == "3-1-0101"
