"""Each role is led to what it may open, and every page belongs to one place."""

import pytest
from django.test import Client
from django.urls import reverse

from community.models import Role
from tests.factories.billing import make_bill
from tests.factories.community import BindingFactory, MembershipFactory, OccupancyFactory
from tests.factories.payments import make_payment, make_refund

pytestmark = pytest.mark.django_db


def places(client: Client, url: str) -> tuple[set[str], list[str]]:
    """Where the page's navigation leads, and which of it is marked as here."""
    context = client.get(url).context
    links = [link for group in context["staff_places"] for link in group["places"]]
    return {link.url for link in links}, [link.url for link in links if link.current]


@pytest.mark.parametrize("role", Role)
def test_every_place_opens(client: Client, role: Role) -> None:
    member = MembershipFactory.create(role=role)
    client.force_login(member.user)
    urls, here = places(client, reverse("portal:desk", args=[member.community.code]))
    assert here == [reverse("portal:desk", args=[member.community.code])]
    assert [client.get(url).status_code for url in urls] == [200] * len(urls)


def test_what_a_role_may_not_open_is_not_offered(client: Client) -> None:
    member = MembershipFactory.create(role=Role.ACCOUNTANT)
    client.force_login(member.user)
    code = member.community.code
    urls, _here = places(client, reverse("portal:desk", args=[code]))
    assert reverse("billing:runs", args=[code]) in urls
    assert reverse("servicedesk:queue", args=[code]) not in urls
    assert reverse("portal:manager", args=[code]) not in urls


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("portal:manager", "portal:manager"),
        ("servicedesk:take", "servicedesk:queue"),
        ("notices:failures", "notices:campaigns"),
        ("payments:unsettled", "payments:unsettled"),
        ("notices:door_campaigns", "notices:door_campaigns"),
    ],
)
def test_a_page_belongs_to_the_nearest_place(client: Client, page: str, place: str) -> None:
    member = MembershipFactory.create(role=Role.MANAGER)
    client.force_login(member.user)
    code = member.community.code
    _urls, here = places(client, reverse(page, args=[code]))
    assert here == [reverse(place, args=[code])]


def test_a_refund_stays_among_the_refunds_whatever_was_typed(client: Client) -> None:
    member = MembershipFactory.create(role=Role.ACCOUNTANT)
    client.force_login(member.user)
    code = member.community.code
    bill = make_bill("10.00", community=member.community)
    make_payment(bill, amount="30.00")
    refund = make_refund(
        bill.account, "20.00", approved=True, method="transfer", payee_account="62170000"
    )
    answer = client.post(reverse("payments:transfer_refund", args=[code, refund.pk]), {"day": "x"})
    assert answer.status_code == 422
    links = [link for group in answer.context["staff_places"] for link in group["places"]]
    assert [one.url for one in links if one.current] == [reverse("payments:refunds", args=[code])]


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("billing:bills", "billing:bills"),
        ("payments:pay", "billing:bills"),
        ("payments:transfer", "payments:records"),
        ("servicedesk:new", "servicedesk:tickets"),
        ("notices:notices", "community:me"),
        ("portal:home", None),
    ],
)
def test_a_residents_page_belongs_to_one_of_four(
    client: Client, page: str, place: str | None
) -> None:
    party = OccupancyFactory.create().party
    client.force_login(BindingFactory.create(party=party).user)
    links = client.get(reverse(page)).context["places"]
    assert len(links) == 4
    assert [link.url for link in links if link.current] == ([reverse(place)] if place else [])
