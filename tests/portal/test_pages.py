"""The portal's own pages: who is led where, what they show, how few queries they need."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from community.models import BindingRequest, Role
from payments import providers
from tests.factories.billing import AccountFactory, ChargeFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    BindingRequestFactory,
    CommunityFactory,
    MembershipFactory,
    OccupancyFactory,
    UserFactory,
)
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def works(client: Client) -> Callable[..., Any]:
    def sign_in(role: Role, community: Any = None) -> Any:
        member = MembershipFactory.create(role=role, community=community or CommunityFactory())
        client.force_login(member.user)
        return member.community

    return sign_in


def test_a_visitor_sees_the_communities(client: Client) -> None:
    community = CommunityFactory.create(name="云栖苑甲区")
    assert community.name in client.get("/").content.decode()


def test_a_visitor_reads_by_which_channels_each_community_can_be_paid(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    both, one, none = (CommunityFactory.create(name=name) for name in ("甲区", "乙区", "丙区"))
    kinds = providers.all_providers()
    offers = {both.code: ["wechatpay", "alipay"], one.code: ["alipay"], none.code: []}
    monkeypatch.setattr(
        providers, "available", lambda code: {key: kinds[key] for key in offers[code]}
    )
    wechat, alipay = (str(kinds[key].method.label) for key in ("wechatpay", "alipay"))
    with django_assert_num_queries(1):
        page = client.get("/")
    (only, first), (two, second) = page.context["online"]
    assert (only, first, second) == (alipay, [one.name], [both.name])
    assert wechat in two
    assert alipay in two
    assert two in page.content.decode()
    offers |= {code: [] for code in offers}
    assert wechat not in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("role", "page"),
    [
        (Role.CLERK, "portal:desk"),
        (Role.ACCOUNTANT, "portal:desk"),
        (Role.MANAGER, "portal:manager"),
    ],
)
def test_staff_are_led_to_their_work(
    client: Client, works: Callable[..., Any], role: Role, page: str
) -> None:
    community = works(role)
    response = client.get("/")
    assert response.headers["Location"] == reverse(page, kwargs={"community": community.code})


def test_whoever_works_and_lives_here_sees_his_bills_and_the_way_to_work(
    client: Client, works: Callable[..., Any]
) -> None:
    account = AccountFactory.create()
    make_bill("321.00", account=account)
    works(Role.CLERK, account.community)
    BindingFactory.create(user=account.community.memberships.get().user, party=account.party)
    page = client.get("/").content.decode()
    assert "¥321.00" in page
    assert reverse("portal:desk", args=[account.community.code]) in page


def test_a_resident_sees_what_is_owed_in_one_number(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    account = AccountFactory.create()
    bill = make_bill("1000.00", "234.50", account=account)
    make_bill("100.05", account=account, quarter=2)
    make_payment(bill, amount="34.50")
    make_bill("999.99")  # somebody else's
    client.force_login(BindingFactory.create(party=account.party).user)
    with django_assert_max_num_queries(14):
        page = client.get("/").content.decode()
    assert "¥1,300.05" in page
    assert "999.99" not in page


def test_somebody_without_a_unit_is_asked_for_it_or_told_to_wait(client: Client) -> None:
    user = UserFactory.create()
    client.force_login(user)
    before = client.get("/").content
    asked = BindingRequestFactory.create(user=user, state=BindingRequest.State.PENDING)
    after = client.get("/").content
    assert asked.unit.code.encode() not in before
    assert asked.unit.code.encode() in after


class TestDesk:
    def test_one_hit_leads_to_the_unit(self, client: Client, works: Callable[..., Any]) -> None:
        community = works(Role.CLERK)
        unit = OccupancyFactory.create(community=community).unit
        response = client.get(reverse("portal:desk", args=[community.code]), {"q": unit.code})
        assert response.headers["Location"] == reverse(
            "portal:unit", args=[community.code, unit.pk]
        )

    def test_several_hits_are_listed_and_none_is_said(
        self, client: Client, works: Callable[..., Any]
    ) -> None:
        community = works(Role.CLERK)
        units = [OccupancyFactory.create(community=community).unit for _ in range(2)]
        url = reverse("portal:desk", args=[community.code])
        page = client.get(url, {"q": "3-1"}).content.decode()
        assert all(unit.code in page for unit in units)
        assert client.get(url, {"q": "没有这个人"}).status_code == 200

    def test_the_list_under_the_box_masks_people(
        self, client: Client, works: Callable[..., Any]
    ) -> None:
        community = works(Role.CLERK)
        party = OccupancyFactory.create(community=community).party
        page = client.get(
            reverse("portal:search", args=[community.code]), {"q": party.phone}
        ).content.decode()
        assert party.phone not in page
        assert party.name not in page
        assert party.phone[-4:] in page

    def test_a_unit_shows_each_payer_apart(
        self, client: Client, works: Callable[..., Any], django_assert_max_num_queries: Any
    ) -> None:
        community = works(Role.CLERK)
        occupancy = OccupancyFactory.create(community=community)
        now = AccountFactory.create(unit=occupancy.unit, party=occupancy.party)
        former = AccountFactory.create(unit=occupancy.unit)
        make_payment(make_bill("100.00", account=now), amount="40.00")
        make_bill("77.77", account=former)
        url = reverse("portal:unit", args=[community.code, occupancy.unit.pk])
        with django_assert_max_num_queries(19):
            page = client.get(url).content.decode()
        assert page.index("¥60.00") < page.index("¥77.77")

    def test_the_rows_of_a_unit_explain_what_is_owed(
        self, client: Client, works: Callable[..., Any]
    ) -> None:
        community = works(Role.CLERK)
        account = make_bill("60.00", community=community).account
        for amount in ("1500.25", "0.25"):
            ChargeFactory.create(account=account, kind="opening", amount=amount)
        url = reverse("portal:unit", args=[community.code, account.unit_id])
        page = client.get(url)
        (shown,) = page.context["accounts"]
        rows = [bill.to_pay for bill in shown.open_bills]
        rows += [charge.open_amount for charge in shown.beside_bills]
        assert sum(rows) == shown.owed == Decimal("1560.50")
        assert page.content.decode().count("data-beside") == 2
        assert "¥1,500.25" in page.content.decode()

    def test_first_page_with_work_waiting(
        self, client: Client, works: Callable[..., Any], django_assert_max_num_queries: Any
    ) -> None:
        community = works(Role.CLERK)
        receipt = make_payment(make_bill("12.34", community=community)).receipt
        with django_assert_max_num_queries(12):
            page = client.get(reverse("portal:desk", args=[community.code])).content.decode()
        assert receipt.code in page


def test_manager_sees_today(
    client: Client, works: Callable[..., Any], django_assert_max_num_queries: Any
) -> None:
    community = works(Role.MANAGER)
    make_payment(make_bill("100.00", community=community), amount="25.00")
    with django_assert_max_num_queries(25):
        page = client.get(reverse("portal:manager", args=[community.code])).content.decode()
    assert "¥25.00" in page
    assert "25 %" in page
    assert "¥75.00" in page


class TestAppearance:
    def test_is_remembered_and_leads_back(self, client: Client) -> None:
        response = client.post("/appearance/", {"appearance": "dark", "next": "/?a=1"})
        assert response.headers["Location"] == "/?a=1"
        assert 'data-bs-theme="dark"' in client.get("/").content.decode()
        client.post("/appearance/", {"appearance": "device"})
        assert "data-bs-theme" not in client.get("/").content.decode()

    def test_leads_nowhere_else(self, client: Client) -> None:
        response = client.post("/appearance/", {"next": "https://evil.example/"})
        assert response.headers["Location"] == "/"


def test_an_error_page_needs_no_database(client: Client) -> None:
    from django.template.loader import render_to_string

    assert client.get("/nowhere/").status_code in (302, 404)
    for code in (400, 403, 404, 500):
        assert "<h1>" in render_to_string(f"{code}.html")
