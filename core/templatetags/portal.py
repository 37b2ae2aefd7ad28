"""Tags that every template has: amounts the way the counter writes them, icons, clocks."""

import datetime
from decimal import Decimal
from functools import lru_cache

from django import template
from django.utils import timezone
from lucide.templatetags.lucide import lucide

register = template.Library()


@register.filter
def yuan(amount: Decimal | None) -> str:
    """`1234.5` as ¥1,234.50, `-3` as −¥3.00; nothing for None."""
    if amount is None:
        return ""
    sign = "−" if amount < 0 else ""
    return f"{sign}¥{abs(amount):,.2f}"


@lru_cache(maxsize=256)
def _drawn(name: str, css: str) -> str:
    return lucide(name, size=None, **{"class": css, "aria-hidden": "true", "focusable": "false"})


@register.simple_tag
def icon(name: str, css: str = "") -> str:
    """A lucide icon as inline SVG, sized by its text and silent to screen readers.

    Raises lucide.IconDoesNotExist for an unknown name, so a slip shows at once.
    """
    return _drawn(name, f"icon {css}".strip())


@register.inclusion_tag("components/clock.html")
def clock(
    due_at: datetime.datetime | None,
    stopped_at: datetime.datetime | None = None,
    *,
    near_hours: int = 4,
) -> dict[str, object]:
    """A clock that runs towards `due_at`: calm, near (the last `near_hours`), then over.

    With `stopped_at` it stands: kept or missed. The page's script lets it tick by the second.
    """
    now = stopped_at or timezone.now()
    left = due_at - now if due_at else datetime.timedelta()
    near = datetime.timedelta(hours=near_hours)
    state = "over" if left < datetime.timedelta() else "near" if left < near else "calm"
    minutes = int(abs(left).total_seconds()) // 60
    return {
        "due_at": due_at,
        "stopped": stopped_at is not None,
        "state": "calm" if stopped_at and state == "near" else state,
        "near_seconds": int(near.total_seconds()),
        "hours": minutes // 60,
        "minutes": minutes % 60,
    }
