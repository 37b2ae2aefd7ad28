"""A bill's link for the family: the resident makes it, anyone who has it may pay."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.models import Bill
from billing.services.accounts.amounts_due import savings, total_of, with_late_fees
from community.access import SignedInRequest, public, signed_in
from community.models import today
from core.pdf import qr_data_uri
from payments import providers
from payments.forms.counter import PayForm, new_token
from payments.models import BillShare, PaymentOrder
from payments.providers.base import PermanentError, Scene, TransientError
from payments.scenes import inside, scene_of
from payments.services.online import sharing
from payments.services.online.hanging import hurry
from payments.services.online.ordering import (
    NothingToPay,
    NotOffered,
    StillOpen,
    Wish,
    open_order,
    start_order,
)
from payments.services.online.paid_twice import rests
from payments.views.orders import LIVE, how_to_pay
from payments.views.payers import go_to_app
from payments.wording import offered, words_for

State = PaymentOrder.State


# --- the resident ---------------------------------------------------------------------------


def _own(request: SignedInRequest, pk: int) -> Bill:
    return get_object_or_404(
        Bill.objects.of_resident(request.user)
        .with_open()
        .select_related("account__unit", "run__period", "run__corrects__period"),
        pk=pk,
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: SignedInRequest, pk: int) -> HttpResponse:
    """The link to one of the resident's own bills: made by a press, shown, taken back."""
    bill: Any = _own(request, pk)
    if request.method == "POST":
        if bill.open_amount:
            sharing.share_bill(bill=bill, by=request.user)
        return redirect("payments:share", pk=pk)
    found = BillShare.objects.visible_to(request.user).valid().filter(bill=bill).first()
    address = ""
    if found is not None:
        path = reverse("payments:shared_bill", args=[sharing.token_of(found)])
        address = settings.SITE_URL + path
    return render(
        request,
        "payments/share.html",
        {
            "bill": bill,
            "share": found,
            "address": address,
            "qr": qr_data_uri(address) if address else "",
            "masked": sharing.masked_unit(bill.account.unit.code),
        },
    )


@signed_in
@require_POST
def revoke_share(request: SignedInRequest, pk: int) -> HttpResponse:
    """Takes the link back: from now on it opens nothing."""
    if sharing.revoke(bill=_own(request, pk), by=request.user):
        messages.success(request, _("Taken back. The link opens nothing any more."))
    return redirect("payments:share", pk=pk)


# --- whoever has the link -------------------------------------------------------------------


def _shared(token: str) -> BillShare:
    found = sharing.shared(token)
    if found is None:
        raise Http404
    return found


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared_bill(request: HttpRequest, token: str) -> HttpResponse:
    """What is to be paid, without a name or a full address; a press starts the usual order."""
    found = _shared(token)
    valid = sharing.is_valid(found)
    bills: list[Any] = []
    if valid:
        wanted = (
            Bill.objects.filter(pk=found.bill_id)
            .open()
            .select_related("run__period", "run__corrects__period")
        )
        bills = with_late_fees(wanted, on=today())
        if request.method == "POST" and bills:
            return _start(request, found, token)
    saved = savings(bills, on=today())
    return render(
        request,
        "payments/shared_bill.html",
        {
            "community": found.bill.account.community,
            "share": found,
            "valid": valid,
            "bill": bills[0] if bills else None,
            "savings": saved,
            "to_pay": total_of(bills, [bill.pk for bill in bills], saved),
            "period": found.bill.run.title,
            "masked": sharing.masked_unit(found.bill.account.unit.code),
            "channels": offered(found.bill.account.community.code, app=inside(request)),
            "token": new_token(),
        },
        status=200 if valid else 410,
    )


def _start(request: HttpRequest, found: BillShare, token: str) -> HttpResponse:
    form = PayForm(
        request.POST,
        bills=[found.bill_id],
        accounts=[],
        providers=list(providers.available(found.bill.account.community.code)),
    )
    again = redirect("payments:shared_bill", token=token)
    if not form.is_valid():
        return again
    try:
        order = start_order(
            user=found.created_by,
            wish=Wish(frozenset([found.bill_id])),
            provider_key=form.cleaned_data["provider"],
            scene=scene_of(request, form.cleaned_data["provider"]),
            form_token=form.cleaned_data["token"],
            client_ip=get_adapter(request).get_client_ip(request),
            share=found,
        )
    except NothingToPay:
        return again
    except (NotOffered, StillOpen, TransientError, PermanentError):
        messages.warning(
            request,
            _("The payment could not be started just now. Nothing was taken; please try again."),
        )
        return again
    if order.share_id != found.pk:
        # Paid meanwhile by the resident's own order, which is none of the visitor's business.
        return again
    return redirect("payments:shared_order", token=token, pk=order.pk)


def _order(share: BillShare, pk: int) -> PaymentOrder:
    """An order that came by the link, which stands on it with its bill."""
    found = get_object_or_404(PaymentOrder.objects.select_related("community"), pk=pk, share=share)
    found.share = share
    return found


@public
@never_cache
@require_safe
def shared_order(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    """How to pay, that we wait, or what came of it."""
    share = _shared(token)
    found, bill = _order(share, pk), share.bill
    live = found.state in LIVE
    if live and not found.waits_for_payer:
        hurry(found)
    return render(
        request,
        "payments/shared_order.html",
        {
            "community": found.community,
            "order": found,
            "live": live,
            "token": token,
            "words": words_for(found.provider),
            "bill": bill.pk,
            "period": bill.run.title,
            "masked": sharing.masked_unit(bill.account.unit.code),
            "form_token": new_token(),
            **how_to_pay(request, found),
            "unasked": rests(found) if found.state == State.PAID else [],
        },
    )


@public
@never_cache
@require_safe
def shared_order_status(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    """Asked by the waiting page: nothing while the state is as it was, else "load again"."""
    found = _order(_shared(token), pk)
    if found.state != request.GET.get("state"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    hurry(found)
    return HttpResponse(status=204)


@public
@never_cache
@require_safe
def shared_order_go(request: HttpRequest, token: str, pk: int) -> HttpResponse:
    """Sends a browser to the provider with a fresh address: the old one lives minutes only."""
    found = _order(_shared(token), pk)
    if found.waits_for_payer:
        return go_to_app(request, found)
    if found.state in LIVE:
        try:
            found = open_order(found)
        except (TransientError, KeyError):
            messages.warning(
                request,
                _(
                    "We cannot reach the payment service just now. Nothing was lost; please try "
                    "again."
                ),
            )
    if found.state != State.PENDING or found.scene not in (Scene.H5, Scene.PAGE):
        return redirect("payments:shared_order", token=token, pk=pk)
    return HttpResponseRedirect(found.pay_url, headers={"Referrer-Policy": "origin"})
