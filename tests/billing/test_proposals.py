"""A new fee standard in public: nobody learns of it late, nobody is asked in vain."""

import uuid
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from billing.models import BillingSettings, ProposalComment, TariffProposal
from billing.services.standards import proposals
from billing.services.standards.proposals import ProposalRefused
from billing.services.standards.tariff_terms import TariffRefused
from billing.services.standards.tariff_versions import create_first_version
from billing.signals import proposal_published
from community.models import Community, Unit, User, today
from tests.billing.proposing import adopt, in_days, withdraw
from tests.billing.small import small_community
from tests.billing.test_tariff_versions import somebody, terms
from tests.factories.community import BindingFactory, OccupancyFactory
from tests.factories.proposals import make_proposal

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
