"""Claims of units: who is bound at once, who waits, what the desk may decide."""

import contextlib
import datetime
import threading
from collections.abc import Iterator

import pytest

from billing.models import Account
from community.models import Binding, BindingRequest, Occupancy, Party, Unit, User, today
from community.services import binding
from community.signals import binding_decided
from tests.factories.community import (
    BindingFactory,
    BindingRequestFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
    UnitFactory,
    UserFactory,
)
from tests.races import errors_in, together

State = BindingRequest.State
PHONE = "13812345678"

pytestmark = pytest.mark.django_db


@pytest.fixture
def decided() -> Iterator[list[BindingRequest]]:
    told: list[BindingRequest] = []

    def note(*, binding_request: BindingRequest, **kwargs: object) -> None:
        told.append(binding_request)

    binding_decided.connect(note)
    yield told
    binding_decided.disconnect(note)


@pytest.fixture
def home() -> Occupancy:
    """The owner since always, with PHONE on the register."""
    occupancy: Occupancy = OccupancyFactory.create(party__phone=PHONE)
    return occupancy


def claim(user: User, unit: Unit, name: str = "王小明") -> BindingRequest:
    return binding.claim_unit(user=user, unit=unit, claimed_name=name)


def transfer(occupancy: Occupancy, phone: str) -> Occupancy:
    """A new owner from today on."""
    occupancy.ends_on = today() - datetime.timedelta(days=1)
    occupancy.save()
    new: Occupancy = OccupancyFactory.create(
        unit=occupancy.unit, party__phone=phone, starts_on=today()
    )
    return new


class TestClaim:
    def test_a_proved_number_on_the_register_binds_at_once(
        self, home: Occupancy, decided: list[BindingRequest]
    ) -> None:
        user = UserFactory.create(phone=PHONE)
        request = claim(user, home.unit, name="随便什么")
        assert (request.state, request.method) == (State.APPROVED, BindingRequest.Method.PHONE)
        assert request.party == home.party
        assert decided == [request]
        assert list(Unit.objects.visible_to(user)) == [home.unit]
        user.refresh_from_db()
        assert user.name == home.party.name

    def test_a_number_that_is_not_proved_waits(self, home: Occupancy) -> None:
        user = UserFactory.create(phone=PHONE, phone_verified=False)
        assert claim(user, home.unit).state == State.PENDING
        assert not binding.on_register(user=user).exists()

    def test_no_number_matches_no_number(self) -> None:
        """A party without a phone is not everybody who has none either."""
        at = OccupancyFactory.create(party__phone="")
        user = UserFactory.create(phone="", phone_verified=True)
        assert claim(user, at.unit).state == State.PENDING

    def test_another_number_waits_for_the_desk(
        self, home: Occupancy, decided: list[BindingRequest]
    ) -> None:
        user = UserFactory.create()
        request = claim(user, home.unit)
        assert (request.state, request.method) == (State.PENDING, BindingRequest.Method.STAFF)
        assert not Binding.objects.exists()
        assert decided == []
        assert not Unit.objects.visible_to(user).exists()

    def test_pressed_twice_it_is_one_request(self, home: Occupancy) -> None:
        user = UserFactory.create()
        assert claim(user, home.unit) == claim(user, home.unit, name="王小")

    def test_who_is_bound_is_told_so(self, home: Occupancy) -> None:
        user = UserFactory.create(phone=PHONE)
        claim(user, home.unit)
        with pytest.raises(binding.AlreadyBound):
            claim(user, home.unit)
        assert BindingRequest.objects.count() == 1

    def test_the_register_is_corrected_while_a_claim_waits(self, home: Occupancy) -> None:
        user = UserFactory.create()
        waiting = claim(user, home.unit)
        Party.objects.update(phone=user.phone)
        assert claim(user, home.unit) == waiting
        waiting.refresh_from_db()
        assert waiting.state == State.APPROVED

    def test_a_couple_with_one_number(self) -> None:
        payer = OccupancyFactory.create(party__phone=PHONE, party__name="王小明")
        wife = OccupancyFactory.create(
            unit=payer.unit,
            party__phone=PHONE,
            party__name="李雷",
            role=Occupancy.Role.FAMILY,
            is_payer=False,
        )
        named = claim(UserFactory.create(phone=PHONE), payer.unit, name="李雷")
        assert named.party == wife.party
        Binding.objects.all().delete()
        BindingRequest.objects.all().delete()
        unnamed = claim(User.objects.get(), payer.unit, name="小李")
        assert unnamed.party == payer.party

    def test_the_same_number_in_another_community_binds_nothing_here(self, home: Occupancy) -> None:
        elsewhere = OccupancyFactory.create()
        user = UserFactory.create(phone=PHONE)
        assert claim(user, elsewhere.unit).state == State.PENDING
        assert [at.unit for at in binding.on_register(user=user)] == [home.unit]

    def test_too_many_claims(self, home: Occupancy) -> None:
        user = UserFactory.create(phone=PHONE)
        for _n in range(binding.MAX_PENDING):
            claim(user, UnitFactory.create())
        with pytest.raises(binding.TooManyClaims):
            claim(user, UnitFactory.create())
        assert claim(user, home.unit).state == State.APPROVED, "what needs no check may come"

    def test_after_a_rejection_one_may_ask_again(self, home: Occupancy) -> None:
        user, clerk = UserFactory.create(), MembershipFactory.create().user
        first = claim(user, home.unit)
        binding.reject(request=first, reason="请带证件", decided_by=clerk)
        assert claim(user, home.unit) != first


class TestFormerOwner:
    def test_the_register_of_yesterday_does_not_bind(self, home: Occupancy) -> None:
        transfer(home, "13900000002")
        user = UserFactory.create(phone=PHONE)
        assert claim(user, home.unit).state == State.PENDING
        assert not binding.on_register(user=user).exists()

    def test_he_gets_his_own_old_account_and_nothing_else(self, home: Occupancy) -> None:
        new = transfer(home, "13900000002")
        old_account = Account.objects.create(
            community=home.unit.community, unit=home.unit, party=home.party
        )
        new_account = Account.objects.create(
            community=home.unit.community, unit=home.unit, party=new.party
        )
        former, owner = UserFactory.create(phone=PHONE), UserFactory.create(phone="13900000002")
        clerk = MembershipFactory.create(community=home.unit.community).user
        binding.approve(request=claim(former, home.unit), party=home.party, decided_by=clerk)
        claim(owner, home.unit)
        assert list(Account.objects.visible_to(former)) == [old_account]
        assert list(Account.objects.visible_to(owner)) == [new_account]
        assert not Unit.objects.visible_to(former).exists()


def in_state(state: State) -> BindingRequest:
    at = OccupancyFactory.create()
    decided = {"party": at.party} if state == State.APPROVED else {}
    request: BindingRequest = BindingRequestFactory.create(
        unit=at.unit, state=state, reason="先前的理由", **decided
    )
    return request


def attempt(request: BindingRequest, target: State) -> str:
    """Tries the transition; what became of it."""
    clerk = UserFactory.create()
    try:
        if target == State.APPROVED:
            party = request.party or request.unit.occupancies.get().party
            binding.approve(request=request, party=party, decided_by=clerk)
        else:
            binding.reject(request=request, reason="新的理由", decided_by=clerk)
    except binding.AlreadyDecided:
        return "refused"
    request.refresh_from_db()
    return "quiet" if request.decided_by is None else "done"


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (State.PENDING, State.APPROVED, "done"),
        (State.PENDING, State.REJECTED, "done"),
        (State.APPROVED, State.APPROVED, "quiet"),
        (State.APPROVED, State.REJECTED, "refused"),
        (State.REJECTED, State.APPROVED, "refused"),
        (State.REJECTED, State.REJECTED, "quiet"),
    ],
)
def test_every_transition(
    before: State, after: State, outcome: str, decided: list[BindingRequest]
) -> None:
    request = in_state(before)
    assert attempt(request, after) == outcome
    request.refresh_from_db()
    assert request.state == (after if outcome == "done" else before)
    assert len(decided) == (outcome == "done"), "told once, and only of what happened"
    if outcome != "done":
        assert request.reason == "先前的理由"


def test_nothing_leads_back_to_waiting() -> None:
    """The third target of every state; no service has it."""
    assert set(BindingRequest.TRANSITIONS) == set(State)
    assert not [to for to in BindingRequest.TRANSITIONS.values() if State.PENDING in to]


def test_approved_for_somebody_is_not_approved_for_another() -> None:
    request = in_state(State.APPROVED)
    other = OccupancyFactory.create(unit=request.unit, is_payer=False).party
    with pytest.raises(binding.AlreadyDecided):
        binding.approve(request=request, party=other)
    assert not Binding.objects.exists()


def test_only_a_party_of_the_unit_can_be_meant() -> None:
    request = in_state(State.PENDING)
    stranger = PartyFactory.create(community=request.unit.community)
    with pytest.raises(binding.NotOfThisUnit):
        binding.approve(request=request, party=stranger)
    assert attempt(request, State.APPROVED) == "done"


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_rejection_needs_a_reason(reason: str) -> None:
    request = in_state(State.PENDING)
    with pytest.raises(binding.ReasonMissing):
        binding.reject(request=request, reason=reason, decided_by=UserFactory.create())


def test_bound_already_it_is_approved_all_the_same() -> None:
    request = in_state(State.PENDING)
    party = request.unit.occupancies.get().party
    BindingFactory.create(user=request.user, party=party)
    binding.approve(request=request, party=party)
    assert Binding.objects.count() == 1


@pytest.fixture
def lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has found that he may decide waits for the other to find it too.

    Without the lock both go on and decide; with it the other cannot come, and the wait runs out.
    """
    both_found_it = threading.Barrier(2)
    check = binding._check_transition

    def check_and_wait(request: BindingRequest, state: State) -> None:
        check(request, state)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_found_it.wait(0.5)

    monkeypatch.setattr(binding, "_check_transition", check_and_wait)


@pytest.mark.django_db(transaction=True)
class TestSideBySide:
    @pytest.mark.usefixtures("lingering")
    def test_two_clerks_approve(self, decided: list[BindingRequest]) -> None:
        request = in_state(State.PENDING)
        party = request.unit.occupancies.get().party
        outcomes = together(*[lambda: binding.approve(request=request, party=party)] * 4)
        assert errors_in(outcomes) == []
        assert Binding.objects.count() == 1
        assert len(decided) == 1, "the resident is told once"

    @pytest.mark.usefixtures("lingering")
    def test_one_approves_while_another_rejects(self, decided: list[BindingRequest]) -> None:
        request, clerk = in_state(State.PENDING), UserFactory.create()
        party = request.unit.occupancies.get().party
        outcomes = together(
            lambda: binding.approve(request=request, party=party),
            lambda: binding.reject(request=request, reason="不符", decided_by=clerk),
        )
        [error] = errors_in(outcomes)
        assert isinstance(error, binding.AlreadyDecided)
        assert len(decided) == 1
        request.refresh_from_db()
        assert Binding.objects.exists() == (request.state == State.APPROVED)

    def test_the_same_claim_from_two_tabs(self, home: Occupancy) -> None:
        user, unit = UserFactory.create(), home.unit
        outcomes = together(*[lambda: claim(user, unit)] * 4)
        assert errors_in(outcomes) == []
        assert BindingRequest.objects.count() == 1

    def test_the_same_home_bound_from_two_tabs(self, home: Occupancy) -> None:
        user, unit = UserFactory.create(phone=PHONE), home.unit
        outcomes = together(*[lambda: claim(user, unit)] * 4)
        assert {type(error) for error in errors_in(outcomes)} == {binding.AlreadyBound}
        assert Binding.objects.count() == BindingRequest.objects.count() == 1
