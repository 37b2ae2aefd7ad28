"""A statement as a table for a spreadsheet; each charge of a bill is a row by itself."""

import io
from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core import tables
from payments.statement.lines import Line, Statement

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def statement_xlsx(statement: Statement) -> bytes:
    """The statement as .xlsx: amounts are numbers, days are days."""
    header = (
        _("Day"),
        _("What"),
        _("Detail"),
        _("From"),
        pgettext("last day", "To"),
        _("Charged, yuan"),
        _("Credited, yuan"),
        _("Balance, yuan"),
    )
    stream = io.BytesIO()
    tables.write_xlsx(stream, header, _rows(statement))
    return stream.getvalue()


def _rows(statement: Statement) -> Iterator[tuple[object, ...]]:
    if statement.since is not None:
        yield statement.since, _("Brought forward"), "", "", "", "", "", statement.opening
    for line in statement.lines:
        yield from _of(line)
    last = statement.until or ""
    sums = statement.charged, statement.credited, statement.closing
    yield last, _("Balance at the end"), "", "", "", *sums


def _of(line: Line) -> Iterator[tuple[object, ...]]:
    if line.use is not None:
        yield line.day, line.title, line.detail, "", "", "", "", line.balance
        return
    if line.entry is not None:
        yield line.day, line.title, line.detail, "", "", "", -line.amount, line.balance
        return
    balance = line.balance - line.amount
    for part in line.parts:
        balance += part.amount
        detail = part.item if line.is_bill else line.detail
        days = part.starts_on, part.ends_on
        yield line.day, line.title, detail, *days, part.amount, "", balance
