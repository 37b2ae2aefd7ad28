"""The one-time code. The code itself stays out of every context: it is added at the last moment."""

from typing import Any

from notices.content.short import ShortText
from notices.models import Notice


def context(notice: Notice) -> dict[str, Any]:
    expires_at = notice.deliveries.values_list("expires_at", flat=True).first()
    lifetime = (expires_at - notice.created_at).total_seconds() if expires_at else 0
    return {"minutes": max(1, round(lifetime / 60))}


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText("sign_in_code", {"minutes": str(context["minutes"])})
