"""A proposal that is adopted becomes a version; until that takes effect it can be taken back."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing.models import Tariff, TariffProposal
from billing.services.standards import proposals
from billing.services.standards.proposals import ProposalRefused
from billing.services.standards.tariff_versions import create_first_version
from community.models import Community, today
from tests.billing.proposing import adopt, in_days, withdraw
from tests.billing.small import Q1, issue, small_community
from tests.billing.test_tariff_versions import somebody, terms
from tests.factories.proposals import make_proposal
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = TariffProposal.State


@pytest.fixture
def community() -> Community:
    return small_community(units=3)


class TestAdopting:
    def test_it_becomes_a_version_and_the_old_one_ends_the_day_before(
        self, community: Community
    ) -> None:
        proposal = make_proposal(
            community,
            commented=True,
            legal_basis="合同",
            pricing_form="market",
            service_standard="一级",
        )
        tariff = adopt(proposal).tariff
        assert tariff is not None
        assert (tariff.price, tariff.starts_on, tariff.ends_on) == (
            Decimal("2.80"),
            proposal.starts_on,
            None,
        )
        assert (tariff.legal_basis, tariff.pricing_form, tariff.service_standard) == (
            "合同",
            "market",
            "一级",
        )
        old = Tariff.objects.get(fee_item__name="物业服务费", starts_on=date(2020, 1, 1))
        assert old.ends_on == proposal.starts_on - timedelta(days=1)
        assert Tariff.objects.get(fee_item__name="生活垃圾清运费").ends_on is None

    def test_a_building_gets_its_own_and_all_others_keep_theirs(self, community: Community) -> None:
        building = community.buildings.get()
        adopt(make_proposal(community, commented=True, building=building))
        assert Tariff.objects.get(starts_on=date(2020, 1, 1), method="area").ends_on is None

    def test_a_new_item_stands_behind_the_others(self, community: Community) -> None:
        tariff = adopt(make_proposal(community, commented=True, fee_item_name="电梯费")).tariff
        assert tariff is not None
        assert tariff.fee_item.position == 3

    def test_not_before_the_comments_end(self, community: Community) -> None:
        with pytest.raises(ProposalRefused):
            adopt(make_proposal(community, comments_until=today()))

    def test_not_once_its_date_has_come(self, community: Community) -> None:
        proposal = make_proposal(community, commented=True, starts_on=today())
        with pytest.raises(ProposalRefused):
            adopt(proposal)

    def test_not_without_reasons(self, community: Community) -> None:
        with pytest.raises(ProposalRefused):
            proposals.adopt(
                proposal=make_proposal(community, commented=True), by=somebody(), reasons=" "
            )

    def test_picked_units_leave_none_of_theirs_behind(self, community: Community) -> None:
        units = list(community.units.order_by("sort_key"))
        before = create_first_version(
            community=community,
            terms=terms(item="保洁", units=tuple(units[:2])),
            by=somebody(),
            reason="x",
        )
        proposal = make_proposal(community, commented=True, fee_item_name="保洁")
        proposal.units.set(units[:1])
        with pytest.raises(ProposalRefused):
            adopt(proposal)
        proposal.units.set(units)
        tariff = adopt(proposal).tariff
        assert tariff is not None
        assert tariff.picked
        assert tariff.units.count() == 3
        before.refresh_from_db()
        assert before.ends_on == proposal.starts_on - timedelta(days=1)


class TestTakingBack:
    def test_the_old_version_goes_on_as_if_nothing_had_been(self, community: Community) -> None:
        before = list(Tariff.objects.order_by("pk").values())
        proposal = adopt(make_proposal(community, commented=True))
        assert withdraw(proposal).tariff is None
        assert list(Tariff.objects.order_by("pk").values()) == before

    def test_a_last_day_given_meanwhile_stays(self, community: Community) -> None:
        proposal = adopt(make_proposal(community, commented=True))
        old = Tariff.objects.get(pk=next(iter(proposal.superseded)))
        Tariff.objects.filter(pk=old.pk).update(ends_on=in_days(30))
        withdraw(proposal)
        old.refresh_from_db()
        assert old.ends_on == in_days(30)

    def test_not_once_it_has_taken_effect(
        self, community: Community, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proposal = adopt(make_proposal(community, commented=True))
        monkeypatch.setattr(proposals, "today", lambda: proposal.starts_on)
        with pytest.raises(ProposalRefused):
            withdraw(proposal)

    def test_not_once_bills_were_issued_by_it(self, community: Community) -> None:
        first = in_days(400).replace(day=1)
        proposal = adopt(make_proposal(community, commented=True, starts_on=first))
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        issue(community, **(Q1 | {"starts_on": first, "ends_on": last, "due_on": last}))
        with pytest.raises(ProposalRefused):
            withdraw(proposal)
        assert Tariff.objects.filter(proposal=proposal).exists()

    def test_the_last_of_two_goes_first(self, community: Community) -> None:
        first = adopt(make_proposal(community, commented=True))
        second = adopt(make_proposal(community, commented=True, starts_on=in_days(200)))
        with pytest.raises(ProposalRefused):
            withdraw(first)
        before = Tariff.objects.get(proposal=first)
        assert before.ends_on == in_days(199)
        withdraw(second)
        withdraw(first)
        assert Tariff.objects.get(method="area").ends_on is None


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_adopt_at_once(self) -> None:
        proposal = make_proposal(small_community(), commented=True)
        done = together(*[lambda: adopt(proposal)] * 2)
        assert errors_in(done) == []
        assert Tariff.objects.filter(fee_item__name="物业服务费").count() == 2

    def test_one_adopts_and_one_withdraws(self) -> None:
        """Whoever comes second is told: he decided about something that is no more."""
        proposal = make_proposal(small_community(), commented=True)
        done = together(
            lambda: adopt(proposal),
            lambda: withdraw(proposal, seen=State.OPEN),
        )
        (refused,) = errors_in(done)
        assert isinstance(refused, ProposalRefused)
        proposal.refresh_from_db()
        adopted = proposal.state == State.ADOPTED
        assert Tariff.objects.filter(price=Decimal("2.80")).exists() == adopted

    def test_two_rival_proposals_for_one_day(self) -> None:
        community = small_community()
        rivals = [make_proposal(community, commented=True) for _each in range(2)]
        done = together(*[lambda rival=rival: adopt(rival) for rival in rivals])
        (refused,) = errors_in(done)
        assert isinstance(refused, ProposalRefused)
        assert Tariff.objects.filter(price=Decimal("2.80")).count() == 1
