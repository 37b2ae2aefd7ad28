"""Deposits at the front desk: taking one, and those that are held."""

from django.core.paginator import Paginator
from django.db.models import Q, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from community.access import SignedInRequest, staff
from community.models import Community, Party, Role, Unit
from core.money import ZERO
from payments.forms.counter import new_token
from payments.forms.refunds import DepositForm
from payments.models import Deposit, Payment
from payments.services.receiving.deposits import account_of, receive_deposit
from payments.services.receiving.record import KeyConflict
from payments.views.used_form import receipt_of_used_form

PAGE = 50


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def take_deposit(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Takes a deposit of somebody who lives or owns at a unit, in cash or by card."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    used = receipt_of_used_form(request, community, kind="deposit")
    if used is not None:
        return used
    living = unit.occupancies.current()
    people = (
        Party.objects.filter(pk__in=living.values("party"))
        .annotate(pays=Q(pk__in=living.payers().values("party")))
        .order_by("-pays", "name", "pk")
    )
    form = DepositForm(request.POST or None, parties=people, initial={"token": new_token()})
    if request.method == "POST" and form.is_valid():
        deposit = _take(request, unit, form)
        if deposit is not None:
            return redirect("payments:receipt", pk=deposit.payment.receipt.pk)
    held = Deposit.objects.filter(account__unit=unit).held().select_related("account__party")
    return render(
        request,
        "payments/take_deposit.html",
        {
            "community": community,
            "unit": unit,
            "form": form,
            "people": people,
            "held": held.order_by("pk"),
        },
        status=422 if form.errors else 200,
    )


def _take(request: SignedInRequest, unit: Unit, form: DepositForm) -> Deposit | None:
    """The deposit, or None with the reason on the form."""
    asked = form.cleaned_data
    try:
        return receive_deposit(
            account=account_of(unit=unit, party=asked["party"]),
            purpose=asked["purpose"],
            amount=asked["amount"],
            method=Payment.Method(asked["method"]),
            token=asked["token"],
            clerk=request.user,
            tendered=asked["tendered"],
        )
    except KeyConflict:
        form.add_error(
            None,
            _("This form was used already for another amount; nothing was taken this time."),
        )
    return None


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_safe
def deposits(request: SignedInRequest, community: Community) -> HttpResponse:
    """What is held, for whom and since when; `?all` with those that went back."""
    everything = "all" in request.GET
    of_community = Deposit.objects.filter(community=community)
    found = of_community.with_held() if everything else of_community.held()
    page = Paginator(
        found.select_related("account__unit", "account__party", "payment__receipt").order_by(
            "received_at", "pk"
        ),
        PAGE,
    ).get_page(request.GET.get("page"))
    total = of_community.held().aggregate(total=Sum("held"))["total"] or ZERO
    return render(
        request,
        "payments/deposits.html",
        {"community": community, "page_obj": page, "total": total, "everything": everything},
    )
