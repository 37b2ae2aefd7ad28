"""Where a run may go from each state, who has to agree, and what stays accepted."""

from collections.abc import Callable
from io import StringIO
from itertools import product
from json import loads
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from billing.models import Bill, BillingSettings, BillRun, RunException
from billing.services.runs import periods, reversal, run_approval
from billing.services.runs.bill_run import issue_run, preview_run
from billing.services.runs.run_states import RunRefused, move, open_exceptions
from community.models import Community, Unit, User
from tests.factories.community import UserFactory

from .small import Q1, issue, preview, small_community

pytestmark = pytest.mark.django_db

State = BillRun.State


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_run_goes_only_where_the_table_says(before: State, after: State) -> None:
    run = BillRun(state=before)
    if after in BillRun.TRANSITIONS[before]:
        move(run, after)
        assert run.state == after
        return
    with pytest.raises(RunRefused):
        move(run, after)
    assert run.state == before


def run_in(state: State) -> tuple[BillRun, User]:
    """The run of a small community in a state, and who asked for it to be issued."""
    community = small_community(units=1)
    asker = UserFactory.create()
    if state in (State.ISSUED, State.CLOSED, State.REVERSED):
        run = issue(community).run
    else:
        run = preview(community).run
    if state == State.CLOSED:
        periods.close_run(run=run)
    elif state == State.REVERSED:
        reversal.reverse_run(run=run, by=asker, reason="wrong")
    elif state == State.AWAITING:
        run_approval.ask_to_issue(run=run, by=asker)
    elif state == State.DRAFT:
        BillRun.objects.filter(pk=run.pk).update(state=state)
    return BillRun.objects.get(pk=run.pk), asker


Do = Callable[[BillRun, User], object]
ACTIONS: dict[str, tuple[Do, dict[State, State]]] = {
    "preview": (
        lambda run, by: preview_run(community=run.period.community, **Q1),
        dict.fromkeys((State.DRAFT, State.PREVIEWED, State.AWAITING), State.PREVIEWED)
        | {State.ISSUED: State.ISSUED, State.CLOSED: State.CLOSED, State.REVERSED: State.REVERSED},
    ),
    "issue by command": (
        lambda run, by: issue_run(community=run.period.community, **Q1),
        dict.fromkeys((State.DRAFT, State.PREVIEWED, State.AWAITING, State.ISSUED), State.ISSUED)
        | {State.CLOSED: State.CLOSED, State.REVERSED: State.REVERSED},
    ),
    "issue from the page": (
        lambda run, by: run_approval.issue_previewed(run=run, by=by),
        dict.fromkeys((State.PREVIEWED, State.AWAITING, State.ISSUED), State.ISSUED)
        | {State.CLOSED: State.CLOSED, State.REVERSED: State.REVERSED},
    ),
    "ask": (
        lambda run, by: run_approval.ask_to_issue(run=run, by=by),
        dict.fromkeys((State.PREVIEWED, State.AWAITING), State.AWAITING)
        | {s: s for s in (State.ISSUED, State.CLOSED, State.REVERSED)},
    ),
    "send back": (
        lambda run, by: run_approval.send_back(run=run, by=by, reason="?"),
        {State.AWAITING: State.PREVIEWED},
    ),
    "close": (
        lambda run, by: periods.close_run(run=run),
        {State.ISSUED: State.CLOSED, State.CLOSED: State.CLOSED},
    ),
    "reverse": (
        lambda run, by: reversal.reverse_run(run=run, by=by, reason="wrong"),
        {State.ISSUED: State.REVERSED, State.REVERSED: State.REVERSED},
    ),
}


@pytest.mark.parametrize(("action", "state"), list(product(ACTIONS, State)))
def test_what_each_act_does_in_each_state(action: str, state: State) -> None:
    run, _asker = run_in(state)
    do, goes = ACTIONS[action]
    bills = Bill.objects.count()
    if state in goes:
        do(run, UserFactory.create())
    else:
        with pytest.raises(RunRefused), transaction.atomic():
            do(run, UserFactory.create())
    run.refresh_from_db()
    assert run.state == goes.get(state, state)
    reissued = action == "issue by command" and state == State.REVERSED
    newly = run.state == State.ISSUED and state not in (State.ISSUED, State.CLOSED)
    assert Bill.objects.count() == bills + (newly or reissued)


class TestApproval:
    @pytest.fixture
    def community(self) -> Community:
        community = small_community(units=1)
        BillingSettings.objects.create(community=community, needs_approval=True)
        return community

    def test_one_asks_and_another_approves(self, community: Community) -> None:
        asker, other = UserFactory.create(), UserFactory.create()
        run = preview(community).run
        with pytest.raises(RunRefused):
            run_approval.issue_previewed(run=run, by=asker)
        run_approval.ask_to_issue(run=run, by=asker)
        with pytest.raises(RunRefused):
            run_approval.issue_previewed(run=run, by=asker)
        done = run_approval.issue_previewed(run=run, by=other)
        assert (done.run.state, done.run.issued_by, done.run.approved_by) == (
            State.ISSUED,
            asker,
            other,
        )

    def test_the_database_refuses_the_same_one(self, community: Community) -> None:
        asker = UserFactory.create()
        run = preview(community).run
        with pytest.raises(IntegrityError, match="run_approved_by_another"), transaction.atomic():
            BillRun.objects.filter(pk=run.pk).update(issued_by=asker, approved_by=asker)
        with pytest.raises(IntegrityError, match="run_reversed_by_another"), transaction.atomic():
            BillRun.objects.filter(pk=run.pk).update(reversal_asked_by=asker, reversed_by=asker)

    def test_the_command_leaves_the_run_waiting_and_says_so(self, community: Community) -> None:
        out = StringIO()
        words = ["--community", "small", "--from", "2026-01", "--to", "2026-03"]
        words += ["--due", "2026-02-15", "--json"]
        for _time in range(2):
            out.truncate(0)
            call_command("run_billing", *words, stdout=out)
            answer = loads(out.getvalue().strip("\0"))
            assert (answer["status"], answer["state"], answer["added"]) == (
                "awaiting",
                "awaiting",
                0,
            )
        run_approval.issue_previewed(run=BillRun.objects.get(), by=UserFactory.create())
        out.truncate(0)
        call_command("run_billing", *words, stdout=out)
        assert loads(out.getvalue().strip("\0"))["status"] == "done"

    def test_the_command_says_what_it_would_issue_and_names_reasons_in_words(
        self, community: Community
    ) -> None:
        words = ["--community", "small", "--from", "2026-01", "--to", "2026-03"]
        words += ["--due", "2026-02-15", "--preview"]
        out = StringIO()
        with translation.override("en"):
            call_command("run_billing", *words, stdout=out)
        first, *exceptions = out.getvalue().splitlines()
        run = BillRun.objects.get()
        assert first.startswith(f"Preview: {run.summary['bills']} bills to issue")
        codes = {exception.reason for exception in run.exceptions.all()}
        assert not any(code in line for line in exceptions for code in codes)
        assert len(exceptions) == run.exceptions.count()

    def test_a_run_is_sent_back_with_words(self, community: Community) -> None:
        asker, other = UserFactory.create(), UserFactory.create()
        run = preview(community).run
        run_approval.ask_to_issue(run=run, by=asker)
        with pytest.raises(RunRefused):
            run_approval.send_back(run=run, by=other, reason=" ")
        back = run_approval.send_back(run=run, by=other, reason="1-1-101 is too high")
        assert back.state == State.PREVIEWED
        assert "1-1-101" in back.reason
        assert back.issued_by is None

    def test_one_asks_for_a_reversal_and_another_does_it(self, community: Community) -> None:
        asker, other = UserFactory.create(), UserFactory.create()
        run = preview(community).run
        run_approval.ask_to_issue(run=run, by=asker)
        run = run_approval.issue_previewed(run=run, by=other).run
        with pytest.raises(RunRefused):
            reversal.reverse_run(run=run, by=other, reason="wrong")
        reversal.ask_to_reverse(run=run, by=asker, reason="price of last year")
        with pytest.raises(RunRefused):
            periods.close_run(run=run)
        with pytest.raises(RunRefused):
            reversal.reverse_run(run=run, by=asker)
        reversal.keep_after_all(run=run)
        run.refresh_from_db()
        assert (run.reversal_asked_by, run.reason) == (None, "")
        reversal.ask_to_reverse(run=run, by=asker, reason="price of last year")
        assert reversal.reverse_run(run=run, by=other) == 2
        run.refresh_from_db()
        assert (run.state, run.reversed_by, run.reason) == (
            State.REVERSED,
            other,
            "price of last year",
        )


class TestExceptions:
    @pytest.fixture
    def run(self) -> BillRun:
        community = small_community(units=3)
        Unit.objects.filter(room__in=["101", "102"]).update(area=0)
        return preview(community).run

    def accept(self, run: BillRun, **which: Any) -> int:
        return run_approval.accept_exceptions(run=run, by=UserFactory.create(), **which)

    def test_issuing_from_the_page_needs_each_accepted_or_gone(self, run: BillRun) -> None:
        first, second = run.exceptions.order_by("unit__sort_key")
        assert self.accept(run, exceptions=[first.id], note="no flat yet") == 1
        with pytest.raises(RunRefused):
            run_approval.issue_previewed(run=run, by=None)
        assert second.unit
        Unit.objects.filter(pk=second.unit.pk).update(area=50)
        run = preview(run.period.community).run
        assert run_approval.issue_previewed(run=run, by=None).added == 3

    def test_what_was_accepted_stays_accepted(self, run: BillRun) -> None:
        self.accept(run, reason="cannot_compute", note="ok")
        again = preview(run.period.community).run
        assert open_exceptions(again) == 0
        assert {each.note for each in again.exceptions.all()} == {"ok"}
        Unit.objects.filter(room="103").update(area=0)
        assert open_exceptions(preview(run.period.community).run) == 1

    def test_accepting_all_of_a_reason_leaves_others(self, run: BillRun) -> None:
        run.exceptions.create(reason=RunException.Reason.NO_TARIFF)
        assert self.accept(run, reason="cannot_compute") == 2
        assert self.accept(run, reason="cannot_compute") == 0
        assert open_exceptions(run) == 1

    def test_nothing_is_accepted_once_the_bills_are_out(self, run: BillRun) -> None:
        issue(run.period.community)
        with pytest.raises(RunRefused):
            self.accept(run, reason="cannot_compute")
        with pytest.raises(ValueError, match="reason"):
            self.accept(run)

    def test_facts_that_changed_since_the_preview_stop_the_issue(self, run: BillRun) -> None:
        self.accept(run, reason="cannot_compute")
        Unit.objects.filter(room="103").update(area=90)
        with pytest.raises(RunRefused, match=r"preview|预览"):
            run_approval.issue_previewed(run=run, by=None)
        assert not Bill.objects.exists()
        Unit.objects.filter(room="103").update(area=0)
        with pytest.raises(RunRefused):
            run_approval.issue_previewed(run=run, by=None)


def test_a_period_that_is_closed_has_its_time() -> None:
    run, _by = run_in(State.CLOSED)
    assert run.period.closed_at
    assert run.period.closed_at <= timezone.now()
