"""Asking for a refund: of credit, of a deposit, or of an online payment the way it came."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.models import Account
from community.access import SignedInRequest, staff
from community.models import Community, Role
from core.money import ZERO, format_yuan
from payments.forms.counter import ids_of
from payments.forms.refunds import OriginalRefundForm, RefundForm, only_so_much
from payments.models import Deposit, Payment, Refund
from payments.services.giving_back.refunds import (
    NotEnough,
    failed_there,
    held_of,
    refundable,
    request_refund,
)
from payments.services.giving_back.undoing import refundable_of
from payments.services.receiving.record import KeyConflict


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def ask_refund(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Asks that credit of an account goes back, its deposit `?deposit=`, or a payment `?instead=`
    of a refund that the provider could not do."""
    account = get_object_or_404(
        Account.objects.select_related("unit", "party"), pk=pk, community=community
    )
    deposit, failed = _deposit(request, account), _failed(request, community)
    available = _available(account, deposit, failed)
    form = RefundForm(
        request.POST or None,
        of_deposit=deposit is not None,
        initial=_proposed(request, account, available, failed),
    )
    if request.method == "POST" and form.is_valid():
        refund = _asked(
            request,
            form,
            account=account,
            deposit=deposit,
            instead_of=failed,
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
            "failed": failed,
            "available": available,
            "form": form,
            "waiting": Refund.objects.filter(
                account=account, deposit=deposit, payment=failed.payment if failed else None
            ).waiting(),
        },
        status=422 if form.errors else 200,
    )


def _deposit(request: SignedInRequest, account: Account) -> Deposit | None:
    wanted = request.GET.get("deposit")
    if wanted is None:
        return None
    return get_object_or_404(Deposit, pk__in=ids_of([wanted]), account=account)


def _failed(request: SignedInRequest, community: Community) -> Refund | None:
    """What the provider could not give back of a payment that goes back another way."""
    wanted = request.GET.get("instead")
    if wanted is None:
        return None
    found = get_object_or_404(
        Refund.objects.select_related("payment__receipt", "payment__order"),
        pk__in=ids_of([wanted]),
        community=community,
        payment__isnull=False,
    )
    if not failed_there(found):
        raise Http404
    return found


def _available(account: Account, deposit: Deposit | None, failed: Refund | None) -> Decimal:
    """What can go back of what the page is about, in yuan."""
    if failed is not None and failed.payment is not None:
        return refundable_of(failed.payment, account.pk)
    return refundable(account.pk) if deposit is None else held_of(deposit)


def _proposed(
    request: SignedInRequest, account: Account, available: Decimal, failed: Refund | None
) -> dict[str, Any]:
    """What the form begins with: of a refund that failed, the same amount for the same reason."""
    if failed is not None:
        same = min(failed.amount, available) if failed.account_id == account.pk else available
        return {
            "amount": same or None,
            "method": Refund.Method.TRANSFER,
            "reason": failed.reason,
        }
    return {
        "amount": available or None,
        "method": Refund.Method.TRANSFER if "transfer" in request.GET else Refund.Method.CASH,
        "reason": _("Moving out") if "moving" in request.GET else "",
    }


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
    failed = Refund.objects.filter(
        payment=payment, method=Refund.Method.ORIGINAL, state=Refund.State.FAILED
    ).first()
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
            "other_ways": [(one, available[one.pk]) for one in accounts] if failed else [],
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
