"""What the base templates need on every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from community.views.preferences import wants_elder_mode
from portal import navigation as places

APPEARANCES = ("light", "dark")
APPEARANCE_COOKIE = "appearance"


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Appearance, elder mode, and the places the visitor may go; queries only when shown."""
    user = getattr(request, "user", None)
    appearance = request.COOKIES.get(APPEARANCE_COOKIE)
    context: dict[str, Any] = {
        "appearance": appearance if appearance in APPEARANCES else "",
        "elder_mode": wants_elder_mode(request),
    }
    if user is None or not user.is_authenticated:
        return context
    workplace = getattr(request, "membership", None)
    return context | {
        "elder_mode": user.elder_mode,
        "places": SimpleLazyObject(lambda: places.resident_places(request)),
        "workplace": workplace,
        "workplaces": user.memberships.filter(is_active=True).select_related("community"),
        "staff_places": SimpleLazyObject(
            lambda: places.staff_places(request, workplace) if workplace else []
        ),
    }
