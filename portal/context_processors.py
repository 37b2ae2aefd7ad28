"""What the base templates need on every page."""

from typing import Any

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, Any]:
    """The communities where the visitor works, for the switch in the header."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"workplaces": []}
    return {
        "workplaces": user.memberships.filter(is_active=True).select_related("community"),
        "membership": getattr(request, "membership", None),
    }
