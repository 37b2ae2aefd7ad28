"""The manager's way through a run on the screen, with bounded queries."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Bill, BillingPeriod, BillingSettings, BillRun
from billing.services.runs import run_jobs
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Community, Job, Role, Unit, User, today
from community.services.jobs import run_job
from tests.factories.community import BindingFactory, MembershipFactory

from .small import Q2, issue, preview, small_community

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return small_community(units=3)


def works(community: Community, role: Role = Role.MANAGER) -> User:
    user: User = MembershipFactory.create(community=community, role=role).user
    return user


@pytest.fixture
def manager(client: Client, community: Community) -> User:
    user = works(community)
    client.force_login(user)
    return user


def get(client: Client, community: Community, name: str, *args: Any, **query: Any) -> str:
    answer = client.get(reverse(f"billing:{name}", args=[community.code, *args]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, community: Community, name: str, *args: Any, **data: Any) -> str:
    """Press a button; the job that it starts is done at once. Returns where it leads."""
    answer = client.post(reverse(f"billing:{name}", args=[community.code, *args]), data)
    assert answer.status_code == 302
    where: str = answer["Location"]
    waiting = Job.objects.live().first()
    if waiting:
        assert where == reverse("community:job", args=[community.code, waiting.pk])
        run_job(job_id=waiting.pk)
    return where


def done() -> Job:
    return Job.objects.latest("pk")


def test_from_a_planned_period_to_closed(
    client: Client, community: Community, manager: User
) -> None:
    asked = {"first": "2026-01", "last": "2026-03", "due_on": "2099-02-15"}
    post(client, community, "preview_run", **asked)
    run = BillRun.objects.get()
    assert done().result_url == reverse("billing:run", args=[community.code, run.pk])
    shown = get(client, community, "run", run.pk)
    assert 'data-next="previewed"' in shown
    assert "data-issue" in shown
    post(client, community, "issue_run", run.pk)
    run.refresh_from_db()
    assert (run.state, run.issued_by) == ("issued", manager)
    post(client, community, "close_run", run.pk)
    run.refresh_from_db()
    assert run.state == "closed"
    assert 'data-state="closed"' in get(client, community, "runs")


def test_exceptions_are_accepted_on_the_page(
    client: Client, community: Community, manager: User
) -> None:
    Unit.objects.filter(room__in=["101", "102"]).update(area=0)
    run = preview(community).run
    shown = get(client, community, "run", run.pk)
    assert "data-issue" not in shown
    assert shown.count("data-exception") == 2
    first, _second = run.exceptions.order_by("unit__sort_key")
    post(client, community, "accept_exceptions", run.pk)
    assert not run.exceptions.filter(accepted_at__isnull=False).exists()
    post(client, community, "accept_exceptions", run.pk, exceptions=[first.pk], note="empty shell")
    first.refresh_from_db()
    assert (first.accepted_by, first.note) == (manager, "empty shell")
    assert get(client, community, "run", run.pk, show="waiting").count("data-exception") == 1
    assert "data-exception" not in get(client, community, "run", run.pk, reason="no_tariff")
    post(client, community, "accept_reason", run.pk, "cannot_compute", count=1, note="empty")
    assert "data-issue" in get(client, community, "run", run.pk)


def test_another_person_approves_or_sends_back(
    client: Client, community: Community, manager: User
) -> None:
    BillingSettings.objects.create(community=community, needs_approval=True)
    run = preview(community, due_on=date(2099, 1, 1)).run
    accountant = works(community, Role.ACCOUNTANT)
    client.force_login(accountant)
    post(client, community, "issue_run", run.pk)
    assert "data-issue" not in get(client, community, "run", run.pk), "not by himself"
    post(client, community, "issue_run", run.pk)
    assert done().state == Job.State.REFUSED
    client.force_login(manager)
    post(client, community, "send_back", run.pk, reason="look at 101")
    assert "look at 101" in get(client, community, "run", run.pk)
    client.force_login(accountant)
    post(client, community, "issue_run", run.pk)
    client.force_login(manager)
    post(client, community, "issue_run", run.pk)
    run.refresh_from_db()
    assert (run.state, run.issued_by, run.approved_by) == ("issued", accountant, manager)


def test_late_facts_are_looked_for_shown_and_issued(
    client: Client, community: Community, manager: User
) -> None:
    run = issue(community).run
    asked = {"units": "1-1-101， 1-1-102", "due_on": "2099-01-01"}
    post(client, community, "corrections", run.pk, **asked)
    assert done().result_url == reverse("billing:corrections", args=[community.code, run.pk])
    Unit.objects.update(area=50)
    post(client, community, "corrections", run.pk, **asked)
    correction = run.corrections.get()
    shown = get(client, community, "run", correction.pk)
    assert shown.count("data-change") == 2
    post(client, community, "preview_again", correction.pk)
    assert run.corrections.get().changes.count() == 2
    post(client, community, "issue_run", correction.pk)
    correction.refresh_from_db()
    assert correction.state == "issued"
    assert f"/{correction.pk}/" in get(client, community, "corrections", run.pk)
    for wrong in ({"units": "9-9-999", "due_on": "2099-01-01"}, {"due_on": "2020-01-01"}):
        url = reverse("billing:corrections", args=[community.code, run.pk])
        assert "error-summary" in client.post(url, wrong).content.decode()


def test_a_wrong_run_is_reversed_with_a_reason(
    client: Client, community: Community, manager: User
) -> None:
    run = issue(community).run
    url = reverse("billing:reverse", args=[community.code, run.pk])
    assert "error-summary" in client.post(url, {"then": "reverse"}).content.decode()
    post(client, community, "reverse", run.pk, then="reverse", reason="last year's price")
    run.refresh_from_db()
    assert (run.state, run.reason) == ("reversed", "last year's price")
    assert "last year" in get(client, community, "run", run.pk)
    get(client, community, "reverse", run.pk)


def test_another_person_reverses_where_two_are_asked_for(
    client: Client, community: Community, manager: User
) -> None:
    run = issue(community).run
    BillingSettings.objects.create(community=community, needs_approval=True)
    post(client, community, "reverse", run.pk, then="reverse", reason="wrong")
    assert reverse("billing:reverse", args=[community.code, run.pk]) in get(
        client, community, "runs"
    )
    post(client, community, "reverse", run.pk, then="decline")
    post(client, community, "reverse", run.pk, then="reverse", reason="wrong indeed")
    client.force_login(works(community))
    post(client, community, "reverse", run.pk, then="reverse")
    run.refresh_from_db()
    assert run.state == "reversed"


def test_an_accountant_reverses_and_where_two_are_asked_for_asks(
    client: Client, community: Community
) -> None:
    first = works(community, Role.ACCOUNTANT)
    client.force_login(first)
    run = issue(community).run
    assert reverse("billing:reverse", args=[community.code, run.pk]) in get(
        client, community, "run", run.pk
    )
    post(client, community, "reverse", run.pk, then="reverse", reason="wrong")
    run.refresh_from_db()
    assert (run.state, run.reversed_by) == ("reversed", first)
    BillingSettings.objects.create(community=community, needs_approval=True)
    run = issue(community).run
    run = issue_previewed(run=run, by=works(community)).run
    for _press in range(2):  # the second press of the same person changes nothing
        post(client, community, "reverse", run.pk, then="reverse", reason="wrong")
    run.refresh_from_db()
    assert (run.state, run.reversal_asked_by) == ("issued", first)
    client.force_login(works(community, Role.ACCOUNTANT))
    post(client, community, "reverse", run.pk, then="reverse")
    run.refresh_from_db()
    assert run.state == "reversed"


def test_a_run_planned_late_leaves_time_to_pay(
    client: Client, community: Community, manager: User
) -> None:
    past = BillingSettings.of(community).due_on(date(2026, 1, 1))
    assert past < today()
    soonest = today() + timedelta(days=15)
    BillingPeriod.objects.create(
        community=community,
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
        issue_on=date(2025, 12, 22),
    )
    shown = get(client, community, "runs")
    assert f'name="due_on" value="{soonest}"' in shown
    assert str(past) not in shown


def test_bills_that_would_be_due_in_the_past_are_not_issued_from_the_page(
    client: Client, community: Community, manager: User
) -> None:
    run = preview(community).run
    post(client, community, "issue_run", run.pk)
    assert "message-error" in get(client, community, "run", run.pk)
    assert not Bill.objects.exists()
    post(client, community, "preview_again", run.pk)
    run.refresh_from_db()
    assert run.due_on == today() + timedelta(days=15)
    post(client, community, "issue_run", run.pk)
    assert Bill.objects.count() == 3
    later = BillRun.objects.filter(pk=preview(community, **Q2).run.pk)
    later.update(due_on=today())
    post(client, community, "issue_run", later.get().pk)
    assert Bill.objects.count() == 6


def test_a_reversed_bill_is_shown_as_such_and_asks_for_nothing(
    client: Client, community: Community, manager: User
) -> None:
    reverse_run(run=issue(community).run, by=None, reason="wrong")
    bill = Bill.objects.first()
    assert bill
    assert "data-reversed" in get(client, community, "desk_bill", bill.pk)
    client.force_login(BindingFactory.create(party=bill.account.party).user)
    shown = client.get(reverse("billing:bill", args=[bill.pk])).content.decode()
    assert "data-reversed" in shown
    assert "<s>" in shown
    assert f"{reverse('payments:pay')}?bill=" not in shown
    listed = client.get(reverse("billing:bills")).content.decode()
    assert "data-owed" not in listed
    assert "<s " in listed


def test_settings_plan_the_periods_at_once(
    client: Client, community: Community, manager: User
) -> None:
    wanted = {"cycle": 1, "issue_days_before": 5, "due_days": 20, "proposal_days": 30}
    post(client, community, "settings", **wanted, needs_approval="on")
    how = BillingSettings.objects.get(community=community)
    assert (how.cycle, how.needs_approval) == (1, True)
    assert BillingPeriod.objects.count() == 2
    url = reverse("billing:settings", args=[community.code])
    assert "error-summary" in client.post(url, wanted | {"due_days": 0}).content.decode()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"first": "2026-13", "due_on": "x"}, "first"),
        ({"first": "2099-04", "last": "2099-03"}, "last"),
        ({"first": "2099-04", "last": "2099-06", "due_on": "2099-03-31"}, "due_on"),
        ({"due_on": "2026-02-15"}, "due_on"),
    ],
)
def test_months_that_are_none_are_refused_on_the_form(
    client: Client, community: Community, manager: User, wrong: dict[str, str], field: str
) -> None:
    url = reverse("billing:preview_run", args=[community.code])
    asked = {"first": "2026-01", "last": "2026-03", "due_on": "2099-12-31"} | wrong
    answer = client.post(url, asked)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert "error-summary" in answer.content.decode()
    assert not Job.objects.exists()


def test_a_month_range_that_is_none_is_refused_by_the_job_too(
    community: Community, manager: User
) -> None:
    days = {"starts_on": date(2026, 4, 1), "ends_on": date(2026, 3, 31)}
    job = run_jobs.start_preview(community=community, by=manager, due_on=date(2026, 5, 1), **days)
    run_job(job_id=job.pk)
    assert done().state == Job.State.REFUSED


def test_pages_take_a_bounded_number_of_queries(
    client: Client, community: Community, manager: User, django_assert_max_num_queries: Any
) -> None:
    run = issue(community).run
    Unit.objects.update(area=0)
    later = preview(community, **Q2).run
    Unit.objects.update(area=70)
    correction = run_jobs.start_correction(run=run, by=manager, due_on=date(2099, 1, 1))
    run_job(job_id=correction.pk)
    for number in range(5):
        BillingPeriod.objects.create(
            community=community,
            starts_on=date(2027 + number, 1, 1),
            ends_on=date(2027 + number, 12, 31),
            issue_on=date(2026 + number, 12, 1),
        )
    with django_assert_max_num_queries(12):
        get(client, community, "runs")
    for each in (run, later, run.corrections.get()):
        with django_assert_max_num_queries(20):
            get(client, community, "run", each.pk)
    with django_assert_max_num_queries(12):
        get(client, community, "corrections", run.pk)
