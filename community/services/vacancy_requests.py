"""Vacancies with proof: asked for by a resident or the desk, confirmed by another person.

Each function is one transaction that locks the unit, then the request, looks at its state again,
and returns quietly when the work is done already.
"""

import datetime
import uuid

from django.db import transaction

from community.models import StoredFile, Unit, User, Vacancy, VacancyRequest
from community.services.decisions import (
    DecisionRefused,
    ReasonMissing,
    check_person,
    has_to_become,
)

State = VacancyRequest.State


class Overlaps(DecisionRefused):
    """Some of the days are on record, or asked for, already; carries the span that is."""

    def __init__(self, starts_on: datetime.date, ends_on: datetime.date) -> None:
        super().__init__(f"overlaps {starts_on} – {ends_on}")
        self.starts_on, self.ends_on = starts_on, ends_on


@transaction.atomic
def request_vacancy(
    *,
    unit: Unit,
    starts_on: datetime.date,
    ends_on: datetime.date,
    reason: str,
    evidence: StoredFile,
    by: User,
    form_token: uuid.UUID,
) -> VacancyRequest:
    """Asks that the days, both inclusive, be recorded as vacant.

    The same `form_token` again returns the first request. Raises Overlaps, ValueError for days in
    the wrong order.
    """
    if ends_on < starts_on:
        raise ValueError("the last day lies before the first")
    _lock(unit.pk)
    known = VacancyRequest.objects.filter(form_token=form_token).first()
    if known is not None:
        return known
    days = {"unit": unit, "starts_on__lte": ends_on, "ends_on__gte": starts_on}
    _refuse_overlap(Vacancy.objects.filter(**days).first())
    _refuse_overlap(VacancyRequest.objects.waiting().filter(**days).first())
    return VacancyRequest.objects.create(
        unit=unit,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=reason.strip(),
        evidence=evidence,
        requested_by=by,
        form_token=form_token,
    )


@transaction.atomic
def approve(*, request: VacancyRequest, by: User, words: str = "") -> VacancyRequest:
    """requested → approved: the vacancy is on record from now on.

    Raises SamePerson, AlreadyDecided, Overlaps when the days were recorded meanwhile.
    """
    request, moves = _locked(request, by=by, to=State.APPROVED)
    if moves:
        days = {"starts_on__lte": request.ends_on, "ends_on__gte": request.starts_on}
        _refuse_overlap(Vacancy.objects.filter(unit=request.unit, **days).first())
        request.vacancy = Vacancy.objects.create(
            unit=request.unit, starts_on=request.starts_on, ends_on=request.ends_on
        )
        request.note_decision(State.APPROVED, by=by, words=words)
        request.save()
    return request


@transaction.atomic
def reject(*, request: VacancyRequest, by: User, words: str) -> VacancyRequest:
    """requested → rejected, with words. Raises SamePerson, AlreadyDecided, ReasonMissing."""
    request, moves = _locked(request, by=by, to=State.REJECTED)
    if moves:
        if not words.strip():
            raise ReasonMissing
        request.note_decision(State.REJECTED, by=by, words=words)
        request.save()
    return request


@transaction.atomic
def withdraw(*, request: VacancyRequest, by: User) -> VacancyRequest:
    """requested → withdrawn, by nobody but the one who asked. Raises NotOwn, AlreadyDecided."""
    request, moves = _locked(request, by=by, to=State.WITHDRAWN)
    if moves:
        request.note_decision(State.WITHDRAWN, by=by)
        request.save()
    return request


def _locked(request: VacancyRequest, *, by: User, to: str) -> tuple[VacancyRequest, bool]:
    """The request, locked, and whether it has still to become `to`."""
    check_person(request, by=by, to=to)
    _lock(request.unit_id)
    now = (
        VacancyRequest.objects.select_for_update(of=("self",))
        .select_related("unit")
        .get(pk=request.pk)
    )
    return now, has_to_become(now, to)


def _lock(unit_id: int) -> None:
    Unit.objects.select_for_update(no_key=True).get(pk=unit_id)


def _refuse_overlap(other: Vacancy | VacancyRequest | None) -> None:
    if other is not None:
        raise Overlaps(other.starts_on, other.ends_on)
