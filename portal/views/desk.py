"""The front desk: one box that finds a unit, and what the desk needs to know about one."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from billing.arrears import limit_of_account
from billing.models import Account, Bill, Charge
from billing.services.accounts.amounts_due import total_late_fee, with_late_fees
from billing.services.runs import late_facts
from community.access import SignedInRequest, staff
from community.models import BindingRequest, Community, Role, Unit, today
from community.spelling import normal_code
from notices.models import Delivery, Notice
from payments.models import Deposit, Receipt
from portal.services.search import Hit, find
from servicedesk.models import Ticket

RECENT = 8


@staff(*Role)
def desk(request: SignedInRequest, community: Community) -> HttpResponse:
    """The desk's first page, or what the box found; one hit leads straight to its unit."""
    query = request.GET.get("q", "")[:60]
    hits = find(community=community, text=query) if query else []
    if query and (len(hits) == 1 or _is_meant(hits, query)):
        return redirect("portal:unit", community=community.code, pk=hits[0].unit.pk)
    context = {"query": query, "hits": hits} if query else _waiting_work(community)
    context |= {"community": community, "serves": _serves(request)}
    return render(request, "portal/desk.html", context)


def _serves(request: SignedInRequest) -> bool:
    """Whether the visitor works at the service desk: an accountant does not see its pages."""
    return request.membership.role != Role.ACCOUNTANT


def _is_meant(hits: list[Hit], query: str) -> bool:
    return bool(hits) and hits[0].unit.code.upper() == normal_code(query)


def _waiting_work(community: Community) -> dict[str, object]:
    receipts = Receipt.objects.filter(community=community).select_related("payment")
    return {
        "receipts": receipts.order_by("-pk")[:RECENT],
        "tickets": Ticket.objects.filter(community=community)
        .open()
        .by_urgency()
        .select_related("unit")[:RECENT],
        "bindings": BindingRequest.objects.filter(
            unit__community=community, state=BindingRequest.State.PENDING
        ).count(),
    }


@staff(*Role)
def search(request: SignedInRequest, community: Community) -> HttpResponse:
    """What the box found so far, as the list under it (htmx asks while somebody types)."""
    query = request.GET.get("q", "")[:60]
    context = {"query": query, "hits": find(community=community, text=query)}
    return render(request, "portal/_hits.html", context | {"community": community})


def _said_here(unit: Unit) -> QuerySet[Delivery]:
    """Deliveries to the person, and at the door of this unit alone: a payer may have several."""
    return Delivery.objects.filter(Q(unit=None) | Q(unit=unit)).order_by("channel")


@staff(*Role)
def unit(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One unit: who lives there, what each payer owes, what was said, what is open."""
    found = get_object_or_404(
        Unit.objects.filter(community=community).select_related("building"), pk=pk
    )
    # On no bill: opening arrears, and what was charged extra.
    beside = Charge.objects.filter(bill=None).open().oldest_first().select_related("fee_item")
    open_bills = (
        Bill.objects.open()
        .select_related("run__period", "run__corrects__period")
        .order_by("due_on", "pk")
    )
    accounts: list[Any] = list(
        Account.objects.filter(unit=found)
        .with_balance()
        .with_oldest_due()
        .select_related("party")
        .prefetch_related(
            Prefetch("bills", queryset=open_bills, to_attr="open_bills"),
            Prefetch("charges", queryset=beside, to_attr="beside_bills"),
            Prefetch("deposits", queryset=Deposit.objects.held(), to_attr="held_deposits"),
        )
    )
    for account in accounts:
        with_late_fees(account.open_bills, on=today())
        account.owed += total_late_fee(account.open_bills)
        account.limit = limit_of_account(account)
    residents = list(found.occupancies.current().select_related("party").order_by("-is_payer"))
    payers = {resident.party_id for resident in residents if resident.is_payer}
    context = {
        "community": community,
        "serves": _serves(request),
        "unit": found,
        "residents": residents,
        # The current payer's account first: the desk collects from the person who stands there.
        "accounts": sorted(accounts, key=lambda account: account.party_id not in payers),
        "payers": payers,
        "today": today(),
        # Whoever takes over after today is no former payer.
        "coming": set(
            found.occupancies.payers().filter(starts_on__gt=today()).values_list("party", flat=True)
        ),
        "former": found.occupancies.filter(ends_on__lt=today())
        .select_related("party")
        .order_by("-ends_on"),
        "due": late_facts.runs_by_unit([found.pk]).get(found.pk, ()),
        "tickets": Ticket.objects.filter(unit=found).open().by_urgency(),
        "notices": Notice.objects.filter(bills__account__unit=found)
        .distinct()
        .select_related("party")
        .prefetch_related(Prefetch("deliveries", queryset=_said_here(found)))
        .order_by("-created_at")[:RECENT],
        "receipts": Receipt.objects.filter(lines__account__unit=found)
        .distinct()
        .select_related("payment")
        .order_by("-pk")[:RECENT],
    }
    return render(request, "portal/unit.html", context)
