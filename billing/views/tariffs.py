"""Fee standards for the office: what holds, what held, and what may be changed by hand."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count, Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from billing.forms.fields import items_of
from billing.forms.tariffs import DisclosureForm, EndForm, FirstVersionForm, ItemForm, PickForm
from billing.models import FeeItem, Tariff, TariffProposal
from billing.services.standards import tariff_versions as versions
from billing.services.standards.tariff_terms import TariffRefused
from community.access import SignedInRequest, staff
from community.models import Community, Role, Unit, today

SHOWN_UNITS = 500
HITS = 20


def _versions() -> QuerySet[Tariff]:
    return (
        Tariff.objects.select_related("building", "fee_item")
        .annotate(unit_count=Count("units"))
        .order_by("unit_kind", "picked", "building__code", "-starts_on", "-pk")
    )


@staff(Role.ACCOUNTANT)
def tariffs(request: SignedInRequest, community: Community) -> HttpResponse:
    """What is charged today and from when on otherwise, item by item."""
    still = _versions().filter(Q(ends_on=None) | Q(ends_on__gte=today()))
    items = items_of(community).prefetch_related(Prefetch("tariffs", still, to_attr="standing"))
    return render(
        request,
        "billing/tariffs.html",
        {
            "community": community,
            "items": items,
            "today": today(),
            "open_proposals": TariffProposal.objects.filter(
                community=community, state=TariffProposal.State.OPEN
            ).order_by("comments_until"),
        },
    )


@staff(Role.ACCOUNTANT)
def item(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A fee item: where it stands on bills, and every version there ever was."""
    found = get_object_or_404(FeeItem, community=community, pk=pk)
    form = ItemForm(
        request.POST or None,
        initial={"position": found.position, "in_arrears": found.in_arrears},
    )
    if request.method == "POST" and form.is_valid():
        versions.set_item(item=found, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("billing:item", community=community.code, pk=pk)
    return render(
        request,
        "billing/item.html",
        {
            "community": community,
            "item": found,
            "form": form,
            "versions": _versions().filter(fee_item=found),
            "today": today(),
        },
        status=422 if form.errors else 200,
    )


@staff(Role.ACCOUNTANT)
def tariff_new(request: SignedInRequest, community: Community) -> HttpResponse:
    """A first version for units that pay nothing for the item yet, with the reason."""
    first = (today().replace(day=28) + timedelta(days=4)).replace(day=1)
    form = FirstVersionForm(
        request.POST or None,
        community=community,
        initial={"item": request.GET.get("item", "")[:50], "starts_on": first},
    )
    if request.method == "POST" and form.is_valid() and form.terms:
        try:
            made = versions.create_first_version(
                community=community,
                terms=form.terms,
                by=request.user,
                reason=form.cleaned_data["reason"],
                ends_on=form.cleaned_data["ends_on"],
            )
        except TariffRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The standard is entered."))
            return redirect("billing:tariff", community=community.code, pk=made.pk)
    return render(
        request,
        "billing/tariff_new.html",
        {"community": community, "form": form},
        status=422 if form.errors else 200,
    )


@staff(Role.ACCOUNTANT)
def tariff(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One version: its terms, its units, what is disclosed with it, and its end."""
    return _tariff_page(request, community, _find(community, pk))


def _find(community: Community, pk: int) -> Tariff:
    return get_object_or_404(_versions().filter(fee_item__community=community), pk=pk)


def _tariff_page(
    request: SignedInRequest, community: Community, found: Tariff, **forms: Any
) -> HttpResponse:
    units = Unit.objects.filter(picked_by__tariff=found).order_by("sort_key")
    billed = versions.is_billed(found) if found.picked else False
    disclosed = {
        name: getattr(found, name) for name in ("service_standard", "legal_basis", "pricing_form")
    }
    usual: dict[str, Any] = {
        "disclosure": DisclosureForm(initial=disclosed),
        "end": EndForm(auto_id="id_end_%s"),
        "pick": PickForm(community=community, initial={"units": [u.code for u in units]}),
    }
    context = {
        "community": community,
        "tariff": found,
        "units": units[:SHOWN_UNITS],
        "may_pick": found.picked and not billed,
        "billed_until": versions.billed_until(found),
        "proposal": TariffProposal.objects.filter(tariff=found).first(),
        "today": today(),
    }
    return render(
        request,
        "billing/tariff.html",
        context | usual | forms,
        status=422 if any(form.errors for form in forms.values()) else 200,
    )


@staff(Role.ACCOUNTANT)
@require_POST
def tariff_describe(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The texts that are disclosed with a version."""
    found = _find(community, pk)
    form = DisclosureForm(request.POST)
    if not form.is_valid():
        return _tariff_page(request, community, found, disclosure=form)
    versions.describe_version(tariff=found, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return redirect("billing:tariff", community=community.code, pk=pk)


@staff(Role.ACCOUNTANT)
@require_POST
def tariff_end(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A version gets its last day."""
    found = _find(community, pk)
    form = EndForm(request.POST, auto_id="id_end_%s")
    if form.is_valid():
        try:
            versions.end_version(tariff=found, by=request.user, **form.cleaned_data)
        except TariffRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The standard has its last day."))
            return redirect("billing:tariff", community=community.code, pk=pk)
    return _tariff_page(request, community, found, end=form)


@staff(Role.ACCOUNTANT)
@require_POST
def tariff_pick(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A hand-picking version gets other units."""
    found = _find(community, pk)
    form = PickForm(request.POST, community=community)
    if form.is_valid():
        try:
            new, gone = versions.pick_units(tariff=found, units=form.cleaned_data["units"])
        except TariffRefused as refused:
            form.add_error("units", str(refused))
        else:
            came = ngettext("%(n)s unit came", "%(n)s units came", new) % {"n": new}
            left = ngettext("%(n)s unit left", "%(n)s units left", gone) % {"n": gone}
            messages.success(request, f"{came}, {left}.")
            return redirect("billing:tariff", community=community.code, pk=pk)
    return _tariff_page(request, community, found, pick=form)


@staff(Role.ACCOUNTANT)
def unit_codes(request: SignedInRequest, community: Community) -> HttpResponse:
    """Codes of units that begin like what is typed (htmx asks), to be picked for a standard."""
    typed = request.GET.get("find", "").strip()[:40].upper().replace("\0", "")
    found = Unit.objects.filter(community=community, code__istartswith=typed).order_by("sort_key")
    kind = request.GET.get("unit_kind", "")
    if kind in Unit.Kind.values:
        found = found.filter(kind=kind)
    context = {"units": found[:HITS] if typed else [], "typed": typed}
    return render(request, "billing/_unit_codes.html", context)
