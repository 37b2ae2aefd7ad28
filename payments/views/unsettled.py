"""Online payments that wait for a person."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role
from payments.forms import PaidTwiceForm
from payments.models import PaymentSettings
from payments.services.paid_twice import choose_rule
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
            "lines__bill__account__unit",
            "lines__bill__run__period",
            "account_lines__account__unit",
            "payment__refunds",
        )
    )
    page = Paginator(orders, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/unsettled.html",
        {
            "community": community,
            "page_obj": page,
            "found": explain(page),
            "rule": PaidTwiceForm(instance=PaymentSettings.of(community)),
        },
    )


@staff(Role.ACCOUNTANT)
@require_POST
def paid_twice(request: SignedInRequest, community: Community) -> HttpResponse:
    """What the community does from now on with money that was paid twice."""
    form = PaidTwiceForm(request.POST)
    if form.is_valid():
        choose_rule(community=community, rule=form.cleaned_data["paid_twice"], by=request.user)
        messages.success(request, _("Saved. It holds for payments from now on."))
    else:
        messages.error(request, _("Please choose one of the two."))
    return redirect("payments:unsettled", community.code)
