"""Taking money at the front desk."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from billing.models import Account, Bill
from billing.services.accounts.amounts_due import Saving, savings, total_of, with_late_fees
from community.access import SignedInRequest, staff
from community.models import Community, Occupancy, Role, Unit, today
from core.kept_form import keep_form, kept_form
from core.money import ZERO, format_yuan
from payments.forms.counter import CollectForm, ids_of, new_token
from payments.models import Payment
from payments.services.online.basket import being_paid, last_paid
from payments.services.online.paid_twice import refunds_twice
from payments.services.receiving.counter import MoreThanOwed, collect, open_unbilled
from payments.services.receiving.record import KeyConflict
from payments.services.using_credit import prospects
from payments.views.used_form import receipt_of_used_form

# Of a form that is kept to be corrected: far more than anybody types or ticks.
MOST_TYPED, MOST_TICKED = 40, 500


@dataclass(frozen=True)
class Group:
    """The open bills of one account, as the page shows them."""

    account: Account
    bills: list[Any]
    unbilled: Decimal  # owed on no bill, in yuan
    here: bool  # of this unit; else the same person's at another
    pays_now: bool  # the unit's payer of today; else a former one

    @property
    def unbilled_key(self) -> int:
        """What stands among the ticked bills' numbers for all that is on no bill."""
        return -self.account.pk


@staff(Role.CLERK, Role.ACCOUNTANT)
@require_http_methods(["GET", "HEAD", "POST"])
def collect_money(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Open bills of a unit and of the same payer's other units; takes cash or card for them."""
    unit = get_object_or_404(Unit, pk=pk, community=community)
    used = receipt_of_used_form(request, community, kind="counter")
    if used is not None:
        return used
    payer = Occupancy.objects.current().payers().filter(unit=unit).values_list("party", flat=True)
    groups = _groups(unit, payer.first())
    account = _account(unit, groups)
    if request.method == "POST" and account is not None:
        form = CollectForm(request.POST)
        ticked = ids_of(request.POST.getlist("bill"))
        ticked |= {-account_id for account_id in ids_of(request.POST.getlist("unbilled"))}
        if form.is_valid():
            done = _take(request, community, account, form, ticked)
            if done is not None:
                return redirect("payments:receipt", pk=done.receipt.pk)
        return _show_again(request, unit, form, ticked)
    form, ticked = _corrected(request, unit) or _fresh(
        groups, ids_of(request.GET.getlist("account"))
    )
    saved = _savings(groups)
    return render(
        request,
        "payments/collect.html",
        {
            "community": community,
            "unit": unit,
            "groups": groups,
            "account": account,
            "ticked": ticked,
            "owed": _total(groups, ticked, saved),
            "savings": saved,
            "prospects": prospects(group.account for group in groups),
            "credit_token": new_token(),
            "online": (online := _online(groups)),
            "keeps_twice": online and not refunds_twice(community),
            "form": form,
            "today": today(),
        },
    )


def _fresh(groups: list[Group], wanted: set[int]) -> tuple[CollectForm, set[int]]:
    """An empty form, with what today's payer owes ticked, or what the `wanted` accounts owe."""
    chosen = [
        group for group in groups if (group.account.pk in wanted if wanted else group.pays_now)
    ]
    ticked = {bill.pk for group in chosen for bill in group.bills}
    ticked |= {group.unbilled_key for group in chosen if group.unbilled}
    amount = _total(groups, ticked, _savings(groups)) or None
    return CollectForm(initial={"token": new_token(), "amount": amount}), ticked


def _show_again(
    request: SignedInRequest, unit: Unit, form: CollectForm, ticked: set[int]
) -> HttpResponse:
    """Keeps a form that has to be corrected for one more look, and leads to it."""
    more = sorted(ticked)[:MOST_TICKED]
    keep_form(request, _kept_under(unit), form, most=MOST_TYPED, ticked=more)
    return redirect("payments:collect", unit.community.code, unit.pk)


def _corrected(request: SignedInRequest, unit: Unit) -> tuple[CollectForm, set[int]] | None:
    """The form that was kept, with what is wrong with it; None if there is none."""
    kept = kept_form(request, _kept_under(unit), CollectForm)
    return kept and (kept[0], set(kept[1]["ticked"]))


def _kept_under(unit: Unit) -> str:
    return f"collect-{unit.pk}"


def _take(
    request: SignedInRequest,
    community: Community,
    account: Account,
    form: CollectForm,
    ticked: set[int],
) -> Payment | None:
    """The payment, or None with the reason on the form."""
    asked = form.cleaned_data
    try:
        return collect(
            community=community,
            account=account,
            bill_ids={key for key in ticked if key > 0},
            unbilled={-key for key in ticked if key < 0},
            amount=asked["amount"],
            method=Payment.Method(asked["method"]),
            token=asked["token"],
            clerk=request.user,
            tendered=asked["tendered"],
            prepay=asked["prepay"],
        )
    except MoreThanOwed as error:
        form.add_error("amount", _needs_only(error.owed, ticked))
    except KeyConflict:
        form.add_error(
            None,
            _("This form was used already for another amount; nothing was taken this time."),
        )
        messages.warning(request, _("Please look at the receipts before you take money again."))
    return None


def _needs_only(owed: Decimal, ticked: set[int]) -> str:
    """Why less is needed than was to be taken; of what is paid, how."""
    if owed:
        return _(
            "The ticked bills need only %(owed)s now; nothing was taken. Take that, or tick "
            "below that the rest is a prepayment."
        ) % {"owed": format_yuan(owed)}
    order = last_paid([key for key in ticked if key > 0], [-key for key in ticked if key < 0])
    if order is None:
        return _(
            "What was ticked is paid already; nothing was taken. Tick below if this is a "
            "prepayment."
        )
    at = timezone.localtime(order.paid_at)
    return _(
        "Paid online at %(time)s, receipt %(receipt)s; nothing was taken here. Tick below if this "
        "is a prepayment."
    ) % {
        "time": date_format(at, "H:i" if at.date() == today() else "DATETIME_FORMAT"),
        "receipt": order.payment.receipt.code,
    }


def _groups(unit: Unit, payer_id: int | None) -> list[Group]:
    """The unit's accounts first, today's payer on top; then his accounts at other units."""
    accounts = Account.objects.filter(unit=unit) | Account.objects.filter(
        party=payer_id, community=unit.community
    )
    bills: dict[int, list[Any]] = {}
    for bill in with_late_fees(
        Bill.objects.filter(account__in=accounts)
        .open()
        .select_related("run__period", "run__corrects__period")
        .order_by("due_on", "pk"),
        on=today(),
    ):
        bills.setdefault(bill.account_id, []).append(bill)
    unbilled = {
        part.account_id: part.amount
        for part in open_unbilled(accounts.values_list("pk", flat=True), community=unit.community)
    }
    groups = [
        Group(
            account,
            bills.get(account.pk, []),
            unbilled.get(account.pk, ZERO),
            here=account.unit_id == unit.pk,
            pays_now=account.unit_id == unit.pk and account.party_id == payer_id,
        )
        for account in accounts.select_related("unit", "party").with_balance().order_by("pk")
    ]
    groups.sort(key=lambda group: (not group.pays_now, not group.here, group.account.unit.sort_key))
    return [group for group in groups if group.bills or group.unbilled or group.pays_now]


def _account(unit: Unit, groups: list[Group]) -> Account | None:
    """Whose credit an overpayment becomes: today's payer's at this unit."""
    for group in groups:
        if group.here:
            return group.account
    return None


def _savings(groups: list[Group]) -> list[Saving]:
    return savings([bill for group in groups for bill in group.bills], on=today())


def _online(groups: list[Group]) -> Decimal:
    """What somebody is about to pay online of what the page shows: taken here too, it is twice."""
    bills = [bill.pk for group in groups for bill in group.bills]
    return being_paid(bills, [group.account.pk for group in groups if group.unbilled])


def _total(groups: list[Group], ticked: set[int], saved: list[Saving]) -> Decimal:
    unbilled = sum((group.unbilled for group in groups if group.unbilled_key in ticked), ZERO)
    return unbilled + total_of([bill for group in groups for bill in group.bills], ticked, saved)
