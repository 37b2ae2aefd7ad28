"""The pages of a proposal, from the draft to the version that comes of it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from billing.models import ProposalComment, TariffProposal
from community.models import Community, Occupancy, Role, Unit, today
from tests.billing.office import FORM, Office, resident_of, text_of
from tests.billing.small import small_community
from tests.factories.billing import make_bill
from tests.factories.community import BindingFactory
from tests.factories.proposals import make_proposal

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return small_community(units=4)


@pytest.fixture
def office(community: Community) -> Office:
    return Office(community, Role.ACCOUNTANT)


@pytest.fixture
def manager(community: Community) -> Office:
    return Office(community, Role.MANAGER)


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


def test_a_proposal_says_what_is_charged_until_then(community: Community, office: Office) -> None:
    building = community.buildings.get()
    everywhere = make_proposal(community)
    one_building = make_proposal(community, building=building)
    new_fee = make_proposal(community, fee_item_name="电梯费")
    resident = resident_of(community.units.order_by("sort_key")[0])
    for proposal, known in ((everywhere, 1), (one_building, 1), (new_fee, 0)):
        for page in (
            text_of(resident.get(reverse("billing:proposal", args=[proposal.pk]))),
            office.get("desk_proposal", proposal.pk),
        ):
            assert page.count("data-before") == known
            assert page.count("2.35") == known
