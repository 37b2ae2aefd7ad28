"""A fact that is recorded while bills are issued is on them, or noted; on real connections."""

import threading
from datetime import date
from typing import Any

import pytest
from django.db import transaction

from billing.models import BillingPeriod, BillRun, Charge, LateFact, MeterReading
from billing.services.runs import bill_run, recording
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_states import RunRefused
from community.models import Community, Unit
from tests.races import PATIENCE, errors_in, together

from .small import issue
from .test_late_facts import metered, read

pytestmark = pytest.mark.django_db(transaction=True)
LAST = date(2026, 3, 31)


class Moment:
    """The moment at which the bills are written: what is committed now, they do not hold."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written, self.go_on = threading.Event(), threading.Event()
        write_bills = bill_run.write_bills

        def stop(**arguments: Any) -> Any:
            known = write_bills(**arguments)
            self.written.set()
            assert self.go_on.wait(PATIENCE)
            return known

        monkeypatch.setattr(bill_run, "write_bills", stop)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    return Moment(monkeypatch)


@pytest.fixture
def community() -> Community:
    """Two units with water, of which 101 was not read yet."""
    community = metered(in_arrears=False)
    MeterReading.objects.filter(read_on=LAST, meter__unit__room="101").delete()
    return community


def is_billed() -> bool:
    return Charge.objects.filter(account__unit__room="101", fee_item__name="水费").exists()


def is_noted() -> bool:
    return LateFact.objects.due().filter(unit__room="101", kind=LateFact.Kind.READING).exists()


def save_in_between(community: Community, moment: Moment) -> None:
    def save() -> None:
        assert moment.written.wait(PATIENCE)
        read("101", LAST, 10)
        moment.go_on.set()

    assert not errors_in(together(lambda: issue(community), save))


def test_what_is_saved_after_the_run_has_looked_is_noted(
    community: Community, moment: Moment
) -> None:
    save_in_between(community, moment)
    assert not is_billed()
    assert is_noted()


def test_also_where_the_period_is_billed_anew(community: Community, moment: Moment) -> None:
    moment.go_on.set()
    reverse_run(run=issue(community).run, by=None, reason="wrong")
    moment.written.clear()
    moment.go_on.clear()
    save_in_between(community, moment)
    assert not is_billed()
    assert is_noted()


def test_what_is_being_saved_as_the_run_begins_is_billed(
    community: Community, moment: Moment
) -> None:
    """Its trigger saw no run; so the run looks only once it is saved."""
    moment.go_on.set()
    begun = threading.Event()

    def save() -> None:
        with transaction.atomic():
            read("101", LAST, 10)
            begun.set()
            moment.written.wait(1)

    def bill() -> None:
        assert begun.wait(PATIENCE)
        issue(community)

    assert not errors_in(together(bill, save))
    assert is_billed()
    assert not is_noted()


def test_it_does_not_wait_for_ever(community: Community, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PATIENCE", 0.1)
    begun, refused = threading.Event(), threading.Event()

    def save() -> None:
        with transaction.atomic():
            read("101", LAST, 10)
            begun.set()
            assert refused.wait(PATIENCE)

    def bill() -> None:
        assert begun.wait(PATIENCE)
        try:
            issue(community)
        finally:
            refused.set()

    outcomes = together(bill, save)
    assert [type(error) for error in errors_in(outcomes)] == [RunRefused]
    assert not BillRun.objects.exists()


def test_a_run_that_is_refused_leaves_nothing_behind(community: Community) -> None:
    Unit.objects.update(handover_date=None)
    with pytest.raises(RunRefused):
        issue(community)
    assert not BillRun.objects.exists()
    assert not BillingPeriod.objects.exists()
