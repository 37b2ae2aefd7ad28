"""Bills at the desk."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render

from billing.explanation import compare_bill, explain_bill
from billing.models import Bill
from billing.services.accounts.amounts_due import with_late_fees
from billing.views.settling import adjusted, settled_by
from community.access import SignedInRequest, staff
from community.models import Community, Role, today


@staff(Role.CLERK, Role.ACCOUNTANT)
def bill(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """One bill as the payer sees it, with the way to his unit and his other bills."""
    found = get_object_or_404(
        Bill.objects.filter(account__community=community)
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
    with_late_fees([found], on=today())
    others = (
        Bill.objects.filter(account=found.account_id)
        .exclude(pk=pk)
        .with_open()
        .with_reversed()
        .select_related("run__period", "run__corrects__period")
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
            "adjusted": adjusted(found),
            "others": others[:12],
        },
    )
