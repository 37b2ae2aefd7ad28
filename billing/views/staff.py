"""Bills at the desk, and the bill runs."""

from decimal import Decimal
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from billing.explanation import compare_bill, explain_bill
from billing.models import Bill, BillRun, RunException
from billing.services.amounts_due import with_late_fees
from billing.views.settling import settled_by
from community.access import SignedInRequest, staff
from community.models import Community, Role, today

PAGE = 50
EXCEPTIONS = 200  # as many as somebody will read; the run tells how many there are


@staff(Role.CLERK, Role.ACCOUNTANT)
def bill(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One bill as the payer sees it, with the way to his unit and his other bills."""
    found = get_object_or_404(
        Bill.objects.filter(account__community=community)
        .with_open()
        .select_related("account__unit", "account__community", "account__party", "run__period"),
        pk=pk,
    )
    with_late_fees([found], on=today())
    others = (
        Bill.objects.filter(account=found.account_id)
        .exclude(pk=pk)
        .with_open()
        .select_related("run__period")
        .order_by("-run__period__starts_on")
    )
    return render(
        request,
        "billing/desk_bill.html",
        {
            "community": community,
            "bill": found,
            "lines": explain_bill(found),
            "comparison": compare_bill(found),
            "settled_by": settled_by(found),
            "others": others[:12],
        },
    )


@staff(Role.ACCOUNTANT)
def runs(request: SignedInRequest, community: Community) -> HttpResponse:
    """The bill runs of the community, newest period first."""
    found = (
        BillRun.objects.filter(period__community=community)
        .select_related("period", "issued_by")
        .annotate(exception_count=Count("exceptions"))
        .order_by("-period__starts_on")  # grouping drops the model's own order
    )
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return render(request, "billing/runs.html", {"community": community, "page_obj": page})


@staff(Role.ACCOUNTANT)
def run(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One run: what it came to by fee item, what it could not charge, and its bills."""
    found = get_object_or_404(
        BillRun.objects.filter(period__community=community).select_related("period", "issued_by"),
        pk=pk,
    )
    page = Paginator(_bills_of(found), PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "community": community,
        "run": found,
        "items": [
            (each["item"], Decimal(each["amount"])) for each in found.summary.get("items", [])
        ],
        "exceptions": _exceptions_of(found)[:EXCEPTIONS],
        "exception_count": found.exceptions.count(),
        "page_obj": page,
    }
    return render(request, "billing/run.html", context)


def _bills_of(run: BillRun) -> QuerySet[Bill]:
    return (
        Bill.objects.filter(run=run)
        .with_open()
        .select_related("account__unit", "account__party")
        .order_by("account__unit__sort_key", "id")
    )


def _exceptions_of(run: BillRun) -> QuerySet[RunException]:
    return run.exceptions.select_related("unit", "fee_item").order_by("unit__sort_key", "fee_item")
