"""Accepting all exceptions of one reason at once: how many they are is said before it is done."""

from django.contrib import messages as flash
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from billing.forms.runs import AcceptAllForm
from billing.models import BillRun, RunException
from billing.services.runs.run_approval import accept_exceptions
from billing.services.runs.run_states import RunRefused
from community.access import SignedInRequest, staff
from community.models import Community, Role


@staff(Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def accept_reason(
    request: SignedInRequest, community: Community, pk: int, reason: str
) -> HttpResponse:
    """What accepting all of a reason means, and the press of the button; one note for all."""
    if reason not in RunException.Reason.values:
        raise Http404
    run = get_object_or_404(
        BillRun.objects.filter(period__community=community).select_related(
            "period__community", "corrects__period"
        ),
        pk=pk,
    )
    waiting = run.exceptions.filter(reason=reason, accepted_at__isnull=True)
    form = AcceptAllForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            count = accept_exceptions(
                run=run, by=request.user, reason=reason, note=asked["note"], count=asked["count"]
            )
        except RunRefused as refusal:
            flash.error(request, str(refusal))
            return redirect(request.path)
        said = ngettext("%(n)s exception accepted.", "%(n)s exceptions accepted.", count)
        flash.success(request, said % {"n": count})
        return redirect("billing:run", community.code, run.pk)
    context = {
        "community": community,
        "run": run,
        "reason": reason,
        "label": RunException.Reason(reason).label,
        "form": form,
        "count": waiting.count(),
        "items": waiting.values("fee_item__name").annotate(n=Count("id")).order_by("-n"),
    }
    status = 422 if form.is_bound else 200
    return render(request, "billing/accept_reason.html", context, status=status)
