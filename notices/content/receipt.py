"""The receipt: what arrived, for which units, under which number."""

from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from community.models import Unit
from core.money import plain_yuan
from notices.content.short import ShortText, unit_list
from notices.models import Notice
from payments.models import Payment


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
        "receipt": receipt,
        "unit_codes": [unit.code for unit in units],
        "url": f"{settings.SITE_URL}{path}",
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    receipt = context["receipt"]
    return ShortText(
        "receipt",
        {
            "name": notice.party.name if notice.party else "",
            "unit": unit_list(context["unit_codes"]),
            "amount": plain_yuan(context["payment"].amount),
            "receipt": receipt.code if receipt else "",
        },
    )
