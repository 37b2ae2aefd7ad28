"""In which period a correction lands, and which issued runs a final bill looks at."""

from datetime import date

import pytest

from billing.models import BillingPeriod, Charge, MeterReading
from billing.services.runs.corrections import bill_unit_until, open_period
from billing.services.runs.periods import close_run, plan_community
from community.models import Unit

from .small import Q1, Q2, issue, small_community
from .test_late_facts import metered, read

pytestmark = pytest.mark.django_db


def planned(starts_on: date, ends_on: date) -> BillingPeriod:
    return BillingPeriod.objects.get(
        starts_on=starts_on, ends_on=ends_on, issue_on__isnull=False, issued_at=None
    )


def test_it_lands_in_the_issued_period_and_not_in_those_that_are_planned_after_it():
    community = small_community(units=1)
    run, later = issue(community).run, issue(community, **Q2).run
    assert plan_community(community=community) > 0
    assert open_period(close_run(run=run)) == later.period


def test_it_lands_in_the_issued_period_even_if_one_before_that_is_only_planned():
    community = small_community(units=1)
    run = issue(community).run
    plan_community(community=community)
    skipped = planned(Q2["starts_on"], Q2["ends_on"])
    later = issue(
        community,
        starts_on=date(2026, 7, 1),
        ends_on=date(2026, 9, 30),
        due_on=date(2026, 8, 15),
    ).run
    assert open_period(close_run(run=run)) == later.period != skipped


def test_it_lands_in_the_first_planned_period_where_no_other_is_issued():
    community = small_community(units=1)
    run = issue(community).run
    plan_community(community=community)
    assert open_period(close_run(run=run)) == planned(Q2["starts_on"], Q2["ends_on"])


def test_a_final_bill_on_a_periods_last_day_takes_in_what_was_read_then():
    """The reading of the last day is the leaver's, though the period's bills are out."""
    community = metered(in_arrears=False)
    last = Q1["ends_on"]
    MeterReading.objects.filter(read_on=last).delete()
    run = issue(community).run
    unit = Unit.objects.get(room="101")
    water = Charge.objects.filter(account__unit=unit, fee_item__name="水费")
    assert not water.exists()
    read("101", last, 10)
    (final,) = bill_unit_until(unit=unit, day=last, by=None)
    assert final.corrects == run
    assert [(line.quantity, line.amount) for line in water] == [(10, 30)]
    assert bill_unit_until(unit=unit, day=last, by=None) == []
