"""Adjustments that wait for a second person, and those that were decided."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.forms.adjustments import DecisionForm
from billing.models import Adjustment, Charge
from billing.models.adjustment import AdjustmentQuerySet
from billing.services.accounts import adjustments as service
from billing.views.decisions import words_of
from community.access import SignedInRequest, staff, works_in
from community.models import Community, Role, StoredFile
from community.services.decisions import AlreadyDecided, DecisionRefused
from community.views.jobs import file_response
from core.money import format_yuan

PAGE = 30


def of_community(community: Community) -> AdjustmentQuerySet:
    return Adjustment.objects.filter(community=community).select_related(
        "account__unit",
        "account__party",
        "lessens__fee_item",
        "lessens__bill__run__period",
        "lessens__bill__run__corrects__period",
        "fee_item",
        "requested_by",
        "decided_by",
    )


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def adjustments(request: SignedInRequest, community: Community) -> HttpResponse:
    """What waits, oldest first, with what it is about; below, the decided, newest first."""
    waiting: list[Any] = list(of_community(community).waiting().order_by("pk"))
    opened = dict(
        Charge.objects.filter(pk__in=[a.lessens_id for a in waiting])
        .with_open()
        .values_list(*("pk", "open_amount"))
    )
    for each in waiting:
        each.line_open = opened.get(each.lessens_id)
    decided = (
        of_community(community)
        .exclude(state=Adjustment.State.REQUESTED)
        .order_by("-decided_at", "-pk")
    )
    return render(
        request,
        "billing/adjustments.html",
        {
            "community": community,
            "waiting": waiting,
            "page_obj": Paginator(decided, PAGE).get_page(request.GET.get("page")),
            "may_decide": works_in(request.user, community, Role.ACCOUNTANT),
        },
    )


@staff(Role.ACCOUNTANT)
@require_POST
def decide(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Approves or rejects; who asked is told that it takes another person."""
    found = get_object_or_404(Adjustment, pk=pk, community=community)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Please approve or reject. Nothing was decided yet."))
        return redirect("billing:adjustments", community.code)
    words = form.cleaned_data["words"]
    try:
        if form.cleaned_data["do"] == "approve":
            service.approve(adjustment=found, by=request.user, words=words)
            messages.success(request, _("Approved and posted."))
        else:
            service.reject(adjustment=found, by=request.user, words=words)
            messages.success(request, _("Rejected. Nothing was posted."))
    except DecisionRefused as error:
        messages.error(request, _words_of(error))
    return redirect("billing:adjustments", community.code)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def withdraw(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Who asked takes the request back."""
    found = get_object_or_404(Adjustment, pk=pk, community=community)
    try:
        service.withdraw(adjustment=found, by=request.user)
        messages.success(request, _("Taken back. Nothing was posted."))
    except DecisionRefused as error:
        messages.error(request, _words_of(error))
    return redirect("billing:adjustments", community.code)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def evidence(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The file that was attached to a request."""
    found = get_object_or_404(Adjustment, pk=pk, community=community)
    if found.evidence_id is None:
        raise Http404
    return file_response(StoredFile.objects.get(pk=found.evidence_id))


def _words_of(error: DecisionRefused) -> str:
    match error:
        case AlreadyDecided():
            return _("A colleague was quicker: it is “%(state)s” already and stays so.") % {
                "state": error.state.label
            }
        case service.TooMuch():
            return _(
                "Only %(left)s is left of this line now, so nothing was posted. Please reject the "
                "request and ask for less."
            ) % {"left": format_yuan(error.left)}
    return words_of(error)
