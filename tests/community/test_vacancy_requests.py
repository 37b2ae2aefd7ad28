"""Vacancies with proof: every step, two people, no days twice, two at one moment."""

import datetime
import itertools
import uuid
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from community.models import StoredFile, Vacancy, VacancyRequest
from community.services.decisions import AlreadyDecided, NotOwn, ReasonMissing, SamePerson
from community.services.vacancy_requests import (
    Overlaps,
    approve,
    reject,
    request_vacancy,
    withdraw,
)
from tests.factories.community import StaffUserFactory, UnitFactory, UserFactory
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = VacancyRequest.State


@pytest.fixture
def unit():
    return UnitFactory.create()


@pytest.fixture
def resident():
    return UserFactory.create()


def ask(unit, by, first=1, last=31, **changed):
    proof = StoredFile.keep(
        community=unit.community, name="x.png", content_type="image/png", content=b"x", by=by
    )
    wanted = {
        "unit": unit,
        "starts_on": datetime.date(2026, 8, first),
        "ends_on": datetime.date(2026, 8, last),
        "reason": "出国",
        "evidence": proof,
        "by": by,
        "form_token": uuid.uuid4(),
    }
    return request_vacancy(**(wanted | changed))


def test_approved_it_is_on_record(unit, resident):
    done = approve(request=ask(unit, resident), by=StaffUserFactory.create())
    assert done.vacancy == Vacancy.objects.get(unit=unit)
    assert (done.vacancy.starts_on, done.vacancy.ends_on) == (done.starts_on, done.ends_on)


def test_no_day_is_asked_for_or_recorded_twice(unit, resident):
    first = ask(unit, resident, 1, 10)
    with pytest.raises(Overlaps):
        ask(unit, resident, 10, 20)
    Vacancy.objects.create(unit=unit, starts_on=first.ends_on, ends_on=first.ends_on)
    with pytest.raises(Overlaps):
        approve(request=first, by=StaffUserFactory.create())
    first.refresh_from_db()
    assert first.state == State.REQUESTED


def test_two_presses_are_one_request(unit, resident):
    token = uuid.uuid4()
    assert ask(unit, resident, form_token=token) == ask(unit, resident, form_token=token)


def test_who_asked_does_not_decide(unit, resident):
    asked = ask(unit, resident)
    with pytest.raises(SamePerson):
        approve(request=asked, by=resident)
    with pytest.raises(IntegrityError), transaction.atomic():
        VacancyRequest.objects.filter(pk=asked.pk).update(state=State.REJECTED, decided_by=resident)
    with pytest.raises(NotOwn):
        withdraw(request=asked, by=UserFactory.create())
    with pytest.raises(ReasonMissing):
        reject(request=asked, by=StaffUserFactory.create(), words=" ")


STEPS = {
    State.APPROVED: lambda asked, by: approve(request=asked, by=StaffUserFactory.create()),
    State.REJECTED: lambda asked, by: reject(
        request=asked, by=StaffUserFactory.create(), words="不符"
    ),
    State.WITHDRAWN: lambda asked, by: withdraw(request=asked, by=by),
}


@pytest.mark.parametrize(("start", "goal"), [*itertools.product(State, STEPS)])
def test_every_step_from_every_state(unit, resident, start, goal):
    asked = ask(unit, resident)
    if start in STEPS:
        STEPS[start](asked, resident)
    if start == goal or goal in VacancyRequest.TRANSITIONS[start]:
        assert STEPS[goal](asked, resident).state == goal
    else:
        with pytest.raises(AlreadyDecided):
            STEPS[goal](asked, resident)
    assert Vacancy.objects.count() == (VacancyRequest.objects.get().state == State.APPROVED)


@pytest.mark.django_db(transaction=True)
def test_two_approve_at_one_moment(unit, resident):
    asked = ask(unit, resident)
    outcomes = together(
        *(partial(approve, request=asked, by=StaffUserFactory.create()) for _ in range(2))
    )
    assert errors_in(outcomes) == []
    assert Vacancy.objects.count() == 1
