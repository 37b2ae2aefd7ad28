"""Somebody at work on a community's pages, and the form of a fee standard."""

from typing import Any

from django.test import Client
from django.urls import reverse

from community.models import Community, Occupancy, Role, Unit, User
from tests.factories.community import BindingFactory, MembershipFactory

FORM = {
    "item": "电梯费",
    "unit_kind": "dwelling",
    "building": "",
    "units": "",
    "method": "household",
    "price": "20",
    "vacancy_factor": "1",
    "rounding": "whole",
    "starts_on": "2026-07-01",
    "service_standard": "",
    "legal_basis": "",
    "pricing_form": "",
    "form_token": "6a5a1c1e-6d2f-4c35-a3e5-6b1d1a0f0001",
}


class Office:
    """Somebody who works in the community, at the keyboard."""

    def __init__(self, community: Community, role: Role) -> None:
        self.community = community
        self.user: User = MembershipFactory.create(community=community, role=role).user
        self.client = Client()
        self.client.force_login(self.user)

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"billing:{name}", args=[self.community.code, *args])

    def get(self, name: str, *args: Any, **query: Any) -> str:
        answer = self.client.get(self.url(name, *args), query)
        assert answer.status_code == 200
        return answer.content.decode()

    def post(self, name: str, *args: Any, **data: Any) -> Any:
        return self.client.post(self.url(name, *args), data)


def resident_of(unit: Unit) -> Client:
    """A browser in which the payer of `unit` is signed in."""
    client = Client()
    party = Occupancy.objects.get(unit=unit).party
    client.force_login(BindingFactory.create(party=party).user)
    return client


def text_of(answer: Any) -> str:
    return answer.content.decode()
