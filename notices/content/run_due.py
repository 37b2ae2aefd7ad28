"""The reminder to staff: a period's bills should go out now."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from billing.models import BillingPeriod
from notices.content.short import ShortText
from notices.models import Notice


def context(notice: Notice) -> dict[str, Any]:
    period = BillingPeriod.objects.select_related("community").get(pk=notice.context["period"])
    path = reverse("billing:runs", args=[period.community.code])
    return {"period": period, "url": f"{settings.SITE_URL}{path}"}


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText("run_due", {"period": str(context["period"])})
