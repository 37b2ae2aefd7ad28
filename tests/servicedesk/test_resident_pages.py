"""The resident's service pages: content by data, never by wording."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from community.models import Occupancy, User
from servicedesk.models import Ticket, TicketKind
from servicedesk.services import messages, tickets
from tests.factories.billing import make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    UserFactory,
)
from tests.factories.servicedesk import TicketFactory

pytestmark = pytest.mark.django_db
NEW = reverse("servicedesk:new")


@pytest.fixture
def home() -> Occupancy:
    return OccupancyFactory.create()


@pytest.fixture
def resident(home: Occupancy) -> User:
    return BindingFactory.create(party=home.party).user


@pytest.fixture
def visitor(client: Client, resident: User) -> Client:
    client.force_login(resident)
    return client


def filled(home: Occupancy, **more: Any) -> dict[str, Any]:
    return {
        "kind": "complaint",
        "unit": home.unit.pk,
        "subject": "电梯停了",
        "body": "三号楼电梯停了两天",
        "form_token": uuid.uuid4(),
    } | more


def test_filing_a_complaint_shows_when_we_answer(visitor: Client, home: Occupancy) -> None:
    answer = visitor.post(NEW, filled(home))
    ticket = Ticket.objects.get()
    assert answer["Location"] == reverse("servicedesk:my_ticket", args=[ticket.pk])
    assert (ticket.kind, ticket.unit, ticket.community) == (
        TicketKind.COMPLAINT,
        home.unit,
        home.unit.community,
    )
    page = visitor.get(answer["Location"]).content.decode()
    assert 'data-clock="first_response"' in page
    assert f'datetime="{ticket.first_response_due_at.astimezone().isoformat()[:4]}' in page
    assert "三号楼电梯停了两天" in page


def test_pressed_twice_files_one(visitor: Client, home: Occupancy) -> None:
    form = filled(home)
    assert visitor.post(NEW, form)["Location"] == visitor.post(NEW, form)["Location"]
    assert Ticket.objects.count() == 1


def test_a_question_about_a_bill_carries_the_bill(visitor: Client, home: Occupancy) -> None:
    bill = make_bill(unit=home.unit, party=home.party)
    address = f"{NEW}?bill={bill.pk}&kind=inquiry"
    page = visitor.get(address)
    assert page.context["form"]["kind"].value() == "inquiry"
    assert home.unit.code in page.context["form"]["subject"].value()
    assert f'data-bill="{bill.pk}"' in page.content.decode()

    form = filled(home, kind="inquiry")
    del form["unit"]
    visitor.post(address, form)
    ticket = Ticket.objects.get()
    assert (ticket.bill, ticket.unit) == (bill, home.unit)


@pytest.mark.parametrize("number", ["0", "x", "-1", "99999999999999999999999", "１２"])
def test_a_bill_that_is_not_there_is_not_found(visitor: Client, number: str) -> None:
    assert visitor.get(NEW, {"bill": number}).status_code == 404


def test_somebody_elses_bill_or_unit_is_refused(visitor: Client, home: Occupancy) -> None:
    theirs = OccupancyFactory.create(community=home.unit.community)
    bill = make_bill(unit=theirs.unit, party=theirs.party)
    assert visitor.get(NEW, {"bill": bill.pk}).status_code == 404
    assert visitor.post(f"{NEW}?bill={bill.pk}", filled(home)).status_code == 404
    assert visitor.post(NEW, filled(home, unit=theirs.unit.pk), follow=True).context["form"].errors
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "bribe"},
        {"subject": ""},
        {"subject": "长" * 101},
        {"body": " "},
        {"form_token": "x"},
    ],
)
def test_bad_input_says_so_and_files_nothing(
    visitor: Client, home: Occupancy, broken: dict[str, str]
) -> None:
    sent = visitor.post(f"{NEW}?kind=complaint", filled(home, **broken))
    assert sent["Location"] == f"{NEW}?kind=complaint", "an answer that Back can return to"
    page = visitor.get(sent["Location"])
    assert "error-summary" in page.content.decode()
    assert page.context["form"]["body"].value() == (broken.get("body") or "三号楼电梯停了两天")
    assert not Ticket.objects.exists()
    assert "error-summary" not in visitor.get(NEW).content.decode(), "told once"


def test_without_a_unit_there_is_a_way_to_get_one(client: Client) -> None:
    client.force_login(UserFactory.create())
    assert client.get(NEW).status_code == 200
    assert client.post(NEW, {}).status_code == 200
    assert not Ticket.objects.exists()


def test_notes_and_the_clerks_name_are_not_for_residents(visitor: Client, resident: User) -> None:
    ticket = TicketFactory.create(reporter=resident)
    clerk = MembershipFactory.create(community=ticket.community).user
    messages.note(ticket=ticket, author=clerk, body="此户难缠", form_token=uuid.uuid4())
    messages.reply(ticket=ticket, author=clerk, body="明天上门", form_token=uuid.uuid4())
    page = visitor.get(reverse("servicedesk:my_ticket", args=[ticket.pk])).content.decode()
    assert "明天上门" in page
    assert "此户难缠" not in page
    assert clerk.name not in page


def test_the_reporter_adds_reopens_and_closes(visitor: Client, resident: User) -> None:
    ticket = TicketFactory.create(reporter=resident)
    address = reverse("servicedesk:my_ticket", args=[ticket.pk])
    words = {"do": "message", "body": "还有一件事", "form_token": uuid.uuid4()}
    for _press in range(2):
        assert visitor.post(address, words).status_code == 302
    assert ticket.messages.get().body == "还有一件事"

    clerk = MembershipFactory.create(community=ticket.community).user
    tickets.resolve(ticket=ticket, by=clerk, body="好了", finding="our_fault")
    reopen = {"do": "reopen", "body": "没好", "form_token": uuid.uuid4()}
    assert visitor.post(address, reopen).status_code == 302
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.IN_PROGRESS
    assert not ticket.messages.get(body="没好").from_staff

    tickets.resolve(ticket=ticket, by=clerk, body="真好了", finding="our_fault")
    assert visitor.post(address, {"do": "close", "form_token": uuid.uuid4()}).status_code == 302
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.CLOSED
    assert visitor.post(address, reopen).status_code == 422


def test_what_cannot_be_done_is_said_not_done(visitor: Client, resident: User) -> None:
    ticket = TicketFactory.create(reporter=resident)
    address = reverse("servicedesk:my_ticket", args=[ticket.pk])
    for press in ({"do": "close"}, {"do": "resolve"}, {}, {"do": "message", "body": ""}):
        assert visitor.post(address, {"form_token": uuid.uuid4()} | press).status_code == 422
    ticket.refresh_from_db()
    assert ticket.state == Ticket.State.NEW
    assert not ticket.messages.exists()


def test_words_typed_while_we_settled_it_are_not_lost(visitor: Client, resident: User) -> None:
    ticket = TicketFactory.create(reporter=resident, state=Ticket.State.RESOLVED)
    page = visitor.post(
        reverse("servicedesk:my_ticket", args=[ticket.pk]),
        {"do": "message", "body": "还有一处漏水", "form_token": uuid.uuid4()},
    )
    assert page.status_code == 422
    assert not ticket.messages.exists()
    assert page.context["forms"]["reopen"]["body"].value() == "还有一处漏水"
    assert "message-error" in page.content.decode()


def test_the_list_has_ones_own_tickets_alone(visitor: Client, resident: User) -> None:
    own = TicketFactory.create(reporter=resident)
    settled = TicketFactory.create(reporter=resident, state=Ticket.State.RESOLVED)
    strange = TicketFactory.create(community=own.community)
    page = visitor.get(reverse("servicedesk:tickets")).content.decode()
    for each in (own, settled):
        assert reverse("servicedesk:my_ticket", args=[each.pk]) in page
    assert reverse("servicedesk:my_ticket", args=[strange.pk]) not in page


def test_pages_ask_the_database_a_bounded_number_of_times(
    visitor: Client, resident: User, django_assert_max_num_queries: Any
) -> None:
    for _each in range(8):
        ticket = TicketFactory.create(reporter=resident)
        clerk = MembershipFactory.create(community=ticket.community).user
        for _word in range(4):
            messages.reply(ticket=ticket, author=clerk, body="好", form_token=uuid.uuid4())
    with django_assert_max_num_queries(8):
        visitor.get(reverse("servicedesk:tickets"))
    with django_assert_max_num_queries(9):
        visitor.get(reverse("servicedesk:my_ticket", args=[ticket.pk]))
