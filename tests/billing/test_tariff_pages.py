"""Pages of fee standards: right, wrong, twice, in few queries."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing.models import FeeItem, Tariff
from community.models import Community, Role
from tests.billing.office import FORM, Office, text_of
from tests.billing.small import issue, small_community
from tests.factories.community import UnitFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return small_community(units=4)


@pytest.fixture
def office(community: Community) -> Office:
    return Office(community, Role.ACCOUNTANT)


class TestFirstVersion:
    def enter(self, office: Office, **other: Any) -> Any:
        return office.post("tariff_new", **(FORM | {"reason": "新增服务"} | other))

    def test_a_new_item(self, office: Office) -> None:
        answer = self.enter(office)
        tariff = Tariff.objects.get(fee_item__name="电梯费")
        assert answer.headers["Location"] == office.url("tariff", tariff.pk)
        assert (tariff.price, tariff.created_by) == (Decimal(20), office.user)
        assert f'data-tariff="{tariff.pk}"' in office.get("tariffs")
        assert self.enter(office).status_code == 422, "twice is refused: it is charged already"

    def test_tiers_and_units_in_any_spelling(self, office: Office) -> None:
        self.enter(
            office, method="tiered", price="15:3;:4", units="1-1-101，1栋1单元102室\n1-1-101"
        )
        tariff = Tariff.objects.get(fee_item__name="电梯费")
        assert (tariff.tiers, tariff.price, tariff.picked) == ("15:3;:4", None, True)
        codes = tariff.units.order_by("unit__sort_key").values_list("unit__code", flat=True)
        assert list(codes) == ["1-1-101", "1-1-102"]

    @pytest.mark.parametrize(
        ("field", "wrong"),
        [
            ("price", {"price": ""}),
            ("price", {"price": "-1"}),
            ("price", {"price": "二十"}),
            ("price", {"method": "tiered", "price": "25:3;15:4;:5"}),
            ("price", {"method": "shared_area", "price": "1"}),
            ("vacancy_factor", {"vacancy_factor": "70"}),
            ("vacancy_factor", {"vacancy_factor": ""}),
            ("starts_on", {"starts_on": "2026-02-30"}),
            ("starts_on", {"starts_on": "0001-01-01"}),
            ("ends_on", {"ends_on": "2026-06-30"}),
            ("units", {"units": "9-9-999 1-1-101"}),
            ("units", {"units": "S-01", "unit_kind": "dwelling"}),
            ("reason", {"reason": ""}),
            ("item", {"item": "费" * 51}),
            ("unit_kind", {"unit_kind": "villa"}),
        ],
    )
    def test_what_is_wrong_is_named_and_nothing_is_written(
        self, office: Office, field: str, wrong: dict[str, str]
    ) -> None:
        building = office.community.buildings.get()
        UnitFactory.create(building=building, entrance="", room="01", code="S-01", kind="shop")
        before = Tariff.objects.count()
        answer = self.enter(office, **wrong)
        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert Tariff.objects.count() == before
        for name in ("item", "units"):
            assert wrong.get(name, FORM[name]) in text_of(answer), "what was typed stays"

    def test_an_unknown_unit_is_named(self, office: Office) -> None:
        answer = self.enter(office, units="9-9-999 1-1-101")
        assert "9-9-999" in str(answer.context["form"].errors["units"])
        assert "1-1-101" not in str(answer.context["form"].errors["units"])

    def test_what_is_charged_already_is_refused_in_words(self, office: Office) -> None:
        answer = self.enter(office, item="物业服务费", method="area", price="3")
        assert answer.status_code == 422
        assert answer.context["form"].non_field_errors()

    def test_units_are_found_by_the_beginning_of_their_code(self, office: Office) -> None:
        shown = office.get("unit_codes", find="1-1-10", unit_kind="dwelling")
        assert shown.count("data-add-line") == 4
        assert "data-add-line" not in office.get("unit_codes", find="1-1-10", unit_kind="shop")
        assert "data-add-line" not in office.get("unit_codes", find="")


class TestVersionPage:
    @pytest.fixture
    def tariff(self, community: Community) -> Tariff:
        return Tariff.objects.get(fee_item__name="物业服务费")

    def test_texts_and_the_end(self, office: Office, tariff: Tariff) -> None:
        office.post(
            "tariff_describe",
            tariff.pk,
            service_standard="一级",
            legal_basis="合同",
            pricing_form="market",
        )
        answer = office.post("tariff_end", tariff.pk, ends_on="2026-12-31", reason="合同到期")
        assert answer.status_code == 302
        tariff.refresh_from_db()
        assert (tariff.ends_on, tariff.ended_by) == (date(2026, 12, 31), office.user)
        shown = office.get("tariff", tariff.pk)
        assert "合同到期" in shown
        assert "一级" in shown

    @pytest.mark.parametrize("wrong", [{"ends_on": "2019-12-31"}, {"ends_on": ""}, {"reason": ""}])
    def test_a_wrong_end_is_named(
        self, office: Office, tariff: Tariff, wrong: dict[str, str]
    ) -> None:
        told = {"ends_on": "2026-12-31", "reason": "合同到期"} | wrong
        assert office.post("tariff_end", tariff.pk, **told).status_code == 422
        tariff.refresh_from_db()
        assert tariff.ends_on is None

    def test_picked_units_may_change_until_they_are_billed(self, office: Office) -> None:
        told = {"units": "1-1-101", "starts_on": "2026-01-01", "reason": "自愿选购"}
        office.post("tariff_new", **(FORM | told))
        tariff = Tariff.objects.get(picked=True)
        office.post("tariff_pick", tariff.pk, units="1-1-102\n1-1-103")
        assert tariff.units.count() == 2
        assert office.post("tariff_pick", tariff.pk, units="9-9-9").status_code == 422
        issue(office.community)
        assert office.post("tariff_pick", tariff.pk, units="1-1-101").status_code == 422
        assert tariff.units.count() == 2

    def test_the_item_moves_on_the_bill(self, office: Office) -> None:
        item = FeeItem.objects.get(name="生活垃圾清运费")
        assert office.post("item", item.pk, position="1", in_arrears="on").status_code == 302
        item.refresh_from_db()
        assert (item.position, item.in_arrears) == (1, True)
        assert office.post("item", item.pk, position="0").status_code == 422


def test_the_list_asks_a_fixed_number_of_queries(
    office: Office, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        office.post("tariff_new", **(FORM | {"item": f"费目{number}", "reason": "新增"}))
    with django_assert_max_num_queries(12):
        office.get("tariffs")
