"""Online payments that wait for a person."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role
from payments.unsettled import explain, unsettled_orders

PAGE = 50


@staff(Role.ACCOUNTANT)
@require_safe
def unsettled(request: SignedInRequest, community: Community) -> HttpResponse:
    """Orders and messages of providers that do not fit, each with what to do about it."""
    orders = (
        unsettled_orders(community)
        .select_related("payment__receipt")
        .prefetch_related(
            "lines__bill__account__unit", "lines__bill__run__period", "account_lines__account__unit"
        )
    )
    page = Paginator(orders, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/unsettled.html",
        {"community": community, "page_obj": page, "found": explain(page)},
    )
