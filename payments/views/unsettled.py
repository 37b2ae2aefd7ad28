"""Online payments that wait for a person."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Role
from payments.forms.counter import LookForm, PaidTwiceForm
from payments.forms.refunds import WordsForm
from payments.models import OrderBill, PaymentOrder, PaymentSettings
from payments.services.online.looking import looked_at, looked_at_message
from payments.services.online.paid_twice import choose_rule
from payments.unsettled.astray import astray_messages, explain_messages
from payments.unsettled.orders import explain, looked_at_orders, unsettled_orders

PAGE = 50
NEWEST = 5  # messages about no order of ours, on the page of orders; the rest has its own


@staff(Role.ACCOUNTANT)
@require_safe
def unsettled(request: SignedInRequest, community: Community) -> HttpResponse:
    """Orders and messages of providers that do not fit, each with what to do about it.

    `?looked` shows those that somebody has dealt with.
    """
    looked = "looked" in request.GET
    orders = (
        (looked_at_orders if looked else unsettled_orders)(community)
        .select_related("payment__receipt")
        .prefetch_related(
            Prefetch(
                "lines",
                OrderBill.objects.select_related(
                    "bill__account__unit", "bill__run__period", "bill__run__corrects__period"
                ),
            ),
            "account_lines__account__unit",
            "payment__refunds",
            "looks__by",
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
            "messages_astray": explain_messages(
                astray_messages(community, looked=looked).select_related("look__by")[:NEWEST]
            ),
            "astray_count": astray_messages(community, looked=looked).count(),
            "looked": looked,
            "seen_at": timezone.now().isoformat(),
            "rule": PaidTwiceForm(instance=PaymentSettings.of(community)),
        },
    )


@staff(Role.ACCOUNTANT)
@require_safe
def astray(request: SignedInRequest, community: Community) -> HttpResponse:
    """All messages about orders that we do not have; `?looked` those that were dealt with."""
    looked = "looked" in request.GET
    found = astray_messages(community, looked=looked).select_related("look__by")
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "payments/astray.html",
        {
            "community": community,
            "page_obj": page,
            "messages_astray": explain_messages(page),
            "looked": looked,
            "own_page": True,
        },
    )


@staff(Role.ACCOUNTANT)
@require_POST
def look(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Somebody dealt with an order: it leaves the list until something comes up again."""
    order = get_object_or_404(PaymentOrder, pk=pk, community=community)
    form = LookForm(request.POST)
    try:
        if not form.is_valid():
            raise ValueError(form.errors)
        looked_at(order=order, by=request.user, **form.cleaned_data)
    except ValueError:
        messages.error(request, _("Please say what was done; nothing was changed."))
    else:
        messages.success(request, _("Done. It stays among those that somebody looked at."))
    return redirect("payments:unsettled", community.code)


@staff(Role.ACCOUNTANT)
@require_POST
def look_message(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Somebody dealt with a message about no order of ours: it leaves the list."""
    waiting_or_done = astray_messages(community) | astray_messages(community, looked=True)
    event = get_object_or_404(waiting_or_done, pk=pk)
    form = WordsForm(request.POST)
    try:
        if not form.is_valid():
            raise ValueError(form.errors)
        looked_at_message(event=event, by=request.user, words=form.cleaned_data["words"])
    except ValueError:
        messages.error(request, _("Please say what was done; nothing was changed."))
    else:
        messages.success(request, _("Done. It stays among those that somebody looked at."))
    back = "payments:astray" if "own_page" in request.POST else "payments:unsettled"
    return redirect(back, community.code)


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
