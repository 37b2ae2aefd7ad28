"""What a bill was settled with."""

from decimal import Decimal

from django.db.models import Sum

from billing.models import Adjustment, Allocation, Bill, CreditEntry


def settled_by(bill: Bill) -> list[tuple[CreditEntry, Decimal]]:
    """The credit entries that settled something of a bill, oldest first, and how much, in yuan.

    What was undone does not count.
    """
    sums = dict(
        Allocation.objects.filter(charge__bill=bill)
        .values_list("credit_entry")
        .annotate(total=Sum("amount"))
        .filter(total__gt=0)
    )
    entries = CreditEntry.objects.filter(pk__in=sums).order_by("value_date", "id")
    return [(entry, sums[entry.pk]) for entry in entries]


def adjusted(bill: Bill) -> list[Adjustment]:
    """What was taken off the bill's lines, and what is asked for, oldest first."""
    shown = (Adjustment.State.REQUESTED, Adjustment.State.APPROVED)
    return list(
        Adjustment.objects.filter(lessens__bill=bill, state__in=shown)
        .select_related("lessens__fee_item")
        .order_by("pk")
    )
