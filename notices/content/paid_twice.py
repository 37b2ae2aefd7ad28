"""To the payer: some of an online payment was not needed, and what becomes of it."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from core.money import ZERO, plain_yuan
from notices.content.short import ShortText
from notices.models import Notice
from payments.models import PaymentOrder
from payments.services.online.paid_twice import treated


def context(notice: Notice) -> dict[str, Any]:
    order = PaymentOrder.objects.get(pk=notice.context["order"])
    path = reverse("payments:order", args=[order.pk])
    return {
        "order": order,
        # As it was then: what comes of it later is told by itself, and stands on the order's page.
        "rests": (found := treated(order)),
        "total": sum((rest.amount for rest in found), ZERO),
        "url": f"{settings.SITE_URL}{path}",
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    kept = {rest.kept for rest in context["rests"]}
    if kept == {True}:
        outcome = _("it is kept as credit")
    elif kept == {False}:
        outcome = _("a refund is asked for")
    else:
        outcome = _("part is kept, part asked back")
    return ShortText("paid_twice", {"amount": plain_yuan(context["total"]), "outcome": outcome})
