"""Reconciliation: a page for each day of a channel, and one for each difference."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role, Unit, today
from payments.forms.reconciliation import CompareForm, ExplainForm, KeepForm
from payments.forms.refunds import WordsForm
from payments.models import Reconciliation, ReconciliationLine, SettlementMonth
from payments.providers.base import PermanentError, TransientError
from payments.reconciliation.day_sums import sums_of
from payments.reconciliation.difference_words import meaning, our_refund
from payments.reconciliation.settlement import is_late, net_and_entries
from payments.services.channels import differences as services
from payments.services.channels.reconcile_jobs import start_reconciling, what_came_of
from payments.unsettled.reasons import plain_reason
from payments.wording import channel_names

PAGE = 50


@staff(Role.ACCOUNTANT)
@require_safe
def reconciliations(request: SignedInRequest, community: Community) -> HttpResponse:
    """The days, the latest first; those without any line are left out."""
    return _days_page(request, community, CompareForm(community=community))


def _days_page(request: SignedInRequest, community: Community, form: CompareForm) -> HttpResponse:
    days = (
        Reconciliation.objects.filter(community=community)
        .exclude(their_lines=0, our_lines=0)
        .select_related("closed_by")
        .with_open()
        .order_by("-day", "provider", "pk")
    )
    page = Paginator(days, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/reconciliations.html",
        {
            "community": community,
            "page_obj": page,
            "names": channel_names(),
            "form": form,
            "came_of_it": what_came_of(request.GET.get("compared"), community),
        },
        status=422 if form.errors else 200,
    )


@staff(Role.ACCOUNTANT)
@require_POST
def compare_day(request: SignedInRequest, community: Community) -> HttpResponse:
    """Has a day's bill fetched and compared now, as a job."""
    form = CompareForm(request.POST, community=community)
    if not form.is_valid():
        return _days_page(request, community, form)
    job = start_reconciling(
        community=community,
        provider=form.cleaned_data["channel"],
        day=form.cleaned_data["day"],
        by=request.user,
    )
    return redirect("community:job", community.code, job.pk)


@staff(Role.ACCOUNTANT)
@require_safe
def reconciliation(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One day: both sides' sums, what the provider pays out, every difference, the sign-off."""
    found: Any = get_object_or_404(
        Reconciliation.objects.select_related("closed_by").with_open(), pk=pk, community=community
    )
    money: Any = net_and_entries(Reconciliation.objects.filter(pk=pk)).get()
    entries = found.entries.filter(undone_at=None).select_related("line", "made_by")
    everything = "all" in request.GET or not found.open_lines
    lines = found.lines.order_by("pk")
    shown = lines if everything else lines.filter(state=ReconciliationLine.State.OPEN)
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/reconciliation.html",
        {
            "community": community,
            "day": found,
            "name": channel_names()[found.provider],
            "page_obj": page,
            "everything": everything,
            "over": found.day < today(),
            "money": money,
            "sums": sums_of(found),
            "month_closed": SettlementMonth.objects.filter(
                community=community, month=found.day.replace(day=1)
            ).exists(),
            "late": money.outstanding > 0 and is_late(found.day),
            "entries": entries.order_by("pk"),
            "words": ExplainForm(),
            "came_of_it": what_came_of(request.GET.get("compared"), community),
        },
    )


@staff(Role.ACCOUNTANT)
@require_POST
def close_reconciliation(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Signs a day off."""
    found = get_object_or_404(Reconciliation, pk=pk, community=community)
    try:
        services.sign_off(found.pk, by=request.user)
    except services.DifferencesOpen as error:
        messages.error(
            request,
            _("%(count)s differences are still open: please settle them first.")
            % {"count": error.count},
        )
    except services.CannotSettle:
        messages.error(request, _("The day is not over yet."))
    else:
        messages.success(request, _("Signed off. Nothing of this day changes any more."))
    return redirect("payments:reconciliation", community.code, found.pk)


def _line(community: Community, pk: int) -> ReconciliationLine:
    return get_object_or_404(
        ReconciliationLine.objects.select_related(
            "reconciliation", "order", "payment__receipt", "settled_by"
        ),
        pk=pk,
        reconciliation__community=community,
    )


@staff(Role.ACCOUNTANT)
@require_safe
def difference(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One difference: what each side says, and what can be done about it."""
    return _shown(request, community, _line(community, pk))


def _shown(
    request: SignedInRequest, community: Community, line: ReconciliationLine, **more: Any
) -> HttpResponse:
    order, refund = line.order, our_refund(line)
    context: dict[str, Any] = {
        "community": community,
        "line": line,
        "day": line.reconciliation,
        "name": channel_names()[line.reconciliation.provider],
        "units": _units(line),
        "meaning": meaning(line, refund),
        "refund": refund,
        "replacements": refund.replacements.order_by("pk") if refund else [],
        "problem": plain_reason(order.problem, order) if order and order.problem else "",
        "can_record": services.can_record(line),
        "surplus": services.surplus(line),
        "keep": KeepForm(community=community),
        "words": ExplainForm(auto_id="id_explain_%s"),
    }
    return render(
        request,
        "payments/difference.html",
        context | more,
        status=422 if any(getattr(one, "errors", None) for one in more.values()) else 200,
    )


def _units(line: ReconciliationLine) -> list[Unit]:
    """The units that the order pays for."""
    if line.order is None:
        return []
    return list(
        Unit.objects.filter(accounts__bills__order_lines__order=line.order)
        .union(Unit.objects.filter(accounts__order_lines__order=line.order))
        .order_by("sort_key")
    )


@staff(Role.ACCOUNTANT)
@require_POST
def settle_difference(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Settles a difference: `way` record, keep or explain."""
    line = _line(community, pk)
    way = request.POST.get("way")
    if way == "keep":
        form = KeepForm(request.POST, community=community)
        if not form.is_valid():
            return _shown(request, community, line, keep=form)
    words = WordsForm(request.POST)
    said = words.cleaned_data["words"] if words.is_valid() else ""
    if way == "explain" and not said.strip():
        messages.error(request, _("Please say what explains the difference."))
        return redirect("payments:difference", community.code, pk)
    try:
        if way == "record":
            services.record_missing(line.pk, by=request.user)
        elif way == "keep":
            unit = form.cleaned_data["unit"]
            services.keep(
                line.pk,
                by=request.user,
                account=services.payer_at(unit) if unit else None,
                words=said,
            )
        elif way == "explain":
            services.explain(line.pk, by=request.user, words=said)
        else:
            raise services.CannotSettle(way)
    except services.CannotSettle:
        messages.error(request, _("It cannot be settled that way; nothing was changed."))
    except (TransientError, PermanentError, KeyError):
        messages.warning(
            request,
            _("We cannot reach the payment service just now. Nothing was lost; please try again."),
        )
    else:
        messages.success(request, _("Settled."))
        return redirect("payments:reconciliation", community.code, line.reconciliation_id)
    return redirect("payments:difference", community.code, pk)
