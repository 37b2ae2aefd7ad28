"""Whether a unit that somebody claimed was bound to his account."""

from typing import Any

from django.conf import settings

from community.models import BindingRequest
from notices.content.short import ShortText
from notices.models import Notice


def context(notice: Notice) -> dict[str, Any]:
    request = BindingRequest.objects.select_related("unit").get(
        pk=notice.context["binding_request"]
    )
    return {
        "request": request,
        "unit": request.unit,
        "approved": request.state == BindingRequest.State.APPROVED,
        "url": f"{settings.SITE_URL}/",
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText(
        "binding",
        {"unit": context["unit"].code, "result": str(context["request"].get_state_display())},
    )
