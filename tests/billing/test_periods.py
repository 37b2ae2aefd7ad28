"""Periods come by themselves, staff are told once, and a late run is flagged."""

from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from billing.models import BillingPeriod, BillingSettings, BillRun, Tariff
from billing.services.runs import periods
from billing.services.runs.periods import Span, plan_periods, remind, span_from
from billing.services.runs.run_states import RunRefused
from billing.signals import run_due
from billing.tasks import plan_periods as task
from community.models import Community, Role
from notices.models import Notice
from tests.factories.community import MembershipFactory

from .small import Q1, Q2, issue, preview, small_community

pytestmark = pytest.mark.django_db


def planned(community: Community) -> list[tuple[str, str]]:
    found = BillingPeriod.objects.filter(community=community, issue_on__isnull=False)
    return [(f"{p.starts_on:%y%m}-{p.ends_on:%y%m}", str(p.issue_on)) for p in found]


@pytest.mark.parametrize(
    ("month", "cycle", "last"),
    [
        (1, 1, (1, 31)),
        (2, 3, (3, 31)),
        (4, 3, (6, 30)),
        (3, 6, (6, 30)),
        (7, 6, (12, 31)),
        (5, 12, (12, 31)),
        (12, 1, (12, 31)),
    ],
)
def test_cycles_are_those_of_the_calendar(month: int, cycle: int, last: tuple[int, int]) -> None:
    start = date(2026, month, 1)
    assert span_from(start, cycle) == Span(start, date(2026, *last))


def test_february_of_a_leap_year_is_whole() -> None:
    assert span_from(date(2028, 2, 1), 1).ends_on == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("cycle", "expected"),
    [
        (1, [("2604-2604", "2026-03-22"), ("2605-2605", "2026-04-21")]),
        (3, [("2604-2606", "2026-03-22"), ("2607-2609", "2026-06-21")]),
        (6, [("2604-2606", "2026-03-22"), ("2607-2612", "2026-06-21")]),
        (12, [("2604-2612", "2026-03-22"), ("2701-2712", "2026-12-22")]),
    ],
)
def test_the_next_periods_follow_the_last_issued_one(
    cycle: int, expected: list[tuple[str, str]]
) -> None:
    community = small_community()
    BillingSettings.objects.create(community=community, cycle=cycle)
    issue(community)
    assert plan_periods(on=date(2026, 2, 1)) == 2
    assert planned(community) == expected
    assert plan_periods(on=date(2026, 2, 1)) == 0


def test_where_nothing_was_issued_the_next_period_is_the_first() -> None:
    community = small_community()
    plan_periods(on=date(2026, 2, 1))
    assert planned(community)[0] == ("2604-2606", "2026-03-22")


def test_a_community_that_charges_nothing_has_no_periods() -> None:
    community = small_community()
    Tariff.objects.all().delete()
    assert plan_periods(on=date(2026, 2, 1)) == 0
    assert not planned(community)


def test_what_was_missed_is_planned_too_and_late() -> None:
    community = small_community()
    issue(community)
    plan_periods(on=date(2026, 8, 1))
    assert [name for name, _day in planned(community)][:2] == ["2604-2606", "2607-2609"]
    late = BillingPeriod.objects.late(date(2026, 8, 1))
    assert [p.starts_on.month for p in late] == [4, 7]


def test_another_cycle_replaces_what_nobody_has_looked_at() -> None:
    community = small_community()
    issue(community)
    plan_periods(on=date(2026, 2, 1))
    preview(community, **Q2)
    BillingSettings.objects.create(community=community, cycle=1, issue_days_before=5)
    plan_periods(on=date(2026, 2, 1))
    assert planned(community) == [("2604-2604", "2026-03-27"), ("2605-2605", "2026-04-26")]
    assert BillRun.objects.filter(state="previewed").exists()


class TestReminder:
    def test_staff_are_told_once_when_the_day_comes(self) -> None:
        community = small_community()
        issue(community)
        staff = {
            role: MembershipFactory.create(community=community, role=role).user for role in Role
        }
        plan_periods(on=date(2026, 2, 1))
        assert remind(on=date(2026, 3, 21)) == 0
        assert remind(on=date(2026, 3, 22)) == 1
        assert remind(on=date(2026, 3, 23)) == 0
        told = Notice.objects.filter(kind=Notice.Kind.RUN_DUE)
        assert {notice.user for notice in told} == {staff[Role.ACCOUNTANT], staff[Role.MANAGER]}

    def test_whoever_issued_in_time_is_not_reminded(self) -> None:
        community = small_community()
        issue(community)
        plan_periods(on=date(2026, 2, 1))
        issue(community, **Q2)
        assert remind(on=date(2026, 3, 22)) == 0

    def test_a_receiver_that_fails_leaves_the_period_to_the_next_scan(self) -> None:
        community = small_community()
        issue(community)
        plan_periods(on=date(2026, 2, 1))

        def fail(period: BillingPeriod, **kwargs: Any) -> None:
            raise RuntimeError("down")

        run_due.connect(fail)
        try:
            with pytest.raises(RuntimeError):
                remind(on=date(2026, 3, 22))
        finally:
            run_due.disconnect(fail)
        assert remind(on=date(2026, 3, 22)) == 1

    def test_the_beat_task_plans_and_reminds(self) -> None:
        small_community()
        assert task() == 0
        assert BillingPeriod.objects.count() == 2


def test_a_late_run_is_flagged_on_the_list_and_at_home(client: Any) -> None:
    community = small_community()
    manager = MembershipFactory.create(community=community, role=Role.MANAGER).user
    client.force_login(manager)
    runs, home = (
        reverse(name, args=[community.code]) for name in ("billing:runs", "portal:manager")
    )
    for url, mark in ((runs, "data-late"), (home, "data-late-runs")):
        assert mark not in client.get(url).content.decode()
    period = BillingPeriod.objects.create(
        community=community,
        starts_on=Q1["starts_on"],
        ends_on=Q1["ends_on"],
        issue_on=date(2025, 12, 22),
    )
    for url, mark in ((runs, "data-late"), (home, "data-late-runs")):
        assert mark in client.get(url).content.decode()
    issue(community)
    period.refresh_from_db()
    assert not period.is_late


def test_a_thrown_away_run_takes_its_unplanned_period_along() -> None:
    community = small_community()
    run = preview(community).run
    periods.drop_run(run=run)
    assert not BillingPeriod.objects.exists()
    issued = issue(community).run
    with pytest.raises(RunRefused):
        periods.drop_run(run=issued)
