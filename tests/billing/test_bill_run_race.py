"""Two runs of one period at the same moment, on real connections."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection

from billing.models import Bill, BillRun, Charge
from billing.models.run import BillRunQuerySet
from billing.services.runs import bill_run
from community.models import Community

from .small import issue, preview, small_community

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def community(monkeypatch) -> Community:
    """A previewed community; two runs that write its bills meet just before they do."""
    community = small_community(units=3)
    preview(community)
    meeting = threading.Barrier(2, timeout=1)
    write_bills = bill_run.write_bills

    def write_together(**arguments: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            meeting.wait()
        return write_bills(**arguments)

    monkeypatch.setattr(bill_run, "write_bills", write_together)
    return community


def issue_twice_at_once(community: Community) -> list[Any]:
    """What each of two callers gets: how many bills it added, or its error."""
    answers: list[Any] = []

    def call() -> None:
        try:
            answers.append(issue(community).added)
        except IntegrityError as error:
            answers.append(error)
        finally:
            connection.close()

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    return answers


def test_without_the_locks_both_write_and_only_the_constraint_stops_one(community, monkeypatch):
    monkeypatch.setattr(bill_run, "lock", lambda community: None)
    monkeypatch.setattr(BillRunQuerySet, "select_for_update", lambda self, **kwargs: self)
    answers = issue_twice_at_once(community)
    assert 3 in answers
    (refused,) = (answer for answer in answers if answer != 3)
    assert isinstance(refused, IntegrityError)


def test_two_runs_at_once_bill_once(community):
    assert sorted(issue_twice_at_once(community)) == [0, 3]
    assert Bill.objects.count() == 3
    assert Charge.objects.count() == 6
    assert BillRun.objects.get().state == BillRun.State.ISSUED
