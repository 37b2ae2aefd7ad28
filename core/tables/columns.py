"""How a cell is parsed: each parser tells whoever wrote the cell what is wrong with it."""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

# 2026-01-31, and what a Chinese spreadsheet makes of it when it saves CSV: 2026/1/31, 2026-1-31.
_DATE = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})")
# What an input method writes full-width: １２．５, Ａ－１０１, ２０２６／１／１. Names keep theirs.
_NARROWED = f"{string.digits}{string.ascii_letters}+-./:;"
_NARROW = str.maketrans({ord(mark) + 0xFEE0: mark for mark in _NARROWED})
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.([0-9]+))?")

Parser = Callable[[str], Any]


@dataclass(frozen=True)
class Column:
    """A column to read: its header, the name its value gets, how a cell is parsed.

    ``parse`` gets the stripped text and raises ValueError with a message for the person who wrote
    the cell. A blank cell is refused unless ``optional``; it then becomes ``blank``. A header that
    ``may_be_absent`` is not missed: every cell of it is then blank.
    """

    header: str
    name: str
    parse: Parser
    optional: bool = False
    blank: Any = None
    may_be_absent: bool = False


def text(*, max_length: int = 200) -> Parser:
    """Text on one line of at most max_length characters."""

    def parse(cell: str) -> str:
        if len(cell) > max_length:
            raise ValueError(_("is longer than %(n)s characters") % {"n": max_length})
        if not cell.isprintable():
            raise ValueError(_("contains a character that cannot be printed"))
        return cell

    return parse


def narrow(cell: str) -> str:
    """The same text with full-width figures, letters and what stands between figures made plain."""
    return cell.translate(_NARROW)


def code(*, max_length: int = 200) -> Parser:
    """A name made of figures and letters, such as a room's: １０１ is 101."""
    plain = text(max_length=max_length)
    return lambda cell: plain(narrow(cell))


def day() -> Parser:
    """A date, year first; a real date of a spreadsheet arrives as an ISO one."""

    def parse(cell: str) -> date:
        found = _DATE.fullmatch(narrow(cell))
        if not found:
            raise ValueError(_("is not a date written like 2026-01-31"))
        try:
            parsed = date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:
            raise ValueError(_("is a day that does not exist")) from None
        if not 1900 <= parsed.year < 2200:
            raise ValueError(_("is not a date between 1900 and 2199"))
        return parsed

    return parse


def decimal(
    *,
    places: int,
    minimum: Decimal | int | None = None,
    maximum: Decimal | int | None = None,
    digits: int = 12,
) -> Parser:
    """A number with a dot and at most ``places`` decimals, returned with exactly that many.

    ``digits`` bounds the digits before the dot, so that the value fits its database column.
    """
    step = Decimal(1).scaleb(-places)

    def parse(cell: str) -> Decimal:
        plain = narrow(cell)
        found = _DECIMAL.fullmatch(plain)
        if not found:
            raise ValueError(_("is not a number written like 1234.5"))
        if len((found[1] or "").rstrip("0")) > places:
            raise ValueError(_("has more than %(n)s decimals") % {"n": places})
        number = Decimal(plain)
        if abs(number) >= 10**digits:
            raise ValueError(_("is too large"))
        if minimum is not None and number < minimum:
            raise ValueError(_("is less than %(n)s") % {"n": minimum})
        if maximum is not None and number > maximum:
            raise ValueError(_("is more than %(n)s") % {"n": maximum})
        return number.quantize(step)

    return parse


def money(*, minimum: Decimal | int | None = None) -> Parser:
    """Yuan with a dot and at most two decimals."""
    return decimal(places=2, minimum=minimum, digits=10)


def choice(options: dict[str, Any]) -> Parser:
    """One of the words that are the keys of options, returned as its value."""

    def parse(cell: str) -> Any:
        if cell not in options:
            raise ValueError(_("is not one of %(options)s") % {"options": "、".join(options)})
        return options[cell]

    return parse
