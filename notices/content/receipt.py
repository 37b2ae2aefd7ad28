"""The receipt: what arrived, for which units, under which number.

Money that we only found in a channel's bill is told as that: its payer paid nothing just now.
"""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q, Sum
from django.urls import reverse
from django.utils.formats import date_format

from billing.models import Allocation, CreditEntry
from community.models import Unit
from core.money import ZERO, plain_yuan
from notices.content.short import ShortText, unit_list
from notices.models import Notice
from payments.models import Payment, Reconciliation, ReconciliationLine


def context(notice: Notice) -> dict[str, Any]:
    payment = Payment.objects.select_related("receipt").get(pk=notice.context["payment"])
    units = (
        Unit.objects.filter(
            Q(accounts__credit_entries__posting__payment=payment)
            | Q(accounts__deposits__payment=payment)
        )
        .distinct()
        .order_by("sort_key")
    )
    receipt = getattr(payment, "receipt", None)
    path = reverse("payments:receipt", args=[receipt.pk]) if receipt else "/"
    return {
        "payment": payment,
        "found_in": _bill_of(payment),
        "credit": _credit_of(payment),
        "receipt": receipt,
        "unit_codes": [unit.code for unit in units],
        "url": f"{settings.SITE_URL}{path}",
    }


def _bill_of(payment: Payment) -> Reconciliation | None:
    """The channel's day in whose bill the money was found that our books did not have."""
    kept = ReconciliationLine.objects.filter(payment=payment, way=ReconciliationLine.Way.KEPT)
    line = kept.select_related("reconciliation").first()
    return line.reconciliation if line else None


def _credit_of(payment: Payment) -> Decimal:
    """What of the payment has settled nothing yet, in yuan."""
    entries = CreditEntry.objects.filter(posting__payment=payment)
    taken = Allocation.objects.filter(credit_entry__in=entries).aggregate(sum=Sum("amount"))["sum"]
    came = entries.aggregate(sum=Sum("amount"))["sum"]
    return (came or ZERO) - (taken or ZERO)


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    receipt, bill = context["receipt"], context["found_in"]
    if bill is not None:
        return ShortText(
            "money_found",
            {
                "channel": context["payment"].get_method_display(),
                "day": date_format(bill.day, "m-d"),
                "unit": unit_list(context["unit_codes"]),
                "amount": plain_yuan(context["payment"].amount),
                "receipt": receipt.code if receipt else "",
            },
        )
    return ShortText(
        "receipt",
        {
            "name": notice.party.name if notice.party else "",
            "unit": unit_list(context["unit_codes"]),
            "amount": plain_yuan(context["payment"].amount),
            "receipt": receipt.code if receipt else "",
        },
    )
