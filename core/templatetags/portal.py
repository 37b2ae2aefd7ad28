"""Filters that every template has: amounts the way the counter writes them."""

from decimal import Decimal

from django import template

register = template.Library()


@register.filter
def yuan(amount: Decimal | None) -> str:
    """`1234.5` as ¥1,234.50, `-3` as −¥3.00; nothing for None."""
    if amount is None:
        return ""
    sign = "−" if amount < 0 else ""
    return f"{sign}¥{abs(amount):,.2f}"
