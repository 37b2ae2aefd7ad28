"""One meter: its readings, its devices; and the meters that nobody read."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from billing.forms.meters import DeviceForm, EstimateForm, ReplaceForm
from billing.models import FeeItem, Meter, MeterReading
from billing.services.meters import meter_events as events
from billing.services.meters import meter_sheets as sheets
from billing.services.meters.meter_entries import EntryRefused
from billing.services.meters.metering import histories
from billing.services.runs import late_facts
from billing.views.meters import chosen_item, chosen_period
from community.access import SignedInRequest, staff
from community.models import Community, Role, today

PAGE = 100
READINGS = 60
NAMED = 5


@staff(Role.CLERK, Role.ACCOUNTANT)
def meter(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One meter: what it showed and what that came to, and what may happen to it."""
    return _page(request, community, _find(community, pk))


def _find(community: Community, pk: int) -> Meter:
    meters = Meter.objects.filter(unit__community=community)
    return get_object_or_404(meters.select_related("unit__community", "fee_item"), pk=pk)


def _page(
    request: SignedInRequest, community: Community, found: Meter, **more: Any
) -> HttpResponse:
    series = histories([found.pk])[found.pk].series()
    rows = {row.read_on: row for row in found.readings.select_related("read_by")}
    readings = []
    for place, placed in enumerate(series):
        used = placed.total - series[place - 1].total if place else None
        readings.append({"row": rows[placed.shown.day], "used": used})
    context = {
        "community": community,
        "meter": found,
        "due": late_facts.runs_by_unit([found.unit_id]).get(found.unit_id, ()),
        "readings": readings[: -READINGS - 1 : -1],
        "replacements": found.replacements.select_related("done_by").order_by("-replaced_on"),
        "replace": ReplaceForm(initial={"replaced_on": today()}),
        "device": DeviceForm(initial={"serial": found.serial, "digits": found.digits}),
        "today": today(),
    }
    failed = any(getattr(form, "errors", None) for form in more.values()) or "doubts" in more
    status = 422 if failed else 200
    return render(request, "billing/meter.html", context | more, status=status)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def meter_replace(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A device gave way to another; odd figures are asked about once."""
    found = _find(community, pk)
    form = ReplaceForm(request.POST)
    if not form.is_valid():
        return _page(request, community, found, replace=form)
    try:
        events.replace_meter(
            meter=found,
            told=form.told(),
            by=request.user,
            sure=request.POST.get("sure") == form.fingerprint(),
            rolled_over=bool(request.POST.get("again")),
        )
    except EntryRefused as refused:
        form.add_error(None, str(refused))
        return _page(request, community, found, replace=form)
    except events.ReplacementQuestioned as questioned:
        return _page(request, community, found, replace=form, doubts=questioned.doubts)
    messages.success(request, _("The replacement is recorded. Usage goes on across it."))
    return redirect("billing:meter", community=community.code, pk=pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def meter_device(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The number on the meter, and its digits."""
    found = _find(community, pk)
    form = DeviceForm(request.POST)
    if not form.is_valid():
        return _page(request, community, found, device=form)
    events.name_meter(meter=found, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return redirect("billing:meter", community=community.code, pk=pk)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def reading_remove(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Take back a reading of the wrong meter."""
    reading = get_object_or_404(MeterReading, meter__unit__community=community, pk=pk)
    try:
        events.remove_reading(reading=reading)
    except EntryRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The reading is taken back."))
    return redirect("billing:meter", community=community.code, pk=reading.meter_id)


@staff(Role.CLERK, Role.ACCOUNTANT)
def meters_missing(request: SignedInRequest, community: Community) -> HttpResponse:
    """The meters without a figure in a period, and the estimates that stand for one."""
    items = list(sheets.metered_items(community))
    item = chosen_item(items, request.GET.get("item"))
    period = chosen_period(community, request.GET.get("period"))
    units = sheets.not_read(community, item, period) if item else Meter.objects.none()
    page = Paginator(units, PAGE).get_page(request.GET.get("page"))
    estimates = MeterReading.objects.filter(
        meter__fee_item=item,
        meter__unit__community=community,
        is_estimated=True,
        read_on__range=period,
    )
    context = {
        "community": community,
        "items": items,
        "item": item,
        "period": period,
        "periods": sheets.reading_periods(community, today()),
        "page_obj": page,
        "on": min(today(), period.end),
        "estimates": estimates.select_related("meter__unit").order_by("meter__unit__sort_key")[
            :PAGE
        ],
    }
    return render(request, "billing/meters_missing.html", context)


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_POST
def meters_estimate(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Estimate what one meter, or all unread ones of a building, should show at a period's end."""
    item = get_object_or_404(FeeItem, community=community, pk=pk)
    form = EstimateForm(request.POST)
    if not form.is_valid():
        raise Http404
    period = chosen_period(community, request.POST.get("period"))
    # Neither given: all that are missing, on whichever page they stand.
    units = sheets.not_read(community, item, period)
    if form.cleaned_data["unit"]:
        units = units.filter(pk=form.cleaned_data["unit"])
    elif form.cleaned_data["building"]:
        units = units.filter(building_id=form.cleaned_data["building"])
    done = events.estimate_readings(
        community=community,
        item=item,
        units=units,
        read_on=min(today(), period.end),
        by=request.user,
    )
    if done.made:
        words = ngettext("%(n)s figure is estimated.", "%(n)s figures are estimated.", done.made)
        messages.success(request, words % {"n": done.made})
    for unit, why in done.left_out[:NAMED]:
        messages.warning(request, f"{unit}: {why}")
    more = len(done.left_out) - NAMED
    if more > 0:
        messages.warning(request, _("and %(n)s more") % {"n": more})
    address = reverse("billing:meters_missing", args=[community.code])
    return redirect(f"{address}?item={item.pk}&period={period.start}")
