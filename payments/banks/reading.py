"""Reading a statement file: whose it is by its headers, every entry, every bad cell at once."""

import hashlib
from collections.abc import Sequence

from django.utils.translation import gettext as _

from core import tables
from payments.banks.base import BankProfile, Cells, Entry, StatementFile

AUTO = "auto"
PREAMBLE = 30  # rows within which the header stands
_BLANKS = " \t\r\n\u3000\xa0\ufeff"


def read_statement(
    source: tables.Source, *, profiles: Sequence[BankProfile], profile: str = AUTO
) -> StatementFile:
    """A bank's export: CSV in UTF-8 or GB18030, or .xlsx; whole or not at all.

    Raises TableRefused with every row that cannot be read, or when no profile knows its headers.
    """
    content = tables.read_bytes(source)
    rows = [[cell.strip(_BLANKS) for cell in row] for row in tables.read_cells(content)]
    known = [one for one in profiles if profile in (AUTO, one.key)]
    place, kind = _header(rows, known)
    columns = [_plain(cell) for cell in rows[place]]
    problems: list[tables.BadCell] = []
    entries = []
    for number, row in enumerate(rows[place + 1 :], start=place + 2):
        if not any(row) or row[0].startswith("#"):  # a line below the table, for people
            continue
        if any(row[len(columns) :]):
            message = _("has more cells than the header")
            problems.append(tables.BadCell(number, "", "", message))
            continue
        cells = Cells(number, dict(zip(columns, row, strict=False)), problems)
        entries.append(kind.entry(cells))
    _refuse_contradictions(entries, problems)
    if problems:
        raise tables.TableRefused(problems)
    return StatementFile(kind.key, hashlib.sha256(content).hexdigest(), tuple(entries))


def _header(rows: list[list[str]], known: Sequence[BankProfile]) -> tuple[int, BankProfile]:
    for place, row in enumerate(rows[:PREAMBLE]):
        columns = {_plain(cell) for cell in row}
        for kind in known:
            if kind.headers <= columns:
                return place, kind
    banks = "、".join(str(kind.label) for kind in known)
    if not known:
        raise tables.refuse_file(_("there is no such kind of statement"))
    raise tables.refuse_file(
        _("no row has the headers of a statement of %(banks)s") % {"banks": banks}
    )


def _plain(header: str) -> str:
    """A header without its second language: 交易日期[ Transaction Date ] is 交易日期."""
    return header.partition("[")[0].strip(_BLANKS)


def _refuse_contradictions(entries: list[Entry], problems: list[tables.BadCell]) -> None:
    """A number of the bank's stands for one entry: the same again with other money is an error."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        first = seen.setdefault(entry.serial, entry) if entry.serial else entry
        if (first.amount, first.booked_on) != (entry.amount, entry.booked_on):
            message = _("is the number of row %(row)s too, with another amount or day") % {
                "row": first.row
            }
            problems.append(tables.BadCell(entry.row, "", entry.serial, message))
