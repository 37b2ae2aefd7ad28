"""The first page: what it is for visitors, the home for residents, the way to work for staff."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext

from billing.models import Account, Bill, TariffProposal
from billing.services.accounts.amounts_due import savings, total_late_fee, with_late_fees
from community.access import public
from community.models import BindingRequest, Community, Role, User, today
from core.money import ZERO
from notices.models import Notice
from payments.forms.counter import new_token
from payments.models import PaymentOrder
from payments.services.using_credit import prospects
from payments.wording import channels_by_community
from servicedesk.models import Ticket

TICKETS = 5
PROPOSALS = 3


@public
def home(request: HttpRequest) -> HttpResponse:
    """Somebody unknown reads what this is; staff go to work; residents see what they owe."""
    user = request.user
    if isinstance(user, AnonymousUser):
        communities = list(Community.objects.order_by("name"))
        shown = {"communities": communities, "online": _online(communities)}
        return render(request, "portal/landing.html", shown)
    workplace = (
        user.memberships.filter(is_active=True).select_related("community").order_by("pk").first()
    )
    page = "portal:manager" if workplace and workplace.role == Role.MANAGER else "portal:desk"
    if workplace and not user.bindings.exists():
        return redirect(page, community=workplace.community.code)
    context = _home_of(user)
    if workplace:  # somebody who works here and lives here
        context["work_url"] = reverse(page, kwargs={"community": workplace.community.code})
    return render(request, "portal/home.html", context)


def _online(communities: list[Community]) -> list[tuple[str, list[str]]]:
    """By which channels one can pay here, and in which communities; those without are left out."""
    offers = channels_by_community(community.code for community in communities)
    alike: dict[str, list[str]] = {}
    for community in communities:
        if channels := offers[community.code]:
            alike.setdefault(get_text_list(channels, gettext("or")), []).append(community.name)
    return list(alike.items())


def _home_of(user: User) -> dict[str, object]:
    accounts = list(
        Account.objects.of_resident(user)
        .with_balance()
        .select_related("unit", "community")
        .order_by("unit__sort_key")
    )
    open_bills = with_late_fees(
        Bill.objects.of_resident(user)
        .open()
        .select_related("run__period", "run__corrects__period", "account__unit")
        .order_by("due_on", "pk"),
        on=today(),
    )
    found = prospects(accounts)
    useful = {each.account.pk for each in found}
    for account in accounts:
        own = [bill for bill in open_bills if bill.account_id == account.pk]
        account.owed += total_late_fee(own)  # type: ignore[attr-defined]
    return {
        "orders": PaymentOrder.objects.under_way(user),
        "accounts": accounts,
        "owed": sum((account.owed for account in accounts), ZERO),  # type: ignore[attr-defined]
        "prospects": found,
        "credit_token": new_token(),
        "credit": sum(
            (account.credit for account in accounts if account.pk not in useful),  # type: ignore[attr-defined]
            ZERO,
        ),
        "open_bills": open_bills,
        "savings": savings(open_bills, on=today()),
        "late_fee": total_late_fee(open_bills),
        "first_bill": open_bills[0] if open_bills else None,
        "pending": user.binding_requests.filter(state=BindingRequest.State.PENDING).select_related(
            "unit"
        ),
        "notice": Notice.objects.filter(
            Q(party__in=user.bindings.values("party_id")), kind=Notice.Kind.FEE
        )
        .select_related("campaign__run__period", "community")
        .order_by("-created_at")
        .first(),
        "tickets": Ticket.objects.filter(reporter=user).open().by_urgency()[:TICKETS],
        "proposals": TariffProposal.objects.open_for(user)[:PROPOSALS],
    }
