"""Months as commands and forms name them: 2026-01."""

import re
from calendar import monthrange
from datetime import date

from django.utils.translation import gettext as _

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def first_day(month: str) -> date:
    """The first day of 2026-01; ValueError if it is no month between 1900 and 2199."""
    found = _MONTH.fullmatch(month)
    if not found or not 1900 <= int(found[1]) < 2200:
        raise ValueError(_("%(month)s is not a month written like 2026-01") % {"month": month})
    return date(int(found[1]), int(found[2]), 1)


def last_day(month: str) -> date:
    """The last day of 2026-01; ValueError if it is no month."""
    first = first_day(month)
    return first.replace(day=monthrange(first.year, first.month)[1])
