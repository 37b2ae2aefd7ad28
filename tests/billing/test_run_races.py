"""Issue, reversal, correction and payment at the same moment, on real connections."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from billing.models import Account, Bill, BillRun, Charge, CreditEntry
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs import reversal, run_jobs
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Job, Unit
from community.services.jobs import run_job
from core import books
from tests.factories.community import UserFactory
from tests.races import errors_in, together

from .small import Q1, issue, preview, small_community

pytestmark = pytest.mark.django_db(transaction=True)


def pay(bill: Bill) -> None:
    with transaction.atomic():
        entry = post_credit(
            account=bill.account,
            kind=CreditEntry.Kind.OPENING,
            amount=bill.amount,
            value_date=bill.due_on,
        )
        allocate(credit_entry=entry, bill_ids=[bill.pk])


def test_two_issue_jobs_bill_once():
    community = small_community(units=3)
    run = preview(community).run
    users = UserFactory.create(), UserFactory.create()
    jobs = [
        Job.objects.create(
            community=community,
            kind=run_jobs.ISSUE,
            key=str(n),
            params={"run": run.pk},
            created_by=by,
        )
        for n, by in enumerate(users)
    ]
    outcomes = together(*(lambda job=job: run_job(job_id=job.pk) for job in jobs))
    assert outcomes == [True, True]
    assert {job.state for job in Job.objects.all()} == {Job.State.DONE}
    assert Bill.objects.count() == 3
    assert books.verify().breaks == []


def test_a_run_reversed_twice_is_taken_back_once():
    run = issue(small_community(units=3)).run
    taken = together(*(lambda: reverse_run(run=run, by=None, reason="wrong") for _ in range(2)))
    assert sorted(taken) == [0, 6]
    assert CreditEntry.objects.filter(kind="reversal").count() == 6
    assert books.verify().breaks == []


def test_issue_and_reversal_at_the_same_moment_leave_one_run_or_none():
    community = small_community(units=3)
    run = issue(community).run
    outcomes = together(
        lambda: reverse_run(run=run, by=None, reason="wrong"), lambda: issue(community).added
    )
    assert not errors_in(outcomes)
    standing = Charge.objects.standing().count()
    assert outcomes[1] in (0, 3), "before the reversal there is nothing to add, after it the whole"
    assert standing == (6 if outcomes[1] else 0)
    assert books.verify().breaks == []


def test_a_payment_that_comes_while_its_bill_is_taken_back_becomes_credit():
    run = issue(small_community(units=2)).run
    bill = Bill.objects.first()
    outcomes = together(lambda: pay(bill), lambda: reverse_run(run=run, by=None, reason="wrong"))
    assert not errors_in(outcomes)
    account = Account.objects.with_balance().get(pk=bill.account_id)
    assert (account.owed, account.credit) == (0, bill.amount)
    assert books.verify().breaks == []


def test_without_the_lock_a_payment_slips_in_and_only_the_trigger_stops_it(monkeypatch):
    """Between undoing what settled a line and settling it whole nobody may settle it."""
    run = issue(small_community(units=1)).run
    bill = Bill.objects.get()
    monkeypatch.setattr(reversal, "lock_accounts", lambda ids: None)

    def pay_in_between(charges, run, value_date):
        arguments = {"charges": charges, "run": run.pk, "value_date": value_date}
        with connection.cursor() as cursor:
            cursor.execute(reversal._UNDO, arguments)
            assert not errors_in(together(lambda: pay(bill)))
            cursor.execute(reversal._TAKE_BACK, arguments)

    monkeypatch.setattr(reversal, "_take_back", pay_in_between)
    with pytest.raises(IntegrityError):
        reverse_run(run=run, by=None, reason="wrong")


def test_two_corrections_at_once_correct_once():
    run = issue(small_community(units=2)).run
    Unit.objects.update(area=Decimal("55.55"))
    correction = preview_correction(run=run)
    done = together(*(lambda: issue_previewed(run=correction, by=None).added for _ in range(2)))
    assert sorted(done) == [0, 2]
    assert Charge.objects.standing().count() == 4
    assert books.verify().breaks == []


def test_a_final_bill_and_the_periods_run_at_once_bill_each_day_once():
    community = small_community(units=2)
    unit = Unit.objects.order_by("id").first()
    day = Q1["starts_on"].replace(month=2, day=10)
    outcomes = together(
        lambda: bill_unit_until(unit=unit, day=day, by=None), lambda: issue(community).added
    )
    assert not errors_in(outcomes)
    days = Charge.objects.standing().filter(account__unit=unit).values_list("starts_on", "ends_on")
    ends = {end.month for _start, end in days}
    assert len(days) == 2
    assert ends in ({2}, {3}), "up to the day, or the whole period as the facts still say"
    assert BillRun.objects.filter(state="issued").count() in (1, 2)
    assert books.verify().breaks == []
