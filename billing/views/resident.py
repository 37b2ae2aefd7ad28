"""A resident's bills: what is owed, and each line explained."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from billing.explanation import compare_bill, explain_bill
from billing.models import Account, Bill, TariffProposal
from billing.services.accounts.amounts_due import total_late_fee, with_late_fees
from billing.views.settling import adjusted, settled_by
from community.access import SignedInRequest, signed_in
from community.models import today
from core.money import ZERO

PAGE = 20


@dataclass
class OfUnit:
    """What one account has to show: its open bills, and what is owed beside them."""

    account: Account
    bills: list[Bill] = field(default_factory=list)

    @property
    def owed(self) -> Decimal:
        """Everything open, and the late fees of today that are not posted yet."""
        return self.account.owed + total_late_fee(self.bills)  # type: ignore[attr-defined]

    @property
    def credit(self) -> Decimal:
        return self.account.credit  # type: ignore[attr-defined]

    @property
    def beside_bills(self) -> Decimal:
        """Open charges that are on no bill, such as opening arrears."""
        return self.owed - sum((bill.to_pay for bill in self.bills), ZERO)  # type: ignore[attr-defined]


@signed_in
def bills(request: SignedInRequest) -> HttpResponse:
    """Open bills by unit with what each unit owes; below, the settled ones, newest first."""
    accounts = (
        Account.objects.of_resident(request.user)
        .with_balance()
        .select_related("unit", "community")
        .order_by("community", "unit__sort_key", "id")
    )
    of_units = _by_unit(accounts, request)
    settled = (
        Bill.objects.of_resident(request.user)
        .with_open()
        .with_reversed()
        .filter(Q(open_amount=0))
        .select_related("account__unit", "run__period", "run__corrects__period")
        .order_by("-run__period__starts_on", "account__unit__sort_key", "id")
    )
    return render(
        request,
        "billing/bills.html",
        {
            "of_units": [each for each in of_units if each.owed],
            "credits": [each.account for each in of_units if each.credit],
            "owed": sum((each.owed for each in of_units), ZERO),
            "open_bills": [bill for each in of_units for bill in each.bills],
            "page_obj": Paginator(settled, PAGE).get_page(request.GET.get("page")),
            "has_account": bool(of_units),
        },
    )


def _by_unit(accounts: Iterable[Account], request: SignedInRequest) -> list[OfUnit]:
    open_bills = (
        Bill.objects.of_resident(request.user)
        .open()
        .select_related("run__period", "run__corrects__period")
        .order_by("account_id", "due_on", "id")
    )
    by_account = {
        account: list(group)
        for account, group in groupby(
            with_late_fees(open_bills, on=today()), lambda b: b.account_id
        )
    }
    return [OfUnit(account, by_account.get(account.pk, [])) for account in accounts]


@signed_in
def bill(request: SignedInRequest, pk: int) -> HttpResponse:
    """One bill, each line explained. Staff who follow a link to it are led to the desk's page."""
    found = get_object_or_404(
        Bill.objects.visible_to(request.user)
        .with_open()
        .with_reversed()
        .select_related(
            "account__unit",
            "account__community",
            "account__party",
            "run__period",
            "run__corrects__period",
        ),
        pk=pk,
    )
    if not Account.objects.of_resident(request.user).filter(pk=found.account_id).exists():
        return redirect("billing:desk_bill", community=found.account.community.code, pk=pk)
    with_late_fees([found], on=today())
    return render(
        request,
        "billing/bill.html",
        {
            "bill": found,
            "lines": explain_bill(found),
            "comparison": compare_bill(found),
            "settled_by": settled_by(found),
            "adjusted": adjusted(found),
            "proposals": TariffProposal.objects.open_for(request.user).filter(
                community=found.account.community
            ),
        },
    )
