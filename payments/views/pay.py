"""Paying online: choose bills, and an order is started for them."""

import uuid
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.models import Account, Bill
from billing.services.accounts.amounts_due import savings, total_of, with_late_fees
from community.access import SignedInRequest, signed_in
from community.models import today
from core.money import ZERO
from payments import providers
from payments.forms.counter import PayForm, ids_of, new_token
from payments.models import PaymentOrder
from payments.providers.base import PermanentError, Scene, TransientError
from payments.scenes import inside, scene_of
from payments.services.online.ordering import (
    NothingToPay,
    NotOffered,
    SeveralCommunities,
    StillOpen,
    Wish,
    start_order,
)
from payments.services.using_credit import prospects
from payments.wording import offered


def open_bills_of(request: SignedInRequest) -> QuerySet:
    """The resident's open bills, oldest due first."""
    return (
        Bill.objects.of_resident(request.user)
        .open()
        .select_related(
            "account__unit",
            "account__party",
            "account__community",
            "run__period",
            "run__corrects__period",
        )
        .order_by("account__community", "due_on", "account__unit__sort_key", "pk")
    )


def unbilled_of(request: SignedInRequest) -> list[Any]:
    """The resident's accounts that owe something on no bill, with how much as `unbilled`."""
    return list(
        Account.objects.of_resident(request.user)
        .owing_unbilled()
        .select_related("unit", "party", "community")
        .order_by("unit__sort_key", "pk")
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: SignedInRequest) -> HttpResponse:
    """Choose bills and pay them; the oldest are chosen, or those of `?bill=`."""
    bills: list[Any] = with_late_fees(open_bills_of(request), on=today())
    beside = unbilled_of(request)
    if request.method == "POST":
        form = PayForm(
            request.POST,
            bills=[bill.pk for bill in bills],
            accounts=[account.pk for account in beside],
            providers=list(providers.available()),
        )
        if form.is_valid():
            return _start(request, form)
        # What was chosen is paid, or nothing was chosen.
        messages.warning(request, _("Please choose at least one bill that is still open."))
        return redirect("payments:pay")
    accounts = list(
        Account.objects.of_resident(request.user)
        .with_balance()
        .select_related("unit")
        .order_by("unit__sort_key", "pk")
    )
    wanted = ids_of(request.GET.getlist("bill"))
    # What is on no bill is from before all bills.
    oldest = {bill.pk for bill in bills if bill.due_on == bills[0].due_on and not beside}
    chosen = wanted & {bill.pk for bill in bills} or oldest
    # Money of two communities goes to two companies: one form for each.
    places = {bill.account.community for bill in bills} | {one.community for one in beside}
    return render(
        request,
        "payments/pay.html",
        {
            "forms": [
                {
                    "community": place,
                    "bills": (own := [b for b in bills if b.account.community == place]),
                    "savings": (saved := savings(own, on=today())),
                    "unbilled": (loose := [a for a in beside if a.community == place]),
                    "total": total_of(own, chosen, saved)
                    + (ZERO if wanted else sum((a.unbilled for a in loose), ZERO)),
                    "channels": offered(place.code, app=inside(request)),
                    "token": new_token(),
                }
                for place in sorted(places, key=lambda place: place.code)
            ],
            "orders": PaymentOrder.objects.under_way(request.user),
            "chosen": chosen,
            "unbilled_chosen": not wanted,
            "today": today(),
            "has_account": bool(accounts),
            "prospects": prospects(accounts),
            "credit_token": new_token(),
            "names_unit": len(accounts) > 1,
        },
    )


def _start(request: SignedInRequest, form: PayForm) -> HttpResponse:
    asked = form.cleaned_data
    wish = Wish(frozenset(asked["bill"]), frozenset(asked["unbilled"]))
    answer, _placed = place(request, wish, asked["provider"], asked["token"])
    return answer


def place(
    request: SignedInRequest,
    wish: Wish,
    provider: str,
    token: uuid.UUID,
    scene: Scene | None = None,
) -> tuple[HttpResponse, PaymentOrder | None]:
    """Where to go after an order was started, and the order; None if there is nothing to pay.

    Without a scene it is the best one for the browser.
    """
    try:
        order = start_order(
            user=request.user,
            wish=wish,
            provider_key=provider,
            scene=scene or scene_of(request, provider),
            form_token=token,
            # As far behind proxies as ALLAUTH_TRUSTED_PROXY_COUNT says.
            client_ip=get_adapter(request).get_client_ip(request),
        )
    except NotOffered:
        messages.warning(
            request, _("This community cannot be paid that way. Please choose another.")
        )
    except NothingToPay:
        messages.success(request, _("These bills are paid already. Thank you!"))
        return redirect("payments:records"), None
    except SeveralCommunities:
        messages.warning(request, _("Please pay the bills of each community by themselves."))
    except StillOpen:
        messages.warning(
            request, _("These bills are just being paid in another window. Please look there.")
        )
    except (TransientError, PermanentError):
        messages.warning(
            request,
            _(
                "An earlier payment for these bills could not be closed just now. Nothing was "
                "taken; please try again in a moment."
            ),
        )
    else:
        return redirect("payments:order", pk=order.pk), order
    return redirect("payments:pay"), None
