"""The alert that money or a message about it does not fit: a person has to look."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from core.money import plain_yuan
from notices.content.short import ShortText, unit_list
from notices.models import Notice
from payments.models import PaymentOrder, ProviderEvent, Refund
from payments.unsettled.astray import explain_messages
from payments.unsettled.orders import units_of
from payments.unsettled.reasons import meaning_of


def context(notice: Notice) -> dict[str, Any]:
    if "event" in notice.context:
        return _of_a_message(notice)
    order = PaymentOrder.objects.select_related("user", "community").get(pk=notice.context["order"])
    refund = Refund.objects.filter(pk=notice.context.get("refund")).first()
    code = order.community.code
    path = (
        reverse("payments:refund", args=[code, refund.pk])
        if refund
        else reverse("payments:unsettled", args=[code])
    )
    return {
        "order": order,
        "refund": refund,
        "amount": refund.amount if refund else order.amount,
        "units": unit_list(units_of(order)),
        "reason": meaning_of(notice.context["reason"], order),
        "url": f"{settings.SITE_URL}{path}",
    }


def _of_a_message(notice: Notice) -> dict[str, Any]:
    """About no order of ours: nobody knows for which unit."""
    (told,) = explain_messages(ProviderEvent.objects.filter(pk=notice.context["event"]))
    assert notice.community is not None
    path = reverse("payments:astray", args=[notice.community.code])
    return {"told": told, "url": f"{settings.SITE_URL}{path}"}


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    if told := context.get("told"):
        return ShortText(
            "message_alert", {"channel": told.channel, "order": told.event.out_trade_no or "-"}
        )
    order = context["order"]
    return ShortText(
        "payment_alert",
        {
            "order": order.out_trade_no,
            "unit": context["units"],
            "amount": plain_yuan(context["amount"]),
            "reason": str(context["reason"].brief),
        },
    )
