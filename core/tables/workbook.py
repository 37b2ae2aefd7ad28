"""Look into an .xlsx before it is read: calamine allocates a sheet's whole rectangle at once, so
one stray cell far away would end the process, and it reads a formula error as a blank cell."""

import io
import re
import zipfile
import zlib
from itertools import chain

from django.utils.translation import gettext as _

from core.tables.problems import BadCell, TableRefused, refuse_file

MAX_SHEET_BYTES = 512 * 1024 * 1024
MAX_CELLS = 5_000_000

_FIRST_SHEET = re.compile(rb"""<(?:\w+:)?sheet\s[^>]*?\w+:id\s*=\s*["']([^"']+)["']""")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_ATTRIBUTE = re.compile(rb"""(\w+)\s*=\s*["']([^"']*)["']""")
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s([^>]*\bt\s*=\s*["']e["'][^>]*)>""")


def refuse_bad_workbook(content: bytes) -> None:
    """Raise TableRefused unless the first sheet is of a sane size and free of formula errors."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            name = _first_sheet(archive)
            if sum(item.file_size for item in archive.infolist()) > MAX_SHEET_BYTES:
                raise refuse_file(_("the workbook is too large"))
            sheet = archive.read(name)
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        KeyError,
        EOFError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise refuse_file(_("the file is not an .xlsx workbook")) from error
    if _rectangle(sheet) > MAX_CELLS:
        raise refuse_file(_("the sheet has too many cells: is there one far below the others?"))
    errors = [
        BadCell(int(row), column.decode(), "", _("is a formula error"))
        for column, row in chain.from_iterable(
            _PLACE.findall(b" " + cell) for cell in _ERROR_CELL.findall(sheet)
        )
    ]
    if errors:
        raise TableRefused(errors)


def _first_sheet(archive: zipfile.ZipFile) -> str:
    """The name in the archive of the sheet that stands first; KeyError if there is none."""
    found = _FIRST_SHEET.search(archive.read("xl/workbook.xml"))
    if not found:
        raise KeyError("no sheet")
    for relation in _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels")):
        attributes = dict(_ATTRIBUTE.findall(relation))
        if attributes.get(b"Id") == found[1]:
            target = attributes[b"Target"].decode()
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(found[1].decode())


def _rectangle(sheet: bytes) -> int:
    """How many cells the sheet spans from A1 to the last row and column named in it."""
    places = _PLACE.findall(sheet)
    height = max((int(row) for _column, row in places), default=0)
    width = max(
        (_column_number(column) for column in {column for column, _row in places}), default=0
    )
    return height * width


def _column_number(letters: bytes) -> int:
    """A is 1, Z is 26, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
