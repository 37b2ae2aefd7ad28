"""Write a table file: exact for programs, disarmed for people, .xlsx in constant memory."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import xlsxwriter

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_csv(
    stream: IO[str],
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    for_people: bool = False,
) -> None:
    """Write a CSV table to a text stream that was opened with ``newline=""``.

    ``for_people`` adds the byte-order mark that Excel wants and disarms text that it would run as
    a formula; files for other programs stay exact.
    """
    if for_people:
        stream.write("\ufeff")
        rows = ([_disarmed(cell) for cell in row] for row in rows)
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)


def _disarmed(cell: object) -> object:
    """Text that a spreadsheet would take for a formula, made plain by an apostrophe."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell


def write_xlsx(
    target: Path | str | IO[bytes], header: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Write an .xlsx table; text is never run as a formula, memory does not grow with the rows.

    Raises OSError if the file cannot be written.
    """
    if isinstance(target, str | Path):
        # Opened here: a file that cannot be opened is no OSError with xlsxwriter.
        with Path(target).open("wb") as stream:
            write_xlsx(stream, header, rows)
        return
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.write_row(0, 0, header, book.add_format({"bold": True}))
        day_format = book.add_format({"num_format": "yyyy-mm-dd"})
        number_formats: dict[str, Any] = {}
        for number, row in enumerate(rows, start=1):
            for position, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, position, cell, day_format)
                elif isinstance(cell, Decimal):
                    shape = _number_format(cell)
                    if shape not in number_formats:
                        number_formats[shape] = book.add_format({"num_format": shape})
                    sheet.write_number(number, position, float(cell), number_formats[shape])
                else:
                    sheet.write(number, position, cell)


def _number_format(number: Decimal) -> str:
    """The spreadsheet format that shows exactly the decimals the number has: 0.00 for yuan."""
    places = -int(number.as_tuple().exponent)
    return "0." + "0" * places if places > 0 else "0"


def write_table(path: Path | str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write an exact table file; the name decides: .xlsx is a workbook, all else CSV in UTF-8."""
    if str(path).lower().endswith(".xlsx"):
        write_xlsx(path, header, rows)
        return
    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        write_csv(stream, header, rows)
