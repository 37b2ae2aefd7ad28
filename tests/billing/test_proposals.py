"""A new fee standard in public: nobody learns of it late, nobody is asked in vain."""

import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from billing.models import BillingSettings, ProposalComment, Tariff, TariffProposal
from billing.services.standards import proposals
from billing.services.standards.proposals import ProposalRefused
from billing.services.standards.tariff_terms import TariffRefused
from billing.services.standards.tariff_versions import create_first_version
from billing.signals import proposal_published
from community.models import Community, Unit, User, today
from tests.billing.small import Q1, issue, small_community
from tests.billing.test_tariff_versions import somebody, terms
from tests.factories.community import BindingFactory, OccupancyFactory
from tests.factories.proposals import make_proposal
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = TariffProposal.State


@pytest.fixture
def community() -> Community:
    return small_community(units=3)


def draft(community: Community, **other: Any) -> TariffProposal:
    return proposals.save_draft(
        community=community,
        terms=terms(**({"item": "物业服务费", "starts_on": in_days(90)} | other)),
        title="调整",
        explanation="成本上涨",
        by=somebody(),
        form_token=uuid.uuid4(),
    )


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


def adopt(proposal: TariffProposal) -> TariffProposal:
    return proposals.adopt(proposal=proposal, by=somebody(), reasons="业主大会通过")


def withdraw(proposal: TariffProposal, seen: str | None = None) -> TariffProposal:
    return proposals.withdraw(
        proposal=proposal, by=somebody(), reasons="异议较多", seen=seen or proposal.state
    )


STEPS: dict[str, Callable[[TariffProposal], TariffProposal]] = {
    State.OPEN: lambda proposal: proposals.publish(proposal=proposal),
    State.ADOPTED: adopt,
    State.WITHDRAWN: withdraw,
}


def in_state(community: Community, state: str) -> TariffProposal:
    if state == State.ADOPTED:
        return adopt(make_proposal(community, commented=True))
    return make_proposal(community, state, commented=True)


@pytest.mark.parametrize(("was", "to"), list(product(State, STEPS)))
def test_every_pair(community: Community, was: str, to: str) -> None:
    """Allowed ways lead there, the state itself stays quietly, all others are refused."""
    proposal = in_state(community, was)
    before = TariffProposal.objects.values().get()
    if to in TariffProposal.TRANSITIONS[State(was)]:
        assert STEPS[to](proposal).state == to
        return
    if was == to:
        STEPS[to](proposal)
    else:
        with pytest.raises(ProposalRefused):
            STEPS[to](proposal)
    assert TariffProposal.objects.values().get() == before


def test_nothing_leads_back_to_a_draft() -> None:
    assert all(State.DRAFT not in ways for ways in TariffProposal.TRANSITIONS.values())


class TestDraft:
    def test_the_same_form_writes_one(self, community: Community) -> None:
        token = uuid.uuid4()
        for _press in range(2):
            proposals.save_draft(
                community=community,
                terms=terms(),
                title="a",
                explanation="b",
                by=somebody(),
                form_token=token,
            )
        assert TariffProposal.objects.count() == 1

    def test_published_it_is_not_edited_any_more(self, community: Community) -> None:
        proposal = proposals.publish(proposal=draft(community))
        with pytest.raises(ProposalRefused):
            proposals.save_draft(
                community=community,
                terms=terms(),
                title="a",
                explanation="b",
                by=somebody(),
                form_token=uuid.uuid4(),
                proposal=proposal,
            )

    def test_units_of_another_type_are_refused(self, community: Community) -> None:
        with pytest.raises(TariffRefused):
            draft(community, unit_kind="shop", units=tuple(community.units.all()))


class TestPublishing:
    def test_it_is_open_for_the_communitys_days_and_told(self, community: Community) -> None:
        BillingSettings.objects.create(community=community, proposal_days=20)
        told: list[TariffProposal] = []

        def listen(proposal: TariffProposal, **_more: Any) -> None:
            told.append(proposal)

        proposal_published.connect(listen)
        try:
            proposal = proposals.publish(proposal=draft(community))
            proposals.publish(proposal=proposal)
        finally:
            proposal_published.disconnect(listen)
        assert proposal.comments_until == in_days(20)
        assert told == [proposal]

    def test_it_takes_effect_after_the_comments(self, community: Community) -> None:
        with pytest.raises(ProposalRefused):
            proposals.publish(proposal=draft(community, starts_on=in_days(15)))
        assert proposals.publish(proposal=draft(community, starts_on=in_days(16))).pk

    def test_a_later_version_is_in_its_way(self, community: Community) -> None:
        item = {"item": "新费目"}
        create_first_version(
            community=community,
            terms=terms(**item, starts_on=in_days(200)),
            by=somebody(),
            reason="x",
        )
        with pytest.raises(ProposalRefused):
            proposals.publish(proposal=draft(community, **item))


class TestComments:
    @pytest.fixture
    def home(self, community: Community) -> tuple[User, Unit]:
        unit = community.units.order_by("sort_key")[0]
        party = unit.occupancies.get().party
        return BindingFactory.create(party=party).user, unit

    def say(self, proposal: TariffProposal, by: User, unit: Unit, **more: Any) -> ProposalComment:
        return proposals.comment(
            proposal=proposal,
            by=by,
            unit=unit,
            text="太贵了",
            form_token=more.get("token", uuid.uuid4()),
        )

    def test_until_its_last_day_and_once_a_form(
        self, community: Community, home: tuple[User, Unit]
    ) -> None:
        proposal = make_proposal(community, comments_until=today())
        token = uuid.uuid4()
        first = self.say(proposal, *home, token=token)
        assert self.say(proposal, *home, token=token) == first
        assert self.say(proposal, *home) != first

    @pytest.mark.parametrize("state", State)
    def test_not_after_it_nor_before_it_is_open(
        self, community: Community, home: tuple[User, Unit], state: str
    ) -> None:
        proposal = make_proposal(community, state, commented=True)
        with pytest.raises(ProposalRefused):
            self.say(proposal, *home)

    def test_only_for_a_unit_of_his_in_the_community(
        self, community: Community, home: tuple[User, Unit]
    ) -> None:
        user, _unit = home
        proposal = make_proposal(community)
        elsewhere = OccupancyFactory.create()
        BindingFactory.create(user=user, party=elsewhere.party)
        for unit in (community.units.order_by("sort_key")[1], elsewhere.unit):
            with pytest.raises(ProposalRefused):
                self.say(proposal, user, unit)

    def test_answers_are_public_until_it_is_decided(
        self, community: Community, home: tuple[User, Unit]
    ) -> None:
        proposal = make_proposal(community)
        said = self.say(proposal, *home)
        clerk = somebody()
        answered = proposals.answer(comment=said, by=clerk, text="成本明细见公告")
        again = proposals.answer(comment=said, by=somebody(), text="成本明细见公告")
        assert (again.answered_by, again.answered_at) == (clerk, answered.answered_at)
        withdraw(proposal)
        with pytest.raises(ProposalRefused):
            proposals.answer(comment=said, by=clerk, text="另一答复")


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
