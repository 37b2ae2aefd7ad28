"""Binding (绑定): a user claims a unit, and comes to stand for a party of it.

A binding is to a party, never to a unit: whoever is bound sees the accounts of that party alone. A
former owner therefore keeps his own old account and sees nothing of the new owner's.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from community.models import Binding, BindingRequest, Occupancy, Party, Unit, User
from community.signals import binding_decided

State = BindingRequest.State
Method = BindingRequest.Method
MAX_PENDING = 5  # claims that one user may have waiting


class BindingError(Exception):
    """A claim that cannot be made or decided as asked; nothing was changed."""


class TooManyClaims(BindingError):
    """The user has `MAX_PENDING` claims waiting already."""


class AlreadyBound(BindingError):
    """The user stands for somebody of the unit already."""


class AlreadyDecided(BindingError):
    """The request was decided otherwise before, perhaps by a colleague a moment ago."""


class NotOfThisUnit(BindingError):
    """The party never lived in or owned the unit."""


class ReasonMissing(BindingError):
    """A rejection needs a reason: the resident will read it."""


def on_register(*, user: User) -> QuerySet[Occupancy]:
    """Where the register knows the proved phone of `user` today, and he is not bound yet."""
    if not (user.phone and user.phone_verified):
        return Occupancy.objects.none()
    return (
        Occupancy.objects.current()
        .filter(party__phone=user.phone)
        .exclude(party__bindings__user=user)
        .select_related("unit__community", "party")
        .order_by("unit__community", "unit__sort_key", "pk")
    )


@transaction.atomic
def claim_unit(*, user: User, unit: Unit, claimed_name: str) -> BindingRequest:
    """`user` claims `unit`: approved at once if the register has his proved phone there today.

    Otherwise the claim waits for the desk; asked for again meanwhile, it is the same claim.
    Raises AlreadyBound, TooManyClaims.
    """
    # One claim of a user at a time, so that two presses do not both find nothing.
    User.objects.select_for_update().get(pk=user.pk)
    if unit.occupancies.current().filter(party__bindings__user=user).exists():
        raise AlreadyBound
    known = _known_by_phone(user=user, unit=unit, claimed_name=claimed_name)
    waiting = BindingRequest.objects.filter(user=user, state=State.PENDING)
    request = waiting.filter(unit=unit).first()
    if request is None:
        if known is None and waiting.count() >= MAX_PENDING:
            raise TooManyClaims
        request = BindingRequest.objects.create(user=user, unit=unit, claimed_name=claimed_name)
    if known is None:
        return request
    return approve(request=request, party=known, method=Method.PHONE)


@transaction.atomic
def approve(
    *,
    request: BindingRequest,
    party: Party,
    method: BindingRequest.Method = Method.STAFF,
    decided_by: User | None = None,
) -> BindingRequest:
    """PENDING → APPROVED: the user stands for `party` from now on.

    Done already for the same party: returns quietly. Raises AlreadyDecided for any other decision,
    NotOfThisUnit if the party has no business at the unit, now or formerly.
    """
    locked = _lock(request)
    if locked.state == State.APPROVED and locked.party_id == party.pk:
        return locked
    _check_transition(locked, State.APPROVED)
    if not Occupancy.objects.filter(unit=locked.unit_id, party=party).exists():
        raise NotOfThisUnit
    locked.party, locked.method = party, method
    _decide(locked, State.APPROVED, decided_by)
    Binding.objects.get_or_create(user_id=locked.user_id, party=party)
    User.objects.filter(pk=locked.user_id, name="").update(name=party.name)
    binding_decided.send(sender=BindingRequest, binding_request=locked)
    return locked


@transaction.atomic
def reject(*, request: BindingRequest, reason: str, decided_by: User) -> BindingRequest:
    """PENDING → REJECTED, with the reason that the resident reads.

    Done already: returns quietly, with the first reason. Raises AlreadyDecided, ReasonMissing.
    """
    locked = _lock(request)
    if locked.state == State.REJECTED:
        return locked
    _check_transition(locked, State.REJECTED)
    if not reason.strip():
        raise ReasonMissing
    locked.reason = reason.strip()
    _decide(locked, State.REJECTED, decided_by)
    binding_decided.send(sender=BindingRequest, binding_request=locked)
    return locked


def _lock(request: BindingRequest) -> BindingRequest:
    return BindingRequest.objects.select_for_update().get(pk=request.pk)


def _check_transition(request: BindingRequest, state: BindingRequest.State) -> None:
    if state not in BindingRequest.TRANSITIONS[BindingRequest.State(request.state)]:
        raise AlreadyDecided


def _decide(request: BindingRequest, state: BindingRequest.State, decided_by: User | None) -> None:
    request.state = state
    request.decided_by, request.decided_at = decided_by, timezone.now()
    request.save()


def _known_by_phone(*, user: User, unit: Unit, claimed_name: str) -> Party | None:
    """The party of `unit` today with the user's proved phone.

    A couple may share one number: then the one who was named, else the one who pays.
    """
    if not (user.phone and user.phone_verified):
        return None
    found = list(unit.occupancies.current().filter(party__phone=user.phone).select_related("party"))
    found.sort(key=lambda at: (at.party.name != claimed_name, not at.is_payer, at.party_id))
    return found[0].party if found else None
