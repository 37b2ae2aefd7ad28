"""Asking for a refund: of credit, of a deposit, or of an online payment the way it came."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.models import Account
from community.access import SignedInRequest, staff
from community.models import Community, Role
from core.money import ZERO, format_yuan
from payments.forms import ids_of
from payments.forms_refunds import OriginalRefundForm, RefundForm, only_so_much
from payments.models import Deposit, Payment, Refund
from payments.services.record import KeyConflict
from payments.services.refunds import NotEnough, held_of, refundable, request_refund
from payments.services.undoing import refundable_of


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Asks that credit of an account, or its deposit `?deposit=`, goes back."""
    account = get_object_or_404(
        Account.objects.select_related("unit", "party"), pk=pk, community=community
    )
    deposit = _deposit(request, account)
    available = refundable(account.pk) if deposit is None else held_of(deposit)
    form = RefundForm(
        request.POST or None,
        of_deposit=deposit is not None,
        initial={
            "amount": available or None,
            "method": Refund.Method.TRANSFER if "transfer" in request.GET else Refund.Method.CASH,
            "reason": _reason(request),
        },
    )
    if request.method == "POST" and form.is_valid():
        refund = _asked(
            request,
            form,
            account=account,
            deposit=deposit,
            method=Refund.Method(form.cleaned_data["method"]),
            withheld=form.cleaned_data.get("withheld") or ZERO,
            withheld_reason=form.cleaned_data.get("withheld_reason") or "",
            payee_name=form.cleaned_data["payee_name"],
            payee_bank=form.cleaned_data["payee_bank"],
            payee_account=form.cleaned_data["payee_account"],
        )
        if refund is not None:
            messages.success(request, _("Asked for. Somebody else approves it now."))
            return redirect("payments:refund", community.code, refund.pk)
    return render(
        request,
        "payments/ask_refund.html",
        {
            "community": community,
            "account": account,
            "deposit": deposit,
            "available": available,
            "form": form,
            "waiting": Refund.objects.filter(account=account, deposit=deposit).waiting(),
        },
        status=422 if form.errors else 200,
    )


def _deposit(request: SignedInRequest, account: Account) -> Deposit | None:
    wanted = request.GET.get("deposit")
    if wanted is None:
        return None
    return get_object_or_404(Deposit, pk__in=ids_of([wanted]), account=account)


def _reason(request: SignedInRequest) -> str:
    return _("Moving out") if "moving" in request.GET else ""


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
    # What the channel refused once it refuses again: another way is offered instead.
    failed = Refund.objects.filter(payment=payment, state=Refund.State.FAILED).first()
    if request.method == "POST" and failed is None and form.is_valid():
        refund = _asked(
            request,
            form,
            account=next(one for one in accounts if one.pk == form.cleaned_data["account"]),
            payment=payment,
            method=Refund.Method.ORIGINAL,
        )
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
            "failed": failed,
            "other_ways": [(one, refundable(one.pk)) for one in accounts] if failed else [],
            "form": form,
            "waiting": Refund.objects.filter(payment=payment).waiting(),
        },
        status=422 if form.is_bound and (failed or form.errors) else 200,
    )


def _asked(
    request: SignedInRequest, form: RefundForm | OriginalRefundForm, **what: Any
) -> Refund | None:
    """The request for `what`, or None with the reason on the form."""
    try:
        return request_refund(
            amount=form.cleaned_data["amount"],
            reason=form.cleaned_data["reason"],
            by=request.user,
            token=form.cleaned_data["form_token"],
            **what,
        )
    except NotEnough as error:
        form.add_error("amount", only_so_much(error.available))
    except KeyConflict:
        form.add_error(None, _("This form was used already for another refund."))
    return None
