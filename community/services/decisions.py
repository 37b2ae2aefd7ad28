"""The rules of a request that one person makes and another decides on, whatever it is about."""

from community.models import User
from community.models.two_persons import TwoPersonRequest

State = TwoPersonRequest.State


class DecisionRefused(Exception):
    """What was asked cannot be done; nothing was changed."""


class SamePerson(DecisionRefused):
    """Who asked does not decide."""


class NotOwn(DecisionRefused):
    """Only who asked takes the request back."""


class AlreadyDecided(DecisionRefused):
    """Somebody decided otherwise, perhaps a moment ago; carries the state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"it is {state}")
        self.state = State(state)


class ReasonMissing(DecisionRefused):
    """A request and a rejection need a reason: the other person reads it."""


def check_person(request: TwoPersonRequest, *, by: User, to: str) -> None:
    """Raises SamePerson, NotOwn: the asker takes back and nothing else, others never do."""
    own = request.requested_by_id == by.pk
    if to == State.WITHDRAWN and not own:
        raise NotOwn
    if to != State.WITHDRAWN and own:
        raise SamePerson


def has_to_become(request: TwoPersonRequest, to: str) -> bool:
    """Whether a locked request has still to become `to`; False when that is done already.

    Raises AlreadyDecided when it became something else.
    """
    if request.state == to:
        return False
    if to not in TwoPersonRequest.TRANSITIONS[State(request.state)]:
        raise AlreadyDecided(request.state)
    return True
