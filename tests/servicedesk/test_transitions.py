"""The state machine: every (from, to) pair, and every function pressed twice."""

from collections.abc import Callable

import pytest

from community.models import Community, User
from servicedesk.models import Ticket, TicketEvent, TicketKind, TicketMessage
from servicedesk.services import tickets
from servicedesk.services.locking import TicketError
from tests.factories.community import MembershipFactory
from tests.factories.servicedesk import TicketFactory

pytestmark = pytest.mark.django_db
State = Ticket.State

EDGES: dict[str, tuple[Callable[..., Ticket], dict[str, str], set[State], State]] = {
    "start": (tickets.start, {}, {State.NEW}, State.IN_PROGRESS),
    "resolve": (
        tickets.resolve,
        {"body": "已修好", "finding": "our_fault"},
        {State.NEW, State.IN_PROGRESS},
        State.RESOLVED,
    ),
    "reopen": (tickets.reopen, {"body": "又坏了"}, {State.RESOLVED}, State.IN_PROGRESS),
    "close": (tickets.close, {}, {State.RESOLVED}, State.CLOSED),
}


@pytest.fixture
def clerk() -> User:
    return MembershipFactory.create().user


def workplace(user: User) -> Community:
    return user.memberships.get().community


def test_the_functions_are_the_edges_of_the_state_machine() -> None:
    walked = {(source, to) for _f, _k, sources, to in EDGES.values() for source in sources}
    declared = {(source, to) for source, targets in Ticket.TRANSITIONS.items() for to in targets}
    assert walked == declared


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("name", EDGES)
def test_each_function_from_each_state(name: str, before: State, clerk: User) -> None:
    function, arguments, sources, to = EDGES[name]
    ticket = TicketFactory.create(state=before, community=workplace(clerk))

    if before in sources:
        function(ticket=ticket, by=clerk, **arguments)
        function(ticket=ticket, by=clerk, **arguments)  # the second press
        assert ticket.events.count() == 1
    elif before == to:
        function(ticket=ticket, by=clerk, **arguments)
        assert not ticket.events.exists()
        assert not ticket.messages.exists()
    else:
        with pytest.raises(TicketError):
            function(ticket=ticket, by=clerk, **arguments)

    ticket.refresh_from_db()
    assert ticket.state == (to if before in sources | {to} else before)
    said = 1 if before in sources and "body" in arguments else 0
    assert TicketMessage.objects.filter(ticket=ticket).count() == said


def test_a_complaint_is_not_resolved_without_a_finding(clerk: User) -> None:
    ticket = TicketFactory.create(kind=TicketKind.COMPLAINT)
    with pytest.raises(TicketError):
        tickets.resolve(ticket=ticket, by=clerk, body="说明了")
    question = TicketFactory.create(kind=TicketKind.INQUIRY)
    assert tickets.resolve(ticket=question, by=clerk, body="说明了").state == State.RESOLVED


def test_taking_up_gives_the_ticket_to_whoever_has_none(clerk: User) -> None:
    assert tickets.start(ticket=TicketFactory.create(), by=clerk).assignee == clerk
    colleague = MembershipFactory.create(community=workplace(clerk)).user
    theirs = TicketFactory.create(assignee=colleague)
    assert tickets.start(ticket=theirs, by=clerk).assignee == colleague


def test_assigning_asks_for_a_colleague_of_the_community(clerk: User) -> None:
    ticket = TicketFactory.create(community=workplace(clerk))
    with pytest.raises(TicketError):
        tickets.assign(ticket=ticket, by=clerk, assignee=MembershipFactory.create().user)
    left = MembershipFactory.create(community=ticket.community, is_active=False).user
    with pytest.raises(TicketError):
        tickets.assign(ticket=ticket, by=clerk, assignee=left)

    for _press in range(2):
        assert tickets.assign(ticket=ticket, by=clerk, assignee=clerk).assignee == clerk
    steps = ticket.events.filter(kind=TicketEvent.Kind.ASSIGNED)
    assert steps.get().assignee == clerk
    assert tickets.assign(ticket=ticket, by=clerk, assignee=None).assignee is None


def test_reopening_starts_the_resolution_clock_again_and_keeps_the_answer(clerk: User) -> None:
    ticket = TicketFactory.create(state=State.RESOLVED, resolution_hours=10)
    answered_at = ticket.first_responded_at
    due_before = ticket.resolution_due_at
    again = tickets.reopen(ticket=ticket, by=clerk, body="又坏了")
    assert again.first_responded_at == answered_at
    assert again.resolution_due_at > due_before - (due_before - ticket.created_at)
    assert again.resolved_at is None
    assert again.messages.get().from_staff
