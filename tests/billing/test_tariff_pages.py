"""Pages of fee standards, proposals and shared costs: right, wrong, twice, in few queries."""

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import FeeItem, ProposalComment, SharedCost, Tariff, TariffProposal
from billing.services.standards import shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Role, Unit, User, today
from tests.billing.small import TARIFFS, issue, small_community, table
from tests.factories.billing import make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    UnitFactory,
)
from tests.factories.proposals import make_proposal

pytestmark = pytest.mark.django_db
LIGHT = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"
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


@pytest.fixture
def community() -> Community:
    return small_community(units=4)


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


@pytest.fixture
def office(community: Community) -> Office:
    return Office(community, Role.ACCOUNTANT)


@pytest.fixture
def manager(community: Community) -> Office:
    return Office(community, Role.MANAGER)


def resident_of(unit: Unit) -> Client:
    client = Client()
    party = Occupancy.objects.get(unit=unit).party
    client.force_login(BindingFactory.create(party=party).user)
    return client


def text_of(answer: Any) -> str:
    return answer.content.decode()


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


class TestProposal:
    def write(self, office: Office, **other: Any) -> TariffProposal:
        start = (today() + timedelta(days=60)).isoformat()
        told = {"title": "电梯费调整", "explanation": "电价上涨", "starts_on": start}
        assert office.post("proposal_new", **(FORM | told | other)).status_code == 302
        return TariffProposal.objects.latest("pk")

    def test_from_the_draft_to_the_version(
        self, office: Office, manager: Office, community: Community
    ) -> None:
        proposal = self.write(office)
        unit = community.units.order_by("sort_key")[0]
        resident = resident_of(unit)
        address = reverse("billing:proposal", args=[proposal.pk])
        assert resident.get(address).status_code == 404, "a draft is nobody's business"
        office.post(
            "proposal_edit",
            proposal.pk,
            **(
                FORM
                | {
                    "title": "电梯费",
                    "explanation": "电价上涨",
                    "starts_on": proposal.starts_on,
                    "price": "25",
                }
            ),
        )
        office.post("proposal_publish", proposal.pk)
        assert "¥" not in office.get("desk_proposal", proposal.pk)
        home = text_of(resident.get(reverse("portal:home")))
        assert address in home
        said = {"unit": unit.pk, "text": "太贵了", "form_token": uuid.uuid4()}
        for _press in range(2):
            assert resident.post(address, said).status_code == 302
        comment = ProposalComment.objects.get()
        assert office.post("proposal_answer", comment.pk, text="").status_code == 422
        assert office.post("proposal_answer", comment.pk, text="成本明细见公告").status_code == 302
        shown = text_of(resident.get(address))
        assert "太贵了" in shown
        assert "成本明细见公告" in shown
        decision = {"do": "adopt", "reasons": "业主大会通过", "seen": "open"}
        assert office.post("proposal_decide", proposal.pk, **decision).status_code == 403
        assert manager.post("proposal_decide", proposal.pk, **decision).status_code == 422
        TariffProposal.objects.update(comments_until=today() - timedelta(days=1))
        assert 'value="adopt"' in manager.get("desk_proposal", proposal.pk)
        for _press in range(2):
            assert manager.post("proposal_decide", proposal.pk, **decision).status_code == 302
        proposal.refresh_from_db()
        assert proposal.tariff is not None
        assert proposal.tariff.price == 25
        assert "业主大会通过" in text_of(resident.get(address))
        assert address not in text_of(resident.get(reverse("portal:home")))

    def test_no_name_and_no_unit_beside_a_comment(self, community: Community) -> None:
        proposal = make_proposal(community)
        first, second = community.units.order_by("sort_key")[:2]
        author = Occupancy.objects.get(unit=first).party
        user = BindingFactory.create(party=author).user
        ProposalComment.objects.create(proposal=proposal, author=user, unit=first, text="太贵了")
        shown = text_of(resident_of(second).get(reverse("billing:proposal", args=[proposal.pk])))
        assert "太贵了" in shown
        assert first.code not in shown
        assert author.name not in shown

    def test_strangers_see_nothing(self, community: Community) -> None:
        proposal = make_proposal(community)
        stranger = resident_of(
            Unit.objects.get(code="1-1-101", community=small_community(code="x"))
        )
        assert stranger.get(reverse("billing:proposal", args=[proposal.pk])).status_code == 404
        assert proposal.title not in text_of(stranger.get(reverse("billing:proposals")))

    def test_a_decision_about_what_is_no_more_is_refused(
        self, manager: Office, community: Community
    ) -> None:
        proposal = make_proposal(community, commented=True)
        manager.post("proposal_decide", proposal.pk, do="adopt", reasons="通过", seen="open")
        late = manager.post("proposal_decide", proposal.pk, do="withdraw", reasons="x", seen="open")
        assert late.status_code == 422
        proposal.refresh_from_db()
        assert proposal.state == "adopted"

    def test_a_bill_leads_to_open_ones(self, community: Community) -> None:
        unit = community.units.order_by("sort_key")[0]
        bill = make_bill(unit=unit, party=Occupancy.objects.get(unit=unit).party)
        proposal = make_proposal(community)
        shown = text_of(resident_of(unit).get(reverse("billing:bill", args=[bill.pk])))
        assert reverse("billing:proposal", args=[proposal.pk]) in shown

    def test_many_comments_ask_no_more_queries(
        self, office: Office, community: Community, django_assert_max_num_queries: Any
    ) -> None:
        proposal = make_proposal(community)
        for unit in community.units.all():
            ProposalComment.objects.create(
                proposal=proposal, author=office.user, unit=unit, text=unit.code
            )
        with django_assert_max_num_queries(14):
            office.get("desk_proposal", proposal.pk)


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
