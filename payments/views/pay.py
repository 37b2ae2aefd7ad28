"""Paying online: choose bills, pay, and wait without doubt."""

import re
import uuid
from decimal import Decimal
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.explanation import words_of_late_fee
from billing.models import Account, Bill
from billing.services.accounts.amounts_due import savings, total_of, with_late_fees
from billing.services.accounts.late_fees import standings
from community.access import SignedInRequest, signed_in
from community.models import today
from core.money import ZERO
from core.pdf import qr_data_uri
from payments import providers
from payments.forms import PayForm, ids_of, new_token
from payments.models import PaymentOrder
from payments.providers.base import PermanentError, Scene, TransientError
from payments.services.asking import hurry, retire
from payments.services.basket import wish_of
from payments.services.ordering import (
    NothingToPay,
    NotOffered,
    SeveralCommunities,
    StillOpen,
    Wish,
    open_order,
    start_order,
)
from payments.services.orders import unasked_credit
from payments.wording import offered, words_for

PHONE = re.compile(r"Android|iPhone|iPad|HarmonyOS|Mobile", re.IGNORECASE)
State = PaymentOrder.State
LIVE = (State.CREATED, State.PENDING)


def scene_of(request: HttpRequest) -> Scene:
    """A phone opens the app itself; anything else shows a code for a phone.

    The page's script tells of a narrow screen: there are phones whose browsers ask for desktop
    pages.
    """
    agent = request.headers.get("User-Agent", "")
    on_phone = PHONE.search(agent) or request.POST.get("narrow")
    return Scene.H5 if on_phone else Scene.NATIVE


def open_bills_of(request: SignedInRequest) -> QuerySet:
    """The resident's open bills, oldest due first."""
    return (
        Bill.objects.of_resident(request.user)
        .open()
        .select_related("account__unit", "account__party", "account__community", "run__period")
        .order_by("account__community", "due_on", "account__unit__sort_key", "pk")
    )


def unbilled_of(request: SignedInRequest) -> list[Any]:
    """The resident's accounts that owe something on no bill, with how much as `unbilled`."""
    return list(
        Account.objects.of_resident(request.user)
        .owing_unbilled()
        .select_related("unit", "community")
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
                    "channels": offered(place.code),
                    "token": new_token(),
                }
                for place in sorted(places, key=lambda place: place.code)
            ],
            "chosen": chosen,
            "unbilled_chosen": not wanted,
            "today": today(),
            # Payments inside WeChat itself come with its sign-in; until then its browser refuses.
            "in_wechat": "MicroMessenger" in request.headers.get("User-Agent", ""),
            "has_account": Account.objects.of_resident(request.user).exists(),
        },
    )


def _start(request: SignedInRequest, form: PayForm) -> HttpResponse:
    asked = form.cleaned_data
    wish = Wish(frozenset(asked["bill"]), frozenset(asked["unbilled"]))
    answer, _placed = place(request, wish, asked["provider"], scene_of(request), asked["token"])
    return answer


def place(
    request: SignedInRequest, wish: Wish, provider: str, scene: Scene, token: uuid.UUID
) -> tuple[HttpResponse, PaymentOrder | None]:
    """Where to go after an order was started, and the order; None if there is nothing to pay."""
    try:
        order = start_order(
            user=request.user,
            wish=wish,
            provider_key=provider,
            scene=scene,
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


def _order(request: SignedInRequest, pk: int) -> PaymentOrder:
    return get_object_or_404(
        PaymentOrder.objects.visible_to(request.user).select_related("community"), pk=pk
    )


@signed_in
@require_safe
def order(request: SignedInRequest, pk: int) -> HttpResponse:
    """An order: how to pay it, that we wait for it, or what came of it."""
    found = _order(request, pk)
    live = found.state in LIVE
    if live:
        hurry(found)
    receipt = found.payment.receipt if found.state == State.PAID else None
    return render(
        request,
        "payments/order.html",
        {
            "order": found,
            "words": words_for(found.provider),
            "live": live,
            "lines": _lines(found),
            "qr": qr_data_uri(found.pay_url) if _shows_code(found) else "",
            "unfolded": "code" in request.GET,  # asked for on a narrow screen
            "receipt": receipt,
            "beside": found.account_lines.select_related("account__unit"),
            "unasked": _unasked(found) if receipt else [],
        },
    )


def _lines(order: PaymentOrder) -> list[Any]:
    """What is paid for which bill, with how its late fee of the order's day came about."""
    lines: list[Any] = list(order.lines.select_related("bill__account__unit", "bill__run__period"))
    day = timezone.localdate(order.paid_at or order.created_at)
    late = standings(bill_ids=[line.bill_id for line in lines], on=day)
    for line in lines:
        line.late_words = words_of_late_fee(late[line.bill_id]) if line.bill_id in late else []
    return lines


def _unasked(order: PaymentOrder) -> list[tuple[str, Decimal]]:
    """The units where money of the order was not needed any more, and how much, in yuan."""
    rest = unasked_credit(order)
    codes = Account.objects.filter(pk__in=rest).values_list("pk", "unit__code")
    return [(code, rest[pk]) for pk, code in codes]


def _shows_code(order: PaymentOrder) -> bool:
    return order.state == State.PENDING and order.scene == Scene.NATIVE


@signed_in
@require_safe
def order_status(request: SignedInRequest, pk: int) -> HttpResponse:
    """Asked by the waiting page: nothing while the state is as it was, else "load again"."""
    found = _order(request, pk)
    if found.state != request.GET.get("state"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    hurry(found)
    return HttpResponse(status=204)


@signed_in
@require_safe
def order_go(request: SignedInRequest, pk: int) -> HttpResponse:
    """Sends a browser to the provider with a fresh address: the old one lives minutes only."""
    found = _try_to_open(request, _order(request, pk))
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
    found = _order(request, pk)
    try:
        scene = Scene(request.POST.get("scene", ""))
    except ValueError:
        raise Http404 from None
    if scene not in providers.all_providers()[found.provider].scenes:
        raise Http404
    if found.state not in LIVE or found.scene == scene:
        return redirect("payments:order", pk=pk)
    form_token = uuid.uuid5(found.form_token, scene)
    answer, placed = place(request, wish_of(found), found.provider, scene, form_token)
    if placed is None or placed.state != State.PENDING:
        return answer
    # Never straight on to the provider: the page's policy lets forms lead to ourselves only.
    unfolded = "?code" if scene == Scene.NATIVE else ""
    return redirect(reverse("payments:order", args=[placed.pk]) + unfolded)


@signed_in
@require_POST
def order_open(request: SignedInRequest, pk: int) -> HttpResponse:
    """Tries again to place an order that perhaps never arrived; twice is the same as once."""
    _try_to_open(request, _order(request, pk))
    return redirect("payments:order", pk=pk)


@signed_in
@require_POST
def order_cancel(request: SignedInRequest, pk: int) -> HttpResponse:
    """Gives an order up; if it was paid at the last moment, it is settled instead."""
    found = _order(request, pk)
    if found.state in LIVE:
        try:
            found = retire(found)
        except (TransientError, PermanentError, KeyError):
            _tell_unreachable(request)
            return redirect("payments:order", pk=pk)
    if found.state == State.PAID:
        return redirect("payments:order", pk=pk)
    messages.info(request, _("The payment was given up; nothing was taken."))
    return redirect("payments:pay")


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
