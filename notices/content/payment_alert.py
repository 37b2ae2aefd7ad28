"""The alert that money or a message about it does not fit: a person has to look."""

from typing import Any

from django.conf import settings

from notices.content.short import ShortText
from notices.models import Notice
from payments.models import PaymentOrder


def context(notice: Notice) -> dict[str, Any]:
    order = PaymentOrder.objects.select_related("user").get(pk=notice.context["order"])
    return {"order": order, "reason": notice.context["reason"], "url": f"{settings.SITE_URL}/"}


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText("payment_alert", {"order": context["order"].out_trade_no})
