"""The admin: commitments and phrases are set there, everything else can only be looked at."""

import uuid
from typing import Any

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from billing.models import Bill, Charge
from community.models import User
from core.admin import LookOnlyAdmin
from servicedesk.models import SlaPolicy, Ticket
from servicedesk.services import messages, tickets
from tests.factories.billing import make_bill
from tests.factories.community import CommunityFactory, MembershipFactory
from tests.factories.servicedesk import TicketFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def keeper(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("keeper", "long-enough-9"))
    return client


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_a_commitment_is_set_and_holds_for_the_next_ticket(keeper: Client) -> None:
    community = CommunityFactory.create()
    answer = keeper.post(
        address(SlaPolicy, "add"),
        {
            "community": community.pk,
            "kind": "repair",
            "first_response_hours": 4,
            "resolution_hours": 30,
        },
    )
    assert answer.status_code == 302
    ticket = tickets.open_ticket(
        community=community, kind="repair", subject="灯", body="灯", form_token=uuid.uuid4()
    )
    assert (ticket.first_response_hours, ticket.resolution_hours) == (4, 30)


@pytest.mark.parametrize("hours", ["0", "-1", ""])
def test_a_commitment_of_no_hours_is_refused_in_words(keeper: Client, hours: str) -> None:
    fields = {"community": CommunityFactory.create().pk, "kind": "repair", "resolution_hours": 30}
    answer = keeper.post(address(SlaPolicy, "add"), fields | {"first_response_hours": hours})
    assert answer.status_code == 200
    assert answer.context["errors"]
    assert not SlaPolicy.objects.exists()


LOOK_ONLY = [
    model
    for model, page in admin.site._registry.items()
    if isinstance(page, LookOnlyAdmin) and model._meta.app_label in {"billing", "servicedesk"}
]


@pytest.mark.parametrize("model", LOOK_ONLY, ids=lambda model: model.__name__)
def test_rows_that_services_write_can_only_be_looked_at(keeper: Client, model: type[Model]) -> None:
    bill = make_bill("10.00")
    ticket = TicketFactory.create(community=bill.account.community)
    clerk = MembershipFactory.create(community=ticket.community).user
    messages.reply(ticket=ticket, author=clerk, body="好", form_token=uuid.uuid4())
    assert keeper.get(address(model, "changelist")).status_code == 200
    assert keeper.get(address(model, "add")).status_code == 403
    row = model._default_manager.first()
    if row is not None:
        page = address(model, "change", row.pk)
        assert keeper.get(page).status_code == 200
        assert keeper.post(page, {}).status_code == 403
        assert keeper.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_bills_charges_and_tickets_are_among_them() -> None:
    assert {Bill, Ticket} <= set(LOOK_ONLY)
    assert not admin.site.is_registered(Charge), "charges are read on their bill"
