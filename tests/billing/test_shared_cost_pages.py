"""The pages of shared costs: entered, laid open to the fen, taken back."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from billing.models import FeeItem, SharedCost
from billing.services.standards import shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Role
from tests.billing.office import Office, resident_of, text_of
from tests.billing.small import TARIFFS, issue, small_community, table
from tests.factories.community import OccupancyFactory, UnitFactory

pytestmark = pytest.mark.django_db
LIGHT = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"


@pytest.fixture
def community() -> Community:
    return small_community(units=4)


@pytest.fixture
def office(community: Community) -> Office:
    return Office(community, Role.ACCOUNTANT)


class TestSharedCosts:
    @pytest.fixture(autouse=True)
    def shared(self, community: Community) -> None:
        import_tariffs(source=table(TARIFFS, LIGHT), community=community)

    @pytest.fixture
    def item(self, community: Community) -> FeeItem:
        return FeeItem.objects.get(community=community, name="公共照明分摊")

    def enter(self, office: Office, charged: FeeItem, **other: Any) -> Any:
        told = {
            "item": charged.pk,
            "building": "",
            "starts_on": "2026-01-01",
            "ends_on": "2026-03-31",
            "amount": "1,000.01",
            "note": "电表 0032",
        }
        return office.post("desk_shared_costs", **(told | other))

    def test_entered_and_laid_open_to_the_fen(self, office: Office, item: FeeItem) -> None:
        for _press in range(2):
            assert self.enter(office, item).status_code == 302
        cost = SharedCost.objects.get()
        assert (cost.amount, cost.note, cost.created_by) == (
            Decimal("1000.01"),
            "电表 0032",
            office.user,
        )
        unit = office.community.units.order_by("sort_key")[0]
        owner = Occupancy.objects.get(unit=unit).party
        address = reverse("billing:shared_cost", args=[cost.pk])
        shown = text_of(resident_of(unit).get(address))
        assert re.findall(r'data-unit="([^"]+)"', shown) == [
            "1-1-101",
            "1-1-102",
            "1-1-103",
            "1-1-104",
        ]
        yuan = [Decimal(each) for each in re.findall(r'class="amount">¥([0-9.]+)', shown)]
        assert sum(yuan[:4], Decimal(0)) == Decimal("1000.01")
        assert owner.name not in shown

    def test_the_list_is_what_the_run_bills(self, office: Office, item: FeeItem) -> None:
        self.enter(office, item)
        issue(office.community)
        cost = SharedCost.objects.get()
        shares = shared_costs.shares_of(cost)
        billed = dict(item.charges.values_list("account__unit__code", "amount"))
        assert {unit.code: share.yuan for unit, share in shares.shares} == billed
        assert shared_costs.billed_over(cost) == shares.whole
        bill = office.community.units.order_by("sort_key")[0].accounts.get().bills.get()
        page = text_of(resident_of(bill.account.unit).get(reverse("billing:bill", args=[bill.pk])))
        assert reverse("billing:shared_cost", args=[cost.pk]) in page

    def test_another_amount_for_the_days_is_refused(self, office: Office, item: FeeItem) -> None:
        self.enter(office, item)
        assert self.enter(office, item, amount="2").status_code == 422
        assert SharedCost.objects.get().amount == Decimal("1000.01")

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("amount", {"amount": "-1"}),
            ("amount", {"amount": "1.005"}),
            ("amount", {"amount": ""}),
            ("ends_on", {"ends_on": "2025-12-31"}),
            ("item", {"item": "0"}),
            ("building", {"building": "999999"}),
        ],
    )
    def test_what_is_wrong_is_named(
        self, office: Office, item: FeeItem, field: str, wrong: dict[str, str]
    ) -> None:
        answer = self.enter(office, item, **wrong)
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert not SharedCost.objects.exists()

    def test_a_day_whose_tariff_shares_nothing_is_refused(
        self, office: Office, item: FeeItem
    ) -> None:
        closed = LIGHT.replace("2020-01-01,,", "2020-01-01,2026-03-31,")
        by_area = "公共照明分摊,住宅,,面积,0.1,1,2026-04-01,2026-12-31,整期"
        import_tariffs(source=table(TARIFFS, closed, by_area), community=office.community)
        days = {"starts_on": "2026-04-01", "ends_on": "2026-06-30"}
        answer = self.enter(office, item, **days)
        assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["item"])
        assert not SharedCost.objects.exists()
        # No tariff is in force in 2027 yet: it may come before the cost is billed.
        assert (
            self.enter(office, item, starts_on="2027-01-01", ends_on="2027-03-31").status_code
            == 302
        )
        assert self.enter(office, item).status_code == 302

    def test_a_buildings_own_tariff_says_for_it_alone(self, office: Office, item: FeeItem) -> None:
        own = "公共照明分摊,住宅,1,户,5,1,2026-01-01,,整期"
        unit = UnitFactory.create(community=office.community, building__code="2")
        import_tariffs(source=table(TARIFFS, LIGHT, own), community=office.community)
        of_its_own = office.community.buildings.get(code="1").pk
        assert self.enter(office, item, building=of_its_own).status_code == 422
        assert self.enter(office, item, building=unit.building_id).status_code == 302
        assert self.enter(office, item).status_code == 302

    def test_taken_away_until_it_is_billed(self, office: Office, item: FeeItem) -> None:
        self.enter(office, item)
        cost = SharedCost.objects.get()
        office.post("shared_cost_remove", cost.pk)
        assert not SharedCost.objects.exists()
        self.enter(office, item)
        issue(office.community)
        office.post("shared_cost_remove", SharedCost.objects.get().pk)
        assert SharedCost.objects.exists()

    def test_who_does_not_share_it_does_not_see_it(self, office: Office, item: FeeItem) -> None:
        self.enter(office, item)
        cost = SharedCost.objects.get()
        building = office.community.buildings.get()
        other = UnitFactory.create(building=building, kind="shop", room="S1")
        OccupancyFactory.create(unit=other)
        address = reverse("billing:shared_cost", args=[cost.pk])
        assert resident_of(other).get(address).status_code == 404
