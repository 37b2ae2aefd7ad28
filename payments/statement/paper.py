"""A statement on paper: A4, each sheet beginning with the balance brought forward.

The sheets are filled here and not by the renderer, which could not tell the balance at a break. So
every row has a known height, in lines of the stylesheet's grid; long words are parted here.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation

from billing.models import Account
from core.money import ZERO
from core.pdf import render_many
from payments.statement.lines import Line, Statement

STYLESHEET = "css/print/statement.css"
FIRST, OTHERS = 46, 53  # lines of the grid on the first sheet, under its head, and on the others
# How wide the column of words is, in half-width letters: beside a title, and in rows of its own.
BESIDE, OWN_ROW = 50, 54


@dataclass
class Sheet:
    """A page of the statement; yuan."""

    number: int
    brought: Decimal
    lines: list[Line] = field(default_factory=list)

    @property
    def carried(self) -> Decimal:
        return self.lines[-1].balance if self.lines else self.brought


def sheets_of(statement: Statement) -> list[Sheet]:
    """The lines in sheets that are full but not too full; at least one."""
    sheets = [Sheet(1, statement.opening)]
    room = FIRST
    for line in statement.lines:
        height = _height(line)
        if height > room and sheets[-1].lines:
            sheets.append(Sheet(len(sheets) + 1, sheets[-1].carried))
            room = OTHERS
        sheets[-1].lines.append(line)
        room -= height
    return sheets


def _height(line: Line) -> int:
    return 1 + (len(line.parts) if line.is_bill else len(rows_below(line)))


def rows_below(line: Line) -> list[str]:
    """The detail of a line in rows that fit the paper; none if it fits beside the title."""
    if _width(f"{line.title} {line.detail}") <= BESIDE:
        return []
    rows = [""]
    # Chinese may part after any letter, a word or a number only as a whole.
    for piece in re.findall(r"[!-~]{1,54}\s*|\s+|.", " ".join(line.detail.split())):
        if _width(rows[-1] + piece.rstrip()) > OWN_ROW:
            rows.append("")
        rows[-1] += piece
    return rows


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def statement_pdf(account: Account, statement: Statement, *, late_fee: Decimal = ZERO) -> bytes:
    """The statement as PDF in the language of the community.

    The account comes with `community`, `unit` and `party`. `late_fee` is what paying today would
    add, in yuan: it is on no line yet.
    """
    with translation.override(settings.LANGUAGE_CODE):
        context = {
            "account": account,
            "community": account.community,
            "statement": statement,
            "late_fee": late_fee,
            "in_all": statement.closing + late_fee,
            "printed_at": timezone.localtime(),
        }
        wrap = render_to_string("payments/print/statement.html", context)
        return render_many(_pages(context, statement), wrap=wrap, stylesheets=(STYLESHEET,))


def _pages(context: dict[str, object], statement: Statement) -> Iterator[str]:
    sheets = sheets_of(statement)
    for sheet in sheets:
        more = {
            "sheet": sheet,
            "lines": [(line, rows_below(line)) for line in sheet.lines],
            "sheets": len(sheets),
            "is_last": sheet is sheets[-1],
        }
        yield render_to_string("payments/print/_statement_sheet.html", context | more)
