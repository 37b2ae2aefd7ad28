"""Giving an online payment back the way it came: asking for it, and what a provider gave up."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from billing.models import Account
from community.access import SignedInRequest, staff
from community.models import Community, Role
from core.money import ZERO, format_yuan
from payments.forms_refunds import OriginalRefundForm, WordsForm
from payments.models import Payment, Refund
from payments.services import original_refunds as services
from payments.services.record import KeyConflict
from payments.services.refunds import NotEnough, WrongState, request_refund
from payments.services.undoing import refundable_of


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_original_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Asks that an online payment, or some of it, goes back the way it came."""
    payment = get_object_or_404(
        Payment.objects.select_related("receipt", "order"),
        pk=pk,
        community=community,
        order__isnull=False,
    )
    accounts = list(
        Account.objects.filter(credit_entries__posting__payment=payment)
        .select_related("unit", "party")
        .order_by("unit__sort_key", "pk")
    )
    available = {account.pk: refundable_of(payment, account.pk) for account in accounts}
    form = OriginalRefundForm(
        request.POST or None,
        accounts=[
            (one.pk, f"{one.unit.code} · {format_yuan(available[one.pk])}") for one in accounts
        ],
        initial={"amount": available[accounts[0].pk] or None} if len(accounts) == 1 else {},
    )
    if request.method == "POST" and form.is_valid():
        refund = _ask(request, payment, accounts, form)
        if refund is not None:
            messages.success(request, _("Asked for. Somebody else approves it now."))
            return redirect("payments:refund", community.code, refund.pk)
    return render(
        request,
        "payments/ask_original_refund.html",
        {
            "community": community,
            "payment": payment,
            "available": sum(available.values(), ZERO),
            "form": form,
            "waiting": Refund.objects.filter(payment=payment).waiting(),
        },
        status=422 if form.errors else 200,
    )


def _ask(
    request: SignedInRequest, payment: Payment, accounts: list[Account], form: OriginalRefundForm
) -> Refund | None:
    """The request, or None with the reason on the form."""
    said: dict[str, Any] = form.cleaned_data
    try:
        return request_refund(
            account=next(one for one in accounts if one.pk == said["account"]),
            amount=said["amount"],
            reason=said["reason"],
            method=Refund.Method.ORIGINAL,
            payment=payment,
            by=request.user,
            token=said["form_token"],
        )
    except NotEnough as error:
        form.add_error(
            "amount",
            _("Only %(amount)s is there to go back.") % {"amount": format_yuan(error.available)},
        )
    except KeyConflict:
        form.add_error(None, _("This form was used already for another refund."))
    return None


@staff(Role.ACCOUNTANT)
@require_POST
def confirm_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """A refund that the provider gave up reached the payer after all."""
    found = get_object_or_404(Refund, pk=pk, community=community, method=Refund.Method.ORIGINAL)
    form = WordsForm(request.POST)
    words = form.cleaned_data["words"] if form.is_valid() else ""
    try:
        services.confirm_paid(found.pk, by=request.user, words=words)
    except ValueError:
        messages.error(request, _("Please say how you know that it arrived."))
    except WrongState as error:
        messages.warning(
            request,
            _("Nothing was done: the refund is %(state)s already.") % {"state": error.state.label},
        )
    else:
        messages.success(request, _("Recorded as paid out."))
    return redirect("payments:refund", community.code, found.pk)
