"""What staff do with a bill run: start, accept, ask, approve, correct, close, reverse."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.contrib import messages as flash
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from billing.forms.runs import AcceptForm, CorrectForm, ReasonForm, SettingsForm, StartRunForm
from billing.models import BillingSettings, BillRun
from billing.services.runs import corrections, late_facts, periods, reversal, run_approval, run_jobs
from billing.services.runs.run_states import RunRefused
from billing.views.runs import runs_page
from community.access import SignedInRequest, staff
from community.models import Community, Job, Role, today

DUE_SHOWN = 100  # units with corrections due

Act = Callable[[], object]


def _found(community: Community, pk: int) -> BillRun:
    return get_object_or_404(
        BillRun.objects.filter(period__community=community).select_related(
            "period__community", "corrects__period"
        ),
        pk=pk,
    )


def _to_run(run: BillRun) -> HttpResponse:
    return redirect("billing:run", run.period.community.code, run.pk)


def _to_job(community: Community, job: Job) -> HttpResponse:
    return redirect("community:job", community.code, job.pk)


def _tried(request: SignedInRequest, act: Act, done: str = "") -> bool:
    """Does something and says so, or says why it cannot be."""
    try:
        act()
    except RunRefused as refusal:
        flash.error(request, str(refusal))
        return False
    if done:
        flash.success(request, done)
    return True


@staff(Role.ACCOUNTANT)
@require_POST
def preview(request: SignedInRequest, community: Community) -> HttpResponse:
    """Preview the months that were asked for, as a job."""
    form = StartRunForm(request.POST)
    if not form.is_valid():
        return runs_page(request, community, refused=form)
    asked = form.cleaned_data
    job = run_jobs.start_preview(
        community=community,
        by=request.user,
        starts_on=asked["first"],
        ends_on=asked["last"],
        due_on=asked["due_on"],
    )
    return _to_job(community, job)


@staff(Role.ACCOUNTANT)
@require_POST
def preview_again(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Preview a run by the facts of now, as a job."""
    run = _found(community, pk)
    if run.corrects:
        units = run.summary.get("asked")
        due_on = max(run.due_on, today())
        job = run_jobs.start_correction(
            run=run.corrects, by=request.user, due_on=due_on, unit_ids=units
        )
    else:
        period = run.period
        job = run_jobs.start_preview(
            community=community,
            by=request.user,
            starts_on=period.starts_on,
            ends_on=period.ends_on,
            due_on=_still_to_come(run),
        )
    return _to_job(community, job)


def _still_to_come(run: BillRun) -> date:
    """The due date that was asked for; if days went by since, the one that the settings give."""
    if run.due_on >= today():
        return run.due_on
    return BillingSettings.of(run.period.community).due_on_from_now(run.period.starts_on)


@staff(Role.ACCOUNTANT)
@require_POST
def accept(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Let those exceptions be that are ticked."""
    run = _found(community, pk)
    form = AcceptForm(request.POST)
    form.fields["exceptions"].queryset = run.exceptions.all()  # type: ignore[attr-defined]
    if not form.is_valid() or not form.cleaned_data["exceptions"]:
        flash.error(request, _("Please tick what you looked at."))
        return _to_run(run)
    asked = form.cleaned_data
    try:
        count = run_approval.accept_exceptions(
            run=run,
            by=request.user,
            note=asked["note"],
            exceptions=[each.pk for each in asked["exceptions"]],
        )
    except RunRefused as refusal:
        flash.error(request, str(refusal))
    else:
        said = ngettext("%(n)s exception accepted.", "%(n)s exceptions accepted.", count)
        flash.success(request, said % {"n": count})
    return _to_run(run)


@staff(Role.ACCOUNTANT)
@require_POST
def issue(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Issue what was previewed, as a job; or ask another person to, or approve what he asked."""
    run = _found(community, pk)
    if run.is_open and run.due_on < today():
        refusal = _(
            "These bills would be due on %(day)s, which is past. Preview them again, which sets a "
            "later day; what waits for approval is sent back first."
        )
        flash.error(request, refusal % {"day": date_format(run.due_on)})
        return _to_run(run)
    asks = BillingSettings.of(community).needs_approval and run.state != BillRun.State.AWAITING
    if asks and not run.issued_at:
        _tried(
            request,
            lambda: run_approval.ask_to_issue(run=run, by=request.user),
            _("Another person has to approve now; then the bills go out."),
        )
        return _to_run(run)
    return _to_job(community, run_jobs.start_issue(run=run, by=request.user))


def _with_reason(request: SignedInRequest) -> str:
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""


@staff(Role.ACCOUNTANT)
@require_POST
def send_back(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """What waits for approval has something wrong."""
    run = _found(community, pk)
    reason = _with_reason(request)
    _tried(
        request,
        lambda: run_approval.send_back(run=run, by=request.user, reason=reason),
        _("Sent back."),
    )
    return _to_run(run)


@staff(Role.ACCOUNTANT)
@require_POST
def drop(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Throw away a run of which nothing is issued."""
    run = _found(community, pk)
    if _tried(request, lambda: periods.drop_run(run=run), _("The preview is thrown away.")):
        return redirect("billing:runs", community.code)
    return _to_run(run)


@staff(Role.MANAGER)
@require_POST
def close(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Freeze a run's period."""
    run = _found(community, pk)
    _tried(
        request,
        lambda: periods.close_run(run=run),
        _("%(period)s is closed. Later corrections land in the open period.")
        % {"period": run.period},
    )
    return _to_run(run)


@staff(Role.ACCOUNTANT)
@require_http_methods(["GET", "POST"])
def reverse_run(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Take back a wrong run: what that does, why, and the press of the button."""
    run = _found(community, pk)
    needs_two = BillingSettings.of(community).needs_approval
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and request.POST.get("then") == "decline":
        _tried(request, lambda: reversal.keep_after_all(run=run), _("The run stands."))
        return _to_run(run)
    if request.method == "POST" and (run.reversal_asked_at or form.is_valid()):
        reason = "" if run.reversal_asked_at else form.cleaned_data["reason"]
        if needs_two and not run.reversal_asked_at:
            _tried(
                request,
                lambda: reversal.ask_to_reverse(run=run, by=request.user, reason=reason),
                _("Another person has to do it now."),
            )
            return _to_run(run)
        return _to_job(community, run_jobs.start_reversal(run=run, by=request.user, reason=reason))
    context = {
        "community": community,
        "run": run,
        "form": form,
        "needs_two": needs_two,
        "corrections": run.corrections.filter(state=BillRun.State.ISSUED).count(),
    }
    return render(request, "billing/reverse.html", context)


@staff(Role.ACCOUNTANT)
@require_http_methods(["GET", "POST"])
def correct(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The corrections of a run, and a look for what late facts change about it."""
    run = _found(community, pk)
    initial = {"due_on": max(run.due_on, today() + timedelta(days=corrections.DUE_DAYS))}
    form = CorrectForm(request.POST or None, community=community, initial=initial)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        job = run_jobs.start_correction(
            run=run, by=request.user, due_on=asked["due_on"], unit_ids=asked["units"]
        )
        return _to_job(community, job)
    own = [each for each in late_facts.due_by_run(community) if each.run == run]
    context: dict[str, Any] = {
        "community": community,
        "run": run,
        "form": form,
        "corrections": run.corrections.select_related("period", "issued_by").order_by("-id")[:100],
        "due": [(each, late_facts.units_of(run, DUE_SHOWN)) for each in own],
        "lands_in": corrections.open_period(run) if run.issued_at else None,
    }
    return render(request, "billing/corrections.html", context)


@staff(Role.MANAGER)
@require_http_methods(["GET", "POST"])
def settings(request: SignedInRequest, community: Community) -> HttpResponse:
    """How the community bills; the periods to come follow at once."""
    form = SettingsForm(request.POST or None, instance=BillingSettings.of(community))
    if request.method == "POST" and form.is_valid():
        form.save()
        periods.plan_community(community=community)
        flash.success(request, _("Saved."))
        return redirect("billing:settings", community.code)
    return render(request, "billing/settings.html", {"community": community, "form": form})
