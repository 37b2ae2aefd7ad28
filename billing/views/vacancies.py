"""Vacancies with proof: asked for by residents or at the desk, confirmed by another person."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.forms.adjustments import DecisionForm
from billing.forms.late_fees import VacancyForm
from billing.services.vacancy_effects import runs_that_billed
from billing.views.decisions import words_of
from community.access import SignedInRequest, signed_in, staff, works_in
from community.evidence import keep_evidence
from community.models import Community, Role, StoredFile, Unit, VacancyRequest
from community.services import vacancy_requests as service
from community.services.decisions import DecisionRefused
from community.views.jobs import file_response

PAGE = 30


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def vacancies(request: SignedInRequest, community: Community) -> HttpResponse:
    """What waits, oldest first, with the runs that billed the days; below, what was decided."""
    found = VacancyRequest.objects.filter(unit__community=community).select_related(
        "unit", "requested_by", "decided_by"
    )
    waiting: list[Any] = list(found.waiting().order_by("pk"))
    page = Paginator(
        found.exclude(state=VacancyRequest.State.REQUESTED).order_by("-decided_at", "-pk"), PAGE
    ).get_page(request.GET.get("page"))
    approved = [each for each in page if each.state == VacancyRequest.State.APPROVED]
    for each in [*waiting, *approved]:
        each.billed = runs_that_billed(
            unit=each.unit, starts_on=each.starts_on, ends_on=each.ends_on
        )
    return render(
        request,
        "billing/vacancies.html",
        {
            "community": community,
            "waiting": waiting,
            "page_obj": page,
            "may_decide": works_in(request.user, community, Role.ACCOUNTANT),
        },
    )


@staff(Role.ACCOUNTANT)
@require_POST
def decide(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Confirms or rejects; days that were billed already need a correction, and it says so."""
    found = get_object_or_404(VacancyRequest, pk=pk, unit__community=community)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please approve or reject. Nothing was decided yet."))
        return redirect("billing:vacancies", community.code)
    words = form.cleaned_data["words"]
    try:
        if form.cleaned_data["do"] == "approve":
            done = service.approve(request=found, by=request.user, words=words)
            messages.success(request, _("Approved: the days are on record as vacant."))
            if runs_that_billed(
                unit=done.unit, starts_on=done.starts_on, ends_on=done.ends_on
            ).exists():
                messages.warning(
                    request,
                    _("Some of these days are billed already: a correction is due, see below."),
                )
        else:
            service.reject(request=found, by=request.user, words=words)
            messages.success(request, _("Rejected. Nothing was recorded."))
    except DecisionRefused as error:
        messages.error(request, _words_of(error))
    return redirect("billing:vacancies", community.code)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def evidence(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The proof that was attached."""
    found = get_object_or_404(VacancyRequest, pk=pk, unit__community=community)
    return file_response(StoredFile.objects.get(pk=found.evidence_id))


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def desk_vacancy(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The desk enters what somebody brought."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    form = VacancyForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and _asked(request, unit, form):
        messages.success(request, _("Kept. It counts as soon as another person approves it."))
        return redirect("billing:vacancies", community.code)
    return render(
        request,
        "billing/desk_vacancy.html",
        {"community": community, "unit": unit, "form": form},
        status=422 if form.is_bound else 200,
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def my_vacancy(request: SignedInRequest, pk: int) -> HttpResponse:
    """A resident asks for his own unit, sees what came of it, and may take it back."""
    unit = get_object_or_404(
        Unit.objects.visible_to(request.user).select_related("community"), pk=pk
    )
    taking_back = request.POST.get("do") == "withdraw"
    form = VacancyForm(None if taking_back else request.POST or None, request.FILES or None)
    if taking_back:
        _take_back(request, unit)
        return redirect("billing:my_vacancy", pk)
    if request.method == "POST" and form.is_valid() and _asked(request, unit, form):
        messages.success(request, _("Thank you. We look at it and tell you here."))
        return redirect("billing:my_vacancy", pk)
    return render(
        request,
        "billing/my_vacancy.html",
        {
            "unit": unit,
            "form": form,
            "requests": VacancyRequest.objects.filter(unit=unit, requested_by=request.user),
        },
        status=422 if form.is_bound else 200,
    )


def _asked(request: SignedInRequest, unit: Unit, form: VacancyForm) -> bool:
    asked = form.cleaned_data
    try:
        with transaction.atomic():
            proof = keep_evidence(asked.pop("evidence"), community=unit.community, by=request.user)
            assert proof is not None  # the field is required
            service.request_vacancy(unit=unit, evidence=proof, by=request.user, **asked)
    except service.Overlaps as error:
        form.add_error("starts_on", _words_of(error))
        return False
    return True


def _take_back(request: SignedInRequest, unit: Unit) -> None:
    number = request.POST.get("request", "")
    found = get_object_or_404(
        VacancyRequest,
        pk=number if number.isdecimal() and len(number) < 19 else None,
        unit=unit,
        requested_by=request.user,
    )
    try:
        service.withdraw(request=found, by=request.user)
        messages.success(request, _("Taken back."))
    except DecisionRefused as error:
        messages.error(request, _words_of(error))


def _words_of(error: DecisionRefused) -> str:
    match error:
        case service.Overlaps():
            return _("%(first)s – %(last)s is recorded or asked for already.") % {
                "first": error.starts_on,
                "last": error.ends_on,
            }
    return words_of(error)
