"""Read a table file: a byte-order mark, strict UTF-8, then GB18030; or the first sheet of an .xlsx.

The order of the columns is free and columns nobody asked for are ignored.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import python_calamine
from django.utils.translation import gettext as _

from core.tables.columns import Column
from core.tables.problems import BadCell, TableRefused, refuse_file
from core.tables.workbook import refuse_bad_workbook

MAX_BYTES = 64 * 1024 * 1024
MAX_ROWS = 1_000_000

_BLANKS = " \t\r\n\u3000\xa0\ufeff"

Source = Path | str | bytes | IO[bytes]


@dataclass(slots=True)
class Row:
    """One parsed row: its number in the spreadsheet, its values by column name, its text.

    A cell that could not be read has no value.
    """

    number: int
    values: dict[str, Any]
    cells: list[str]
    places: dict[str, int]  # where each header stands; shared by all rows

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def reads(self, *names: str) -> bool:
        """Whether all these columns could be read; a cell that may be blank and is so could."""
        return all(name in self.values for name in names)

    def text(self, header: str) -> str:
        """What is written in a column, as it is written."""
        place = self.places.get(header, -1)
        return self.cells[place] if 0 <= place < len(self.cells) else ""


def read_table(
    source: Source,
    columns: Sequence[Column],
    *,
    bad: list[BadCell] | None = None,
) -> list[Row]:
    """Every row of a table file, parsed; TableRefused names all bad cells at once.

    A caller with more to check gives a list for the bad cells; a row with some then comes with the
    values that could be read, so that its other faults are named in the same breath. Rows that are
    blank in every cell are skipped but counted, so that numbers stay those of the spreadsheet.
    """
    lines = read_cells(source)
    try:
        header = [cell.strip(_BLANKS) for cell in next(lines)]
    except StopIteration:
        raise refuse_file(_("the file is empty")) from None
    positions = _positions(header, columns)
    places = {column.header: position for column, position, _parsed in positions}
    rows: list[Row] = []
    problems: list[BadCell] = []
    for number, cells in enumerate(lines, start=2):
        stripped = [cell.strip(_BLANKS) for cell in cells]
        if not any(stripped):
            continue
        values = _parse_cells(number, stripped, positions, problems)
        if any(stripped[len(header) :]):
            problems.append(BadCell(number, "", "", _("has more cells than the header")))
            values = {}  # shifted: what stands in a column may belong to another
        rows.append(Row(number, values, stripped, places))
    if bad is not None:
        bad += problems
    elif problems:
        raise TableRefused(problems)
    return rows


def read_cells(source: Source) -> Iterator[list[str]]:
    """The cells of a table file as text, row by row, header included.

    For files whose header is not in row 1; ``read_table`` is what the others use.
    """
    content, name = _content(source)
    if content.startswith(b"PK\x03\x04"):
        return _xlsx_cells(content)
    if name.lower().endswith((".xlsx", ".xlsm", ".xls")):
        raise refuse_file(_("the file is not an .xlsx workbook"))
    return _csv_cells(decode(content))


def read_bytes(source: Source) -> bytes:
    """The bytes of a file, for who needs its digest too; TableRefused if it cannot be read."""
    return _content(source)[0]


def decode(content: bytes) -> str:
    """Text in UTF-8 (with or without a byte-order mark) or GB18030; TableRefused otherwise."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse_file(_("the file is in UTF-16: save it as CSV in UTF-8 or GB18030"))
    if b"\0" in content:
        raise refuse_file(_("the file contains NUL bytes: it is not a text file"))
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            if content.startswith(b"\xef\xbb\xbf"):
                break
    raise refuse_file(_("the file is neither in UTF-8 nor in GB18030"))


def _content(source: Source) -> tuple[bytes, str]:
    """The bytes of a file and its name ('' if it has none)."""
    if isinstance(source, bytes):
        content, name = source, ""
    elif isinstance(source, str | Path):
        try:
            with Path(source).open("rb") as stream:
                content, name = stream.read(MAX_BYTES + 1), str(source)
        except OSError as error:
            raise refuse_file(_why_unread(error)) from error
    else:
        content, name = source.read(MAX_BYTES + 1), str(getattr(source, "name", "") or "")
    if len(content) > MAX_BYTES:
        raise refuse_file(_("the file is larger than %(n)s MB") % {"n": MAX_BYTES // 1024**2})
    return content, name


def _why_unread(error: OSError) -> str:
    """In our words where we have some: the system's own are in its language."""
    if isinstance(error, FileNotFoundError):
        return _("there is no such file: %(name)s") % {"name": error.filename}
    if isinstance(error, IsADirectoryError):
        return _("this is a folder, not a file: %(name)s") % {"name": error.filename}
    if isinstance(error, PermissionError):
        return _("this file may not be read: %(name)s") % {"name": error.filename}
    return _("the file cannot be read: %(reason)s") % {"reason": error.strerror}


def _csv_cells(content: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if number > MAX_ROWS:
                raise refuse_file(_("the file has more than %(n)s rows") % {"n": MAX_ROWS})
            yield cells
    except csv.Error as error:
        raise refuse_file(
            _("is not valid CSV: %(reason)s") % {"reason": error}, row=number + 1
        ) from error


def _xlsx_cells(content: bytes) -> Iterator[list[str]]:
    refuse_bad_workbook(content)
    try:
        sheet = python_calamine.load_workbook(io.BytesIO(content)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError, ValueError, OSError) as error:
        raise refuse_file(
            _("the workbook cannot be read: %(reason)s") % {"reason": error}
        ) from error
    return ([_as_text(cell) for cell in row] for row in rows)


def _as_text(cell: object) -> str:
    """A spreadsheet's value as the text that a CSV file would carry."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        # 15 significant digits are what a spreadsheet shows: 0.1 + 0.2 is 0.3 there.
        return format(Decimal(format(cell, ".15g")), "f")
    if isinstance(cell, datetime):
        midnight = cell.time() == datetime.min.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _positions(
    header: list[str], columns: Sequence[Column]
) -> list[tuple[Column, int, dict[str, Any]]]:
    """Where each column stands (−1: absent), with a cache of the cells parsed so far."""
    problems = []
    for column in columns:
        count = header.count(column.header)
        if count > 1:
            problems.append(BadCell(1, column.header, "", _("this column is there twice")))
        if count == 0 and not column.may_be_absent:
            problems.append(BadCell(1, column.header, "", _("this column is missing")))
    if problems:
        raise TableRefused(problems)
    return [
        (column, header.index(column.header) if column.header in header else -1, {})
        for column in columns
    ]


def _parse_cells(
    number: int,
    cells: list[str],
    positions: list[tuple[Column, int, dict[str, Any]]],
    problems: list[BadCell],
) -> dict[str, Any]:
    values = {}
    for column, position, parsed in positions:
        cell = cells[position] if 0 <= position < len(cells) else ""
        if not cell:
            if position >= 0 and not column.optional:
                problems.append(BadCell(number, column.header, "", _("must not be blank")))
            else:
                values[column.name] = column.blank
            continue
        # Buildings, dates and areas repeat: most cells of a long file are parsed once.
        if cell not in parsed:
            try:
                parsed[cell] = column.parse(cell)
            except ValueError as error:
                problems.append(BadCell(number, column.header, cell[:80], str(error)))
                continue
        values[column.name] = parsed[cell]
    return values
