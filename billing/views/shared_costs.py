"""Costs that are shared: entered by the office, and laid open to everybody who shares them."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from billing.forms.shared_costs import CostForm
from billing.models import SharedCost
from billing.services.standards import shared_costs as verbs
from community.access import SignedInRequest, signed_in, staff
from community.models import Community, Role, Unit

PAGE = 50


@staff(Role.ACCOUNTANT)
def shared_costs(request: SignedInRequest, community: Community) -> HttpResponse:
    """The costs of the community, latest first, and a form for the next."""
    form = CostForm(request.POST or None, community=community)
    if request.method == "POST" and form.is_valid():
        try:
            cost = verbs.enter_cost(by=request.user, **form.cleaned_data)
        except verbs.CostRefused as refused:
            form.add_error(refused.field, str(refused))
        else:
            messages.success(request, _("The cost is entered. Below is how it would be shared."))
            return redirect("billing:desk_shared_cost", community=community.code, pk=cost.pk)
    found = SharedCost.objects.filter(fee_item__community=community)
    page = Paginator(
        found.select_related("fee_item", "building").order_by("-ends_on", "-pk"), PAGE
    ).get_page(request.GET.get("page"))
    return render(
        request,
        "billing/desk_shared_costs.html",
        {"community": community, "form": form, "page_obj": page},
        status=422 if form.errors else 200,
    )


def _shown(cost: SharedCost) -> dict[str, Any]:
    shares = verbs.shares_of(cost)
    billed_over = verbs.billed_over(cost)
    units = {problem.unit for problem in shares.problems if problem.unit}
    return {
        "cost": cost,
        "community": cost.fee_item.community,
        "shares": shares,
        "billed": billed_over is not None,
        "billed_over": billed_over if billed_over != shares.whole else None,
        "left_out": Unit.objects.filter(pk__in=units).order_by("sort_key"),
    }


def _costs() -> Any:
    return SharedCost.objects.select_related("fee_item__community", "building", "created_by")


@staff(Role.ACCOUNTANT)
def desk_shared_cost(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One cost, and what of it falls to each unit."""
    cost = get_object_or_404(_costs().filter(fee_item__community=community), pk=pk)
    return render(request, "billing/desk_shared_cost.html", _shown(cost))


@staff(Role.ACCOUNTANT)
@require_POST
def shared_cost_remove(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Take away a cost that is on no bill yet."""
    cost = get_object_or_404(_costs().filter(fee_item__community=community), pk=pk)
    try:
        verbs.remove_cost(cost=cost)
    except verbs.CostRefused as refused:
        messages.error(request, str(refused))
        return redirect("billing:desk_shared_cost", community=community.code, pk=pk)
    messages.success(request, _("The cost is taken away."))
    return redirect("billing:desk_shared_costs", community=community.code)


@signed_in
def shared_cost(request: SignedInRequest, pk: int) -> HttpResponse:
    """One cost for those who share it: unit codes, m² and shares, no names."""
    cost = get_object_or_404(
        _costs().filter(pk__in=SharedCost.objects.visible_to(request.user)), pk=pk
    )
    mine = set(Unit.objects.of_resident(request.user).values_list("pk", flat=True))
    return render(request, "billing/shared_cost.html", _shown(cost) | {"mine": mine})
