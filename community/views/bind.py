"""A resident claims his home (绑定)."""

from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from community.access import SignedInRequest, signed_in
from community.forms import ClaimForm
from community.models import BindingRequest, Building, Community, Unit
from community.services import binding


@signed_in
@require_http_methods(["GET", "POST"])
def bind(request: SignedInRequest) -> HttpResponse:
    """Community → home → name, one step after another, without scripts.

    Homes where the register has the visitor's number come first, with one button.
    """
    communities = list(Community.objects.order_by("name"))
    community = _chosen(communities, request.GET.get("community", ""))
    context: dict[str, object] = {
        "registered": binding.on_register(user=request.user),
        "communities": communities,
        "chosen": community,
    }
    if community is None:
        return render(request, "community/bind.html", context)
    buildings = list(Building.objects.filter(community=community).order_by("code"))
    building = next((one for one in buildings if one.code == request.GET.get("building")), None)
    form = ClaimForm(
        request.POST or None,
        initial={"name": request.user.name},
        community=community,
        building=building,
    )
    if form.is_valid():
        data = form.cleaned_data
        return _claim(request, unit=data["unit"], name=data["name"])
    context |= {"form": form, "buildings": buildings, "building": building}
    return render(request, "community/bind.html", context, status=422 if form.errors else 200)


@signed_in
@require_POST
def bind_registered(request: SignedInRequest, pk: int) -> HttpResponse:
    """Binds a home where the register has the visitor's proved number."""
    occupancy = get_object_or_404(binding.on_register(user=request.user), pk=pk)
    return _claim(request, unit=occupancy.unit, name=occupancy.party.name)


def _chosen(communities: list[Community], code: str) -> Community | None:
    """The community asked for; where there is only one, nobody has to choose."""
    if len(communities) == 1:
        return communities[0]
    return next((community for community in communities if community.code == code), None)


def _claim(request: SignedInRequest, *, unit: Unit, name: str) -> HttpResponse:
    if not ratelimit.consume(request, action="claim_unit", user=request.user):
        messages.warning(request, _("That was a lot of tries. Please wait an hour."))
        return redirect("community:me")
    try:
        claim = binding.claim_unit(user=request.user, unit=unit, claimed_name=name)
    except binding.AlreadyBound:
        messages.info(request, _("%(unit)s is bound to you already.") % {"unit": unit})
    except binding.TooManyClaims:
        messages.warning(
            request,
            _("You have several requests waiting. Please let the service desk answer these first."),
        )
    else:
        if claim.state == BindingRequest.State.APPROVED:
            text = _("Welcome! %(unit)s is bound: here are its bills and receipts.")
            messages.success(request, text % {"unit": unit})
        else:
            text = _("Thank you. The service desk checks your request for %(unit)s.")
            messages.success(request, text % {"unit": unit})
    return redirect("community:me")
