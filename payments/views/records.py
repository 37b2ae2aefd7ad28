"""What a resident paid and owed over time, and how to pay by bank transfer."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from billing.models import Account, Bill
from billing.services.accounts.amounts_due import with_late_fees
from community.access import SignedInRequest, signed_in
from community.models import Community, today
from core.money import ZERO
from payments.forms.counter import ids_of
from payments.models import PaymentOrder
from payments.statement import load_statement
from payments.views.pay import unbilled_of
from payments.views.prepay import accounts_paid_for

LATEST = 10  # lines of the statement; the rest stands on its own page


@signed_in
@require_safe
def records(request: SignedInRequest) -> HttpResponse:
    """How one of the resident's accounts stands (`?account=`), its latest lines and live orders."""
    accounts = list(
        Account.objects.of_resident(request.user)
        .select_related("unit", "party", "community")
        .with_balance()
        .order_by("community", "unit__sort_key", "pk")
    )
    wanted = request.GET.get("account", "")
    account = accounts[0] if accounts else None
    if wanted:
        account = get_object_or_404(
            Account.objects.of_resident(request.user).with_balance(),
            pk__in=ids_of([wanted]),
        )
    return render(
        request,
        "payments/records.html",
        {
            "accounts": accounts,
            "account": account,
            "lines": load_statement(account).lines[: -LATEST - 1 : -1] if account else [],
            "orders": PaymentOrder.objects.under_way(request.user),
        },
    )


@dataclass(frozen=True)
class Transfer:
    """Where to and with which words somebody transfers money for some bills, or ahead."""

    community: Community
    amount: Decimal | None  # yuan; None where nothing is due
    memo: str


@signed_in
@require_safe
def transfer(request: SignedInRequest) -> HttpResponse:
    """Bank transfer instructions for all that is owed, or the bills of `?bill=`, with the memo.

    Where nothing is owed they are there for each unit that he pays for, to pay ahead.
    Unit codes and payer's name are the two pieces of evidence that matching asks for.
    """
    bills = (
        Bill.objects.of_resident(request.user)
        .open()
        .select_related("account__unit", "account__party", "account__community")
        .order_by("account__unit__sort_key", "due_on")
    )
    wanted = ids_of(request.GET.getlist("bill"))
    chosen: list[Any] = with_late_fees(
        [bill for bill in bills if not wanted or bill.pk in wanted], on=today()
    )
    beside = [] if wanted else unbilled_of(request)
    owing = [(bill.account, bill.to_pay) for bill in chosen]
    owing += [(account, account.unbilled) for account in beside]
    transfers = []
    for community in dict.fromkeys(account.community for account, _amount in owing):
        own = [(account, amount) for account, amount in owing if account.community == community]
        units = dict.fromkeys(account.unit.code for account, _amount in own)
        names = dict.fromkeys(account.party.name for account, _amount in own)
        transfers.append(
            Transfer(
                community,
                sum((amount for _account, amount in own), ZERO),
                f"{'+'.join(units)} {'、'.join(names)}",
            )
        )
    if not wanted:
        owing_to = {transfer.community for transfer in transfers}
        transfers += [
            Transfer(account.community, None, f"{account.unit.code} {account.party.name}")
            for account in accounts_paid_for(request)
            if account.community not in owing_to
        ]
    return render(request, "payments/transfer.html", {"transfers": transfers})
