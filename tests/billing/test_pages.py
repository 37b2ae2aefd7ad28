"""Bills and bill runs on the screen: content by data, queries bounded."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from billing.models import Bill, BillRun, Charge, CreditEntry
from billing.services.accounts.posting import allocate, post_credit
from community.models import Community, Occupancy, Role, User
from tests.billing.small import issue, preview, small_community
from tests.factories.billing import ChargeFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def page(client: Client, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def pay(bill: Bill, amount: Decimal | None = None) -> int:
    """Settles a bill, or `amount` yuan of it; returns the id of the credit entry."""
    with transaction.atomic():
        entry = post_credit(
            account=bill.account,
            kind=CreditEntry.Kind.PAYMENT,
            amount=bill.amount if amount is None else amount,
            value_date=bill.due_on,
        )
        allocate(credit_entry=entry, bill_ids=[bill.pk])
    return entry.pk


class TestResident:
    @pytest.fixture
    def home(self) -> Occupancy:
        return OccupancyFactory.create()

    @pytest.fixture
    def visitor(self, client: Client, home: Occupancy) -> Client:
        client.force_login(BindingFactory.create(party=home.party).user)
        return client

    def test_open_bills_come_first_with_what_is_owed(
        self, visitor: Client, home: Occupancy
    ) -> None:
        first = make_bill("100.00", unit=home.unit, party=home.party)
        second = make_bill("50.50", account=first.account, quarter=2)
        paid = make_bill("70.00", account=first.account, quarter=3)
        pay(paid)
        strange = make_bill("7.77")
        shown = page(visitor, "billing:bills")
        assert 'data-owed="150.50"' in shown
        places = [shown.index(reverse("billing:bill", args=[bill.pk])) for bill in (first, second)]
        assert places == sorted(places)
        assert places[-1] < shown.index(reverse("billing:bill", args=[paid.pk]))
        assert reverse("billing:bill", args=[strange.pk]) not in shown

    def test_arrears_beside_the_bills_are_told(self, visitor: Client, home: Occupancy) -> None:
        bill = make_bill("100.00", unit=home.unit, party=home.party)
        ChargeFactory.create(account=bill.account, kind=Charge.Kind.OPENING, amount="33.00")
        shown = page(visitor, "billing:bills")
        assert 'data-owed="133.00"' in shown
        assert "¥33.00" in shown

    def test_nothing_owed_and_no_unit_have_a_page_too(
        self, visitor: Client, home: Occupancy
    ) -> None:
        page(visitor, "billing:bills")
        bill = make_bill("1.00", unit=home.unit, party=home.party)
        assert "data-owed" in page(visitor, "billing:bills")
        pay(bill)
        shown = page(visitor, "billing:bills")
        assert "data-owed" not in shown
        assert reverse("billing:bill", args=[bill.pk]) in shown
        visitor.force_login(UserFactory.create())
        assert "data-owed" not in page(visitor, "billing:bills")

    def test_a_bill_explains_its_lines_and_leads_on(self, client: Client) -> None:
        community = small_community(units=1)
        issue(community)
        bill = Bill.objects.get()
        client.force_login(BindingFactory.create(party=bill.account.party).user)
        shown = page(client, "billing:bill", bill.pk)
        assert shown.count("data-equation") == 2
        assert "100 m² × 2.35" in shown
        assert f"{reverse('servicedesk:new')}?bill={bill.pk}&amp;kind=inquiry" in shown
        assert f"{reverse('payments:pay')}?bill={bill.pk}" in shown
        assert 'data-open="729.00"' in shown

        entry = pay(bill, Decimal("9.00"))
        shown = page(client, "billing:bill", bill.pk)
        assert 'data-open="720.00"' in shown
        assert f'data-credit="{entry}"' in shown

    def test_a_paid_bill_asks_for_nothing(self, visitor: Client, home: Occupancy) -> None:
        bill = make_bill("10.00", unit=home.unit, party=home.party)
        pay(bill)
        shown = page(visitor, "billing:bill", bill.pk)
        assert 'data-open="0.00"' in shown
        assert f"{reverse('payments:pay')}?bill=" not in shown

    def test_a_new_owner_does_not_see_the_old_ones_bills(
        self, visitor: Client, home: Occupancy
    ) -> None:
        old = make_bill("10.00", unit=home.unit)
        assert visitor.get(reverse("billing:bill", args=[old.pk])).status_code == 404
        assert reverse("billing:bill", args=[old.pk]) not in page(visitor, "billing:bills")

    def test_queries_do_not_grow_with_the_bills(
        self, visitor: Client, home: Occupancy, django_assert_max_num_queries: Any
    ) -> None:
        account = make_bill("1.00", unit=home.unit, party=home.party, year=2020).account
        for year in range(2021, 2026):
            for quarter in (1, 2, 3, 4):
                bill = make_bill("1.00", "2.00", account=account, year=year, quarter=quarter)
                if quarter == 1:
                    pay(bill)
        with django_assert_max_num_queries(9):
            page(visitor, "billing:bills")
        with django_assert_max_num_queries(13):
            page(visitor, "billing:bill", bill.pk)


class TestStaff:
    @pytest.fixture
    def community(self) -> Community:
        return small_community(units=3)

    @pytest.fixture
    def manager(self, community: Community) -> User:
        return MembershipFactory.create(community=community, role=Role.MANAGER).user

    @pytest.fixture
    def visitor(self, client: Client, manager: User) -> Client:
        client.force_login(manager)
        return client

    def test_the_desk_sees_the_same_lines_and_the_way_to_the_unit(
        self, visitor: Client, community: Community
    ) -> None:
        issue(community)
        bill = Bill.objects.first()
        assert bill
        shown = page(visitor, "billing:desk_bill", community.code, bill.pk)
        assert shown.count("data-equation") == 2
        assert reverse("portal:unit", args=[community.code, bill.account.unit_id]) in shown
        assert bill.account.party.name not in shown, "names are masked on screens"

    def test_staff_are_led_from_the_residents_page_to_theirs(
        self, visitor: Client, community: Community
    ) -> None:
        issue(community)
        bill = Bill.objects.first()
        assert bill
        answer = visitor.get(reverse("billing:bill", args=[bill.pk]))
        assert answer["Location"] == reverse("billing:desk_bill", args=[community.code, bill.pk])

    def test_runs_tell_what_they_came_to(
        self, visitor: Client, community: Community, manager: User
    ) -> None:
        page(visitor, "billing:runs", community.code)
        preview(community)
        run = BillRun.objects.get()
        assert 'data-state="previewed"' in page(visitor, "billing:run", community.code, run.pk)
        issue(community, by=manager)
        for shown in (
            page(visitor, "billing:runs", community.code),
            page(visitor, "billing:run", community.code, run.pk),
        ):
            assert 'data-state="issued"' in shown
            assert "¥2,187.00" in shown
            assert manager.name in shown

    def test_a_run_lists_exceptions_and_bills_in_a_bounded_number_of_queries(
        self, visitor: Client, community: Community, django_assert_max_num_queries: Any
    ) -> None:
        issue(community)
        run = BillRun.objects.get()
        item = Charge.objects.first().fee_item
        for unit in community.units.all():
            run.exceptions.create(unit=unit, fee_item=item, reason="no_reading")
        with django_assert_max_num_queries(16):
            shown = page(visitor, "billing:run", community.code, run.pk)
        assert shown.count("data-exception") == 3
        for bill in Bill.objects.all():
            assert reverse("billing:desk_bill", args=[community.code, bill.pk]) in shown
        assert page(visitor, "billing:run", community.code, run.pk, page="99")
        assert page(visitor, "billing:run", community.code, run.pk, page="x")
