"""Look into an .xlsx before it is read: calamine allocates a sheet's whole rectangle at once, so
one stray cell far away would end the process, and it reads a formula error, or a formula that no
program has worked out yet, as a blank cell."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable
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
# A formula with nothing kept beside it, unless it came to a text: that may well be an empty one.
_UNSOLVED_CELL = re.compile(
    rb"""<(?:\w+:)?c\s((?:(?!\bt\s*=\s*["']str)[^>])*)>"""
    rb"""<(?:\w+:)?f\b[^<]*+(?:</(?:\w+:)?f>)?+(?!<(?:\w+:)?v>[^<])"""
)


def refuse_bad_workbook(content: bytes) -> None:
    """Raise TableRefused for a first sheet of no sane size or with a formula without a result."""
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
    unsolved = _("is a formula without a result: open the file in a spreadsheet and save it again")
    errors = [
        *_named(_ERROR_CELL.findall(sheet), _("is a formula error")),
        *_named(_UNSOLVED_CELL.findall(sheet), unsolved),
    ]
    if errors:
        raise TableRefused(errors)


def _named(cells: Iterable[bytes], message: str) -> list[BadCell]:
    """The places of cells, given by their attributes, with what is wrong there."""
    places = chain.from_iterable(_PLACE.findall(b" " + cell) for cell in cells)
    return [BadCell(int(row), column.decode(), "", message) for column, row in places]


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
