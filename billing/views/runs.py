"""The bill runs of a community: what comes next, what a run came to, what is odd about it."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing.forms.runs import ReasonForm, StartRunForm
from billing.models import Bill, BillingPeriod, BillingSettings, BillRun, RunException
from billing.services.runs import late_facts, periods
from billing.views.mending import mend_urls
from community.access import SignedInRequest, staff
from community.models import Community, Role, today

PAGE = 50
PERIODS = 24
SOON = timedelta(days=14)
RUNS_DUE = 4  # runs with corrections due, the latest
UNITS_DUE = 8  # of each
EXCEPTIONS = 20  # as many as somebody will read; the run tells how many there are


@staff(Role.ACCOUNTANT)
@require_safe
def runs(request: SignedInRequest, community: Community) -> HttpResponse:
    """The periods, newest first, each with its runs and what is to be done next."""
    return runs_page(request, community)


def runs_page(
    request: SignedInRequest, community: Community, *, refused: StartRunForm | None = None
) -> HttpResponse:
    """The page of the periods; with what was `refused` of the form as it was filled in."""
    found = (
        BillingPeriod.objects.filter(community=community)
        .filter(Q(issue_on__isnull=False) | Q(runs__isnull=False))
        .distinct()
        .order_by("-starts_on", "-ends_on")
    )
    page = Paginator(found, PERIODS).get_page(request.GET.get("page"))
    how = BillingSettings.of(community)
    next_span = periods.spans_after_issued(community, until=today(), and_one_more=True)[0]
    due = {each.run.pk: each.units for each in late_facts.due_by_run(community)}
    return render(
        request,
        "billing/runs.html",
        {
            "community": community,
            "page_obj": page,
            "rows": _rows(list(page), how, due),
            "how": how,
            "form": refused or StartRunForm.for_span(next_span, how),
            "is_manager": request.membership.role == Role.MANAGER,
        },
        status=422 if refused else 200,
    )


@dataclass(frozen=True)
class Row:
    """A period and its runs; `run` is the one that stands, None if there is none yet."""

    period: BillingPeriod
    run: BillRun | None
    others: list[BillRun]
    planned_due: date
    is_late: bool
    due: int  # units with corrections due

    @property
    def button(self) -> str:
        """How the button of the next step looks: what can wait is no invitation."""
        soon = self.period.issue_on is None or self.period.issue_on <= today() + SOON
        return "btn-sm btn-primary" if soon else "btn-sm btn-secondary"


def _rows(shown: list[BillingPeriod], how: BillingSettings, due: dict[int, int]) -> list[Row]:
    of_period: dict[int, list[BillRun]] = {}
    found = (
        BillRun.objects.filter(period__in=shown)
        .select_related("issued_by", "corrects__period")
        .annotate(
            exception_count=Count("exceptions"),
            open_count=Count("exceptions", filter=Q(exceptions__accepted_at__isnull=True)),
        )
        .order_by("-id")
    )
    for run in found:
        of_period.setdefault(run.period_id, []).append(run)
    return [_row(period, of_period.get(period.pk, []), how, due) for period in shown]


def _row(
    period: BillingPeriod, found: list[BillRun], how: BillingSettings, due: dict[int, int]
) -> Row:
    standing = [
        run
        for run in found
        if run.kind == BillRun.Kind.REGULAR and run.state != BillRun.State.REVERSED
    ]
    run = standing[0] if standing else None
    for each in found:
        each.period = period
    others = [other for other in found if other is not run]
    planned = how.due_on_from_now(period.starts_on)
    return Row(period, run, others, planned, period.is_late, due.get(run.pk, 0) if run else 0)


@staff(Role.ACCOUNTANT)
@require_safe
def run(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One run: what it comes to, against the last; what it could not charge; its bills."""
    found = get_object_or_404(
        BillRun.objects.filter(period__community=community).select_related(
            "period", "corrects__period", *_PEOPLE
        ),
        pk=pk,
    )
    how = BillingSettings.of(community)
    by_reason = list(_counted(found))
    context: dict[str, Any] = {
        "community": community,
        "run": found,
        "how": how,
        "is_manager": request.membership.role == Role.MANAGER,
        "items": _items(found),
        "buildings": _buildings(found),
        "odd": [_amounts(each) for each in found.summary.get("odd", [])],
        "compared": (compared := found.summary.get("compared_with")),
        "before": _yuan(compared["amount"]) if compared else None,
        "taken_back": _yuan(found.summary.get("taken_back", {}).get("amount")),
        "by_reason": by_reason,
        "exception_count": sum(each["count"] for each in by_reason),
        "open_count": sum(each["open"] for each in by_reason),
        "corrections": found.corrections.order_by("-id")[:PERIODS],
        "reason_form": ReasonForm(),
        "due": _due(found, late_facts.due_by_run(community)),
        "due_anew": max(found.due_on, how.due_on_from_now(found.period.starts_on)),
    }
    context |= _exceptions(request, community, found)
    context |= _listed(request, found)
    return render(request, "billing/run.html", context)


_PEOPLE = ("issued_by", "approved_by", "reversal_asked_by", "reversed_by")


def _due(run: BillRun, due: list[late_facts.Due]) -> list[tuple[late_facts.Due, Any]]:
    """The corrections due of this run; of others as well before a period's bills are issued."""
    is_next = run.is_open and run.kind == BillRun.Kind.REGULAR
    told = [each for each in due if is_next or each.run.pk == run.pk]
    return [(each, late_facts.units_of(each.run, UNITS_DUE)) for each in told[:RUNS_DUE]]


def _counted(run: BillRun) -> list[dict[str, Any]]:
    """How many exceptions there are of each reason, and how many wait for somebody."""
    counted = (
        run.exceptions.values("reason")
        .annotate(count=Count("id"), open=Count("id", filter=Q(accepted_at__isnull=True)))
        .order_by("reason")
    )
    return [{**each, "label": RunException.Reason(each["reason"]).label} for each in counted]


def _exceptions(request: SignedInRequest, community: Community, run: BillRun) -> dict[str, Any]:
    """The exceptions asked for: of a reason, waiting or all; each with the way to mend it."""
    reason = request.GET.get("reason", "")
    waiting = request.GET.get("show") == "waiting"
    found = run.exceptions.select_related("unit", "building", "fee_item", "accepted_by")
    if reason in RunException.Reason.values:
        found = found.filter(reason=reason)
    else:
        reason = ""
    if waiting:
        found = found.filter(accepted_at__isnull=True)
    # What belongs to no unit, such as a forgotten cost, concerns all of them: first.
    of_all = F("unit__sort_key").asc(nulls_first=True)
    ordered = found.order_by(of_all, "fee_item__position", "id")
    page = Paginator(ordered, EXCEPTIONS).get_page(request.GET.get("exceptions"))
    urls = mend_urls(community, list(page))
    for each in page:
        each.mend_url = urls[each.pk]  # type: ignore[attr-defined]
    return {"exceptions": page, "reason": reason, "waiting": waiting}


def _listed(request: SignedInRequest, run: BillRun) -> dict[str, Any]:
    """The bills of an issued run; the changes of a correction."""
    wanted = request.GET.get("page")
    listed: dict[str, Any] = {"page_obj": _page_of_bills(run, wanted)}
    if run.kind != BillRun.Kind.REGULAR:
        changes = run.changes.select_related("unit", "party").order_by("unit__sort_key", "id")
        asked = request.GET.get("changes")
        listed["changes"] = Paginator(changes, PAGE).get_page(asked)
    return listed


def _page_of_bills(run: BillRun, wanted: str | None) -> Page[Any]:
    """A page of bills in the order of the units; only what it shows is summed up."""
    ordered = Bill.objects.filter(run=run).order_by("account__unit__sort_key", "id")
    page: Page[Any] = Paginator(ordered.values_list("pk", flat=True), PAGE).get_page(wanted)
    shown = list(page.object_list)
    bills = Bill.objects.with_open().with_reversed()
    found = bills.select_related("account__unit", "account__party").in_bulk(shown)
    page.object_list = [found[pk] for pk in shown]
    return page


def _yuan(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _amounts(each: dict[str, Any]) -> dict[str, Any]:
    """An entry of a summary with its amounts as numbers, and the change."""
    told = {
        **each,
        "amount": Decimal(each["amount"]),
        "before": _yuan(each.get("before")),
        "usual": _yuan(each.get("usual")),
    }
    was = told["before"] if told["usual"] is None else told["usual"]
    told["change"] = None if was is None else told["amount"] - was
    told["percent"] = int(told["change"] * 100 / was) if was else None
    return told


def _items(run: BillRun) -> list[dict[str, Any]]:
    return [_amounts(each) for each in run.summary.get("items", [])]


def _buildings(run: BillRun) -> list[dict[str, Any]]:
    """The sum of each building, against that of the run it is compared with."""
    compared = run.summary.get("compared_with")
    earlier: dict[str, str] = {}
    if compared:
        other = BillRun.objects.filter(pk=compared["run"]).first()
        sums = other.summary.get("buildings", []) if other else []
        earlier = {each["building"]: each["amount"] for each in sums}
    return [
        _amounts({**each, "before": earlier.get(each["building"])})
        for each in run.summary.get("buildings", [])
    ]
