"""What a resident paid and owed over time, and how to pay by bank transfer."""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from billing.models import Account, Bill, Charge, CreditEntry
from community.access import SignedInRequest, signed_in
from community.models import Community
from core.money import ZERO
from payments.forms import ids_of
from payments.models import PaymentOrder, Receipt


@dataclass(frozen=True)
class Line:
    """A line of the statement: what was billed (+) or received (−), and the balance after it."""

    day: datetime.date
    amount: Decimal
    balance: Decimal
    bill: Bill | None = None
    charge: Charge | None = None
    entry: CreditEntry | None = None
    receipt: Receipt | None = None


def statement(account: Account) -> list[Line]:
    """Everything on the account, newest first (three queries)."""
    bills = account.bills.select_related("run__period")
    loose = account.charges.filter(bill=None).select_related("fee_item")
    entries = account.credit_entries.select_related("posting__payment__receipt")
    rows: list[tuple[datetime.date, int, Decimal, dict[str, object]]] = []
    for bill in bills:
        rows.append((_day(bill.issued_at), 0, bill.amount, {"bill": bill}))
    for charge in loose:
        rows.append((charge.starts_on, 0, charge.amount, {"charge": charge}))
    for entry in entries:
        posting = getattr(entry, "posting", None)
        receipt = getattr(posting.payment, "receipt", None) if posting else None
        rows.append(
            (_day(entry.created_at), 1, -entry.amount, {"entry": entry, "receipt": receipt})
        )
    balance, lines = ZERO, []
    for day, _order, amount, what in sorted(rows, key=lambda row: row[:2]):
        balance += amount
        lines.append(Line(day, amount, balance, **what))  # type: ignore[arg-type]
    return lines[::-1]


def _day(moment: datetime.datetime) -> datetime.date:
    return timezone.localdate(moment)


@signed_in
@require_safe
def records(request: SignedInRequest) -> HttpResponse:
    """The statement of one of the resident's accounts (`?account=`), receipts and live orders."""
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
            "lines": statement(account) if account else [],
            "orders": PaymentOrder.objects.live().filter(user=request.user).order_by("-created_at"),
        },
    )


@dataclass(frozen=True)
class Transfer:
    """Where to and with which words somebody transfers money for some bills."""

    community: Community
    amount: Decimal
    memo: str


@signed_in
@require_safe
def transfer(request: SignedInRequest) -> HttpResponse:
    """Bank transfer instructions for open bills, with the memo that lets us find the payer.

    Unit codes and payer's name are the two pieces of evidence that matching asks for.
    """
    bills = (
        Bill.objects.of_resident(request.user)
        .open()
        .select_related("account__unit", "account__party", "account__community")
        .order_by("account__unit__sort_key", "due_on")
    )
    wanted = ids_of(request.GET.getlist("bill"))
    chosen: list[Any] = [bill for bill in bills if not wanted or bill.pk in wanted]
    transfers = []
    for community in dict.fromkeys(bill.account.community for bill in chosen):
        own = [bill for bill in chosen if bill.account.community == community]
        units = dict.fromkeys(bill.account.unit.code for bill in own)
        names = dict.fromkeys(bill.account.party.name for bill in own)
        transfers.append(
            Transfer(
                community,
                sum((bill.open_amount for bill in own), ZERO),
                f"{'+'.join(units)} {'、'.join(names)}",
            )
        )
    return render(request, "payments/transfer.html", {"transfers": transfers})
