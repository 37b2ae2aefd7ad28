"""Paying months ahead: what they will cost, how far the credit reaches; online, at the desk."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.models import Account
from billing.services.runs.estimate import Ahead
from community.access import SignedInRequest, signed_in, staff
from community.models import Community, Occupancy, Role, Unit
from core.money import ZERO
from payments import providers
from payments.forms.counter import CounterPrepayForm, MonthsForm, PrepayForm, ids_of, new_token
from payments.models import Deposit, Payment, Refund
from payments.scenes import inside
from payments.services.online.basket import Wish
from payments.services.receiving.deposits import account_of
from payments.services.receiving.prepaying import PriceChanged, TopUp, take_prepayment, top_up
from payments.services.receiving.record import KeyConflict
from payments.views.pay import place
from payments.views.used_form import receipt_of_used_form
from payments.wording import offered

CHOICES = (3, 6, 12)
USUAL = 3


@dataclass(frozen=True)
class Choice:
    """So many months, and what is to be paid for them besides the credit there is."""

    months: int
    total: Decimal


def _months(request: SignedInRequest) -> tuple[int, MonthsForm]:
    form = MonthsForm(request.GET if "months" in request.GET else None)
    return (form.cleaned_data["months"] if form.is_valid() else USUAL), form


def _about(account: Any, months: int) -> dict[str, object]:
    """What both pages show of an account (with its balance)."""
    ahead = Ahead(account)
    wanted = top_up(account, months, ahead=ahead)
    credit = wanted.credit
    return {
        "account": account,
        "months": months,
        "estimate": wanted.estimate,
        "wanted": wanted,
        "choices": [Choice(n, TopUp(ahead.estimate(n), credit).to_pay) for n in CHOICES],
        "coverage": ahead.covered_by(credit) if credit else None,
        "token": new_token(),
    }


# --- the resident ---------------------------------------------------------------------------


def accounts_paid_for(request: SignedInRequest) -> QuerySet:
    """The accounts of units that the resident pays for now."""
    paid_for = Occupancy.objects.current().payers().filter(party__bindings__user=request.user)
    pairs = paid_for.values_list("unit", "party")
    units, parties = {unit for unit, _party in pairs}, {party for _unit, party in pairs}
    return (
        Account.objects.of_resident(request.user)
        .filter(unit__in=units, party__in=parties)
        .select_related("unit", "party", "community")
        .with_balance()
        .order_by("community", "unit__sort_key", "pk")
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def prepay(request: SignedInRequest) -> HttpResponse:
    """Months ahead of one of the resident's accounts (`?account=`, `?months=`), paid online."""
    accounts = list(accounts_paid_for(request))
    if request.method == "POST":
        form = PrepayForm(
            request.POST,
            accounts=[account.pk for account in accounts],
            providers=list(providers.available()),
        )
        if form.is_valid():
            asked = form.cleaned_data
            answer, placed = place(
                request,
                Wish(prepay=(asked["account"], asked["months"])),
                asked["provider"],
                asked["token"],
            )
            return answer if placed else redirect("payments:prepay")
        messages.warning(request, _("Please choose from 1 to 36 months."))
        return redirect("payments:prepay")
    wanted = ids_of([request.GET.get("account", "")])
    account = next((one for one in accounts if one.pk in wanted), accounts[0] if accounts else None)
    months, months_form = _months(request)
    context: dict[str, object] = {
        "accounts": accounts,
        "form": months_form,
        "deposits": Deposit.objects.filter(account__in=Account.objects.of_resident(request.user))
        .held()
        .select_related("account__unit"),
        "refunds": Refund.objects.filter(account__in=Account.objects.of_resident(request.user))
        .waiting()
        .select_related("account__unit", "deposit"),
    }
    if account is not None:
        context |= _about(account, months)
        context["channels"] = offered(account.community.code, app=inside(request))
    return render(request, "payments/prepay.html", context)


# --- the front desk -------------------------------------------------------------------------


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def desk_prepay(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Months ahead of a unit's payer of today, in cash or by card."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    used = receipt_of_used_form(request, community, kind="prepay")
    if used is not None:
        return used
    payer = Occupancy.objects.current().payers().filter(unit=unit).select_related("party").first()
    account = _account(unit, payer)
    months, months_form = _months(request)
    form = CounterPrepayForm(request.POST or None)
    if request.method == "POST" and account is not None and form.is_valid():
        payment = _take(request, account, form)
        if payment is not None:
            return redirect("payments:receipt", pk=payment.receipt.pk)
    if form.is_bound:
        months = form.cleaned_data.get("months") or months
    context: dict[str, object] = {"community": community, "unit": unit, "form": form}
    context["months_form"] = months_form
    if account is not None:
        context |= _about(account, months)
    return render(request, "payments/desk_prepay.html", context, status=422 if form.errors else 200)


def _account(unit: Unit, payer: Occupancy | None) -> Any:
    """The account of today's payer with its credit, one to be opened if need be; None: nobody."""
    if payer is None:
        return None
    known = Account.objects.filter(unit=unit, party=payer.party).with_balance()
    found: Any = known.select_related("unit", "party", "community").first()
    if found is None:
        found = Account(community=unit.community, unit=unit, party=payer.party)
        found.credit = ZERO
    return found


def _take(request: SignedInRequest, account: Account, form: CounterPrepayForm) -> Payment | None:
    """The payment, or None with the reason on the form."""
    asked = form.cleaned_data
    try:
        return take_prepayment(
            account=account_of(unit=account.unit, party=account.party),
            months=asked["months"],
            amount=asked["amount"],
            method=Payment.Method(asked["method"]),
            token=asked["token"],
            clerk=request.user,
            tendered=asked["tendered"],
        )
    except PriceChanged:
        form.add_error(
            None,
            _("What these months cost has changed since the page was shown; nothing was taken."),
        )
    except KeyConflict:
        form.add_error(
            None,
            _("This form was used already for another amount; nothing was taken this time."),
        )
    return None
