"""The alert that money or a message about it does not fit: a person has to look."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from notices.content.short import ShortText
from notices.models import Notice
from payments.models import PaymentOrder
from payments.reasons import plain_reason


def context(notice: Notice) -> dict[str, Any]:
    order = PaymentOrder.objects.select_related("user", "community").get(pk=notice.context["order"])
    path = reverse("payments:unsettled", args=[order.community.code])
    return {
        "order": order,
        "reason": plain_reason(notice.context["reason"]),
        "url": f"{settings.SITE_URL}{path}",
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText("payment_alert", {"order": context["order"].out_trade_no})
