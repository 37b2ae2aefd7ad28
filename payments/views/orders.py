"""An online order: how to pay it, what came of it, going on in another way, giving it up."""

import json
import uuid
from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from billing.explanation import words_of_late_fee
from billing.services.accounts.late_fees import standings
from community.access import SignedInRequest, signed_in
from core.pdf import qr_data_uri
from payments import providers
from payments.models import PaymentOrder, PayoutVoucher, Refund
from payments.providers.base import PermanentError, Scene, TransientError
from payments.scenes import app_scene, inside
from payments.services.giving_back.undoing import STANDING
from payments.services.online.asking import retire
from payments.services.online.basket import wish_of
from payments.services.online.closed import why_closed
from payments.services.online.hanging import hurry
from payments.services.online.ordering import open_order
from payments.services.online.paid_twice import rests
from payments.views.pay import place
from payments.views.payers import go_to_app
from payments.wording import words_for

State = PaymentOrder.State
LIVE = (State.CREATED, State.PENDING)
ENDED = (State.CLOSED, State.EXPIRED, State.FAILED)


def _own(request: SignedInRequest, pk: int) -> PaymentOrder:
    return get_object_or_404(
        PaymentOrder.objects.visible_to(request.user).select_related("community"), pk=pk
    )


@signed_in
@require_safe
def order(request: SignedInRequest, pk: int) -> HttpResponse:
    """An order: how to pay it, that we wait for it, or what came of it."""
    found = _own(request, pk)
    live = found.state in LIVE
    if live and not found.waits_for_payer:
        hurry(found)
    receipt = found.payment.receipt if found.state == State.PAID else None
    return render(
        request,
        "payments/order.html",
        {
            "order": found,
            "words": words_for(found.provider),
            "live": live,
            **how_to_pay(request, found),
            "lines": _lines(found),
            "unfolded": "code" in request.GET,  # asked for on a narrow screen
            "goes_on": "on" in request.GET
            and (found.state, found.scene) == (State.PENDING, Scene.PAGE),
            "receipt": receipt,
            "closed": why_closed(found) if found.state == State.CLOSED else None,
            "choose_again": _choose_again(found) if found.state in ENDED else "",
            "beside": found.account_lines.select_related("account__unit"),
            "unasked": (unasked := rests(found) if receipt else []),
            # What was never paid cannot have gone back.
            "refunds": _refunds(request, found, said={rest.refund for rest in unasked})
            if receipt
            else [],
        },
    )


def _choose_again(order: PaymentOrder) -> str:
    """The page where what an order that came to nothing was for is chosen: bills, or months."""
    wish = wish_of(order)
    if wish.prepay is None or wish.bill_ids or wish.unbilled:
        return reverse("payments:pay")
    account_id, months = wish.prepay
    return f"{reverse('payments:prepay')}?account={account_id}&months={months}"


def _refunds(
    request: SignedInRequest, order: PaymentOrder, *, said: Collection[Refund | None]
) -> list[Any]:
    """What of an order went back, with its `paper`, or is on its way; of the latter not `said`."""
    found: list[Any] = [
        refund
        for refund in Refund.objects.filter(payment__order=order, state__in=STANDING)
        .select_related("account__unit", "voucher")
        .order_by("pk")
        if refund.state == Refund.State.PAID or refund not in said
    ]
    own = set(
        PayoutVoucher.objects.visible_to(request.user)
        .filter(refund__in=found)
        .values_list("refund", flat=True)
    )
    for refund in found:
        refund.paper = refund.voucher if refund.pk in own else None
    return found


def _lines(order: PaymentOrder) -> list[Any]:
    """What is paid for which bill, with how its late fee of the order's day came about."""
    lines: list[Any] = list(
        order.lines.select_related(
            "bill__account__unit", "bill__run__period", "bill__run__corrects__period"
        )
    )
    day = timezone.localdate(order.paid_at or order.created_at)
    late = standings(bill_ids=[line.bill_id for line in lines], on=day)
    for line in lines:
        line.late_words = words_of_late_fee(late[line.bill_id]) if line.bill_id in late else []
    return lines


def how_to_pay(request: HttpRequest, order: PaymentOrder) -> dict[str, object]:
    """What the page of an order shows to pay it with: a code, or the app in which it is open.

    `ask_who`: the browser goes on at once to the app's page that says who pays, unless it has just
    come back from there (`?asked`).
    """
    pending = order.state == State.PENDING
    provider = providers.made(order)
    in_app = pending and order.scene == Scene.JSAPI and provider.is_configured()
    return {
        "qr": qr_data_uri(order.pay_url) if pending and order.scene == Scene.NATIVE else "",
        "app_scene": app_scene(request, order) if pending else None,
        "app_call": json.dumps(provider.app_call(order.pay_url)) if in_app else "",
        "ask_who": order.waits_for_payer
        and "asked" not in request.GET
        and inside(request) == order.provider,
    }


@signed_in
@require_safe
def order_status(request: SignedInRequest, pk: int) -> HttpResponse:
    """Asked by the waiting page: nothing while the state is as it was, else "load again"."""
    found = _own(request, pk)
    if found.state != request.GET.get("state"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    hurry(found)
    return HttpResponse(status=204)


@signed_in
@require_safe
def order_go(request: SignedInRequest, pk: int) -> HttpResponse:
    """Sends a browser to the provider with a fresh address: the old one lives minutes only."""
    found = _own(request, pk)
    if found.waits_for_payer:
        return go_to_app(request, found)
    found = _try_to_open(request, found)
    if found.state != State.PENDING or found.scene not in (Scene.H5, Scene.PAGE):
        return redirect("payments:order", pk=pk)
    # WeChat wants to see from which site the payer comes.
    return HttpResponseRedirect(found.pay_url, headers={"Referrer-Policy": "origin"})


@signed_in
@require_POST
def order_scene(request: SignedInRequest, pk: int) -> HttpResponse:
    """Goes on in another way: a phone's own app or a page instead of the code, or the code instead.

    To the provider that is another order: this one is closed there first, so that only one can be
    paid. Pressed twice it is one.
    """
    found = _own(request, pk)
    try:
        scene = Scene(request.POST.get("scene", ""))
    except ValueError:
        raise Http404 from None
    if scene not in providers.all_providers()[found.provider].scenes:
        raise Http404
    if found.state not in LIVE or found.scene == scene:
        return redirect("payments:order", pk=pk)
    form_token = uuid.uuid5(found.form_token, scene)
    answer, placed = place(request, wish_of(found), found.provider, form_token, scene)
    if placed is None or placed.state != State.PENDING:
        return answer
    # Never straight on to the provider: the page's policy lets forms lead to ourselves only. The
    # order's own page goes on to the provider's: who pressed once need not press again there.
    then = {Scene.NATIVE: "?code", Scene.PAGE: "?on"}.get(Scene(placed.scene), "")
    return redirect(reverse("payments:order", args=[placed.pk]) + then)


@signed_in
@require_POST
def order_open(request: SignedInRequest, pk: int) -> HttpResponse:
    """Tries again to place an order that perhaps never arrived; twice is the same as once."""
    _try_to_open(request, _own(request, pk))
    return redirect("payments:order", pk=pk)


@signed_in
@require_POST
def order_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Gives an order up; if it was paid at the last moment, it is settled instead."""
    found = _own(request, pk)
    if found.state in LIVE:
        try:
            found = retire(found)
        except (TransientError, PermanentError, KeyError):
            _tell_unreachable(request)
            return redirect("payments:order", pk=pk)
    if found.state == State.PAID:
        return redirect("payments:order", pk=pk)
    messages.info(request, _("The payment was given up; nothing was taken."))
    return redirect(_choose_again(found))


def _try_to_open(request: SignedInRequest, order: PaymentOrder) -> PaymentOrder:
    """The order after one more try to place it, or as it was, with a word on why."""
    if order.state in LIVE:
        try:
            return open_order(order)
        except (TransientError, KeyError):
            _tell_unreachable(request)
    return order


def _tell_unreachable(request: SignedInRequest) -> None:
    messages.warning(
        request,
        _("We cannot reach the payment service just now. Nothing was lost; please try again."),
    )
