"""Jobs that correct, issue and reverse a run, and its closing, killed in the middle of their work.

Each is killed after several of its writes, in turn; what a dead worker began is never seen, and the
one who finishes leaves what one uninterrupted job leaves.
"""

import datetime
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import (
    Account,
    Allocation,
    Bill,
    BillRun,
    Charge,
    CreditEntry,
    OfferUse,
    RunChange,
)
from billing.services.runs import reversal, run_jobs
from billing.services.runs.periods import close_run
from community.models import Community, Job, Unit, User, today
from community.services.jobs import MOST_ATTEMPTS, run_job
from core import books
from tests.billing.small import Q1, issue, small_community
from tests.factories.billing import OfferFactory
from tests.factories.community import StaffUserFactory
from tests.payments.test_moving_out import pay
from tests.reliability import processes
from tests.reliability.writes import counted

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.reliability]

KILLED = -9
UNITS = 6
KILLS = MOST_ATTEMPTS - 1  # the last one that a job is given is to live


@transaction.atomic
def billed_community(code: str) -> Community:
    """The first quarter is issued, half of it paid less 5 %; then areas turn out wrong."""
    community = small_community(units=UNITS, code=code)
    run = issue(community).run
    item = community.fee_items.get(name="物业服务费")
    OfferFactory.create(community=community, ends_on=Q1["ends_on"], pay_by=today(), items=[item])
    for account in Account.objects.filter(community=community).order_by("pk")[: UNITS // 2]:
        pay(account, "693.75")
    for room, area in (("101", 80), ("102", 120), ("104", 90)):
        Unit.objects.filter(community=community, room=room).update(area=area)
    assert OfferUse.objects.filter(account__community=community).count() == UNITS // 2
    return Community.objects.get(pk=run.period.community_id)


def outcome(community: Community) -> dict[str, Any]:
    """What a community's books say, told without ids."""
    unit = "account__unit__code"
    of_it = {"account__community": community}
    charges = Charge.objects.filter(**of_it)
    entries = CreditEntry.objects.filter(**of_it)
    used = Allocation.objects.filter(charge__account__community=community)
    runs = BillRun.objects.filter(period__community=community).select_related("period")
    changes = RunChange.objects.filter(run__period__community=community)
    line = ("fee_item__name", "starts_on", "ends_on", "amount")
    return {
        "charges": Counter(charges.values_list(unit, "kind", *line)),
        "standing": Counter(charges.standing().values_list(unit, "kind", *line)),
        "bills": Counter(Bill.objects.filter(**of_it).values_list(unit, "run__kind", "amount")),
        "entries": Counter(entries.values_list(unit, "kind", "amount", "value_date")),
        "used": Counter(
            used.values_list(f"charge__{unit}", "credit_entry__kind", "charge__amount", "amount")
        ),
        "runs": Counter((run.kind, run.state, run.period.closed_at is None) for run in runs),
        "totals": sorted(str(run.summary.get("amount")) for run in runs),
        "changes": Counter(changes.values_list("unit__code", "before", "after", "why")),
        "discounts": sorted(
            (use.account.unit.code, use.standing_amount) for use in OfferUse.objects.filter(**of_it)
        ),
    }


def the_run(community: Community) -> BillRun:
    return BillRun.objects.get(period__community=community, kind=BillRun.Kind.REGULAR)


def correct(community: Community, by: User) -> Job:
    due_on = today() + datetime.timedelta(days=20)
    return run_jobs.start_correction(run=the_run(community), by=by, due_on=due_on)


def issue_correction(community: Community, by: User) -> Job:
    found = BillRun.objects.get(period__community=community, kind=BillRun.Kind.CORRECTION)
    return run_jobs.start_issue(run=found, by=by)


def reverse(community: Community, by: User) -> Job:
    return run_jobs.start_reversal(run=the_run(community), by=by, reason="面积登记错误")


STEPS = {"correct": correct, "issue": issue_correction, "reverse": reverse}


def killed_and_repeated(
    job: Job, points: list[int], community: Community, *, whole: dict[str, Any]
) -> int:
    """Worker after worker dies at its point, the work undone or done, and one ends the job.

    Returns how many died in the middle of the work.
    """
    before, env, undone = outcome(community), processes.environment(), 0
    for point in points:
        code = processes.run_until_it_dies(
            "tests.reliability.doomed", "job", point, job.pk, env=env
        )
        assert code == KILLED, f"nobody died after write {point}"
        left = outcome(community)
        assert left in (before, whole), "a part of the work was left behind"
        undone += left == before
        assert not run_job(job_id=job.pk), "the dead one's lease still runs"
        past = timezone.now() - datetime.timedelta(seconds=1)
        Job.objects.filter(pk=job.pk).update(leased_until=past)
    assert run_job(job_id=job.pk)
    return undone


@pytest.mark.parametrize("step", STEPS)
def test_a_job_killed_again_and_again_equals_one(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reversal, "FIRST_CHUNK", 1)
    monkeypatch.setattr(reversal, "CHUNK", 2)
    by = StaffUserFactory.create()
    twin, community = billed_community("whole"), billed_community("killed")
    for name, start in STEPS.items():
        if name == step:
            break
        for each in (twin, community):
            assert run_job(job_id=start(each, by).pk)
    with counted() as writes:
        assert run_job(job_id=STEPS[step](twin, by).pk)
    # From after the claim, which is the first two, up to about when the job is called done.
    points = [3 + (writes.count - 4) * n // (KILLS - 1) for n in range(KILLS)]
    assert len(set(points)) == KILLS
    job = STEPS[step](community, by)
    undone = killed_and_repeated(job, points, community, whole=outcome(twin))
    assert undone >= KILLS - 1, "hardly anybody died in the middle of the work"
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, MOST_ATTEMPTS)
    assert outcome(community) == outcome(twin)
    assert not books.verify().breaks


def test_a_closing_killed_after_each_write_equals_one() -> None:
    by = StaffUserFactory.create()
    twin, community = billed_community("whole"), billed_community("killed")
    for each in (twin, community):
        for start in (correct, issue_correction):
            assert run_job(job_id=start(each, by).pk)
    with counted() as writes:
        close_run(run=the_run(twin))
    before, env, run = outcome(community), processes.environment(), the_run(community)
    for point in range(1, writes.count + 1):
        code = processes.run_until_it_dies(
            "tests.reliability.doomed", "close", point, run.pk, env=env
        )
        assert code == KILLED
        assert outcome(community) == before
    close_run(run=run)
    assert outcome(community) == outcome(twin) != before
    assert not books.verify().breaks
