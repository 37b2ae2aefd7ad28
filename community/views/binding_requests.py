"""The desk decides claims that the register alone could not."""

from django import forms
from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.forms import RejectForm
from community.models import BindingRequest, Community, Occupancy, Party, Role, today
from community.services import binding

State = BindingRequest.State
DECIDED_SHOWN = 20


@staff(Role.CLERK)
@require_safe
def binding_requests(request: SignedInRequest, community: Community) -> HttpResponse:
    """Claims that wait, oldest first, each with who lives and lived there; then the decided."""
    occupancies = Occupancy.objects.select_related("party").order_by("-starts_on", "pk")
    requests = BindingRequest.objects.filter(unit__community=community).select_related(
        "unit", "user", "party", "decided_by"
    )
    context = {
        "community": community,
        "waiting": requests.filter(state=State.PENDING)
        .order_by("pk")
        .prefetch_related(Prefetch("unit__occupancies", queryset=occupancies)),
        "decided": requests.exclude(state=State.PENDING).order_by("-decided_at")[:DECIDED_SHOWN],
        "today": today(),
    }
    return render(request, "community/binding_requests.html", context)


@staff(Role.CLERK)
@require_POST
def approve(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Lets the claimant stand for the party that the form names."""
    claim = _claim(request, community, pk)
    # Digits only: anything else names nobody of this unit.
    chosen = forms.IntegerField(required=False)
    try:
        party = Party.objects.filter(
            occupancies__unit=claim.unit, pk=chosen.clean(request.POST.get("party"))
        ).first()
    except forms.ValidationError:
        party = None
    if party is None:
        messages.error(request, _("Please choose whom this person is. Nothing was decided yet."))
        return _back(community)
    try:
        binding.approve(request=claim, party=party, decided_by=request.user)
    except binding.AlreadyDecided:
        _tell_decided(request)
    else:
        messages.success(request, _("%(unit)s: the request is approved.") % {"unit": claim.unit})
    return _back(community)


@staff(Role.CLERK)
@require_POST
def reject(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Turns the claim down, with a reason that the resident reads."""
    claim = _claim(request, community, pk)
    form = RejectForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        binding.reject(request=claim, reason=reason, decided_by=request.user)
    except binding.ReasonMissing:
        messages.error(request, _("Please give a reason: the resident reads it."))
    except binding.AlreadyDecided:
        _tell_decided(request)
    else:
        messages.success(request, _("%(unit)s: the request is rejected.") % {"unit": claim.unit})
    return _back(community)


def _claim(request: SignedInRequest, community: Community, pk: int) -> BindingRequest:
    claims = BindingRequest.objects.visible_to(request.user).select_related("unit")
    return get_object_or_404(claims, pk=pk, unit__community=community)


def _tell_decided(request: SignedInRequest) -> None:
    messages.warning(request, _("A colleague has decided this request already; it stays as it is."))


def _back(community: Community) -> HttpResponse:
    return redirect("community:binding_requests", community=community.code)
