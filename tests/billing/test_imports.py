"""The imports: every form of a file, twice the same as once, a file that is none."""

import csv
import io
import re
from collections.abc import Callable
from datetime import date

import openpyxl
import pgtrigger
import pytest
from django.core.management import CommandError, call_command

from community.models import Community
from tests.billing.office_files import (
    COUNTED,
    GOOD,
    ORDER,
    counts,
    everything,
    prepare,
    run,
)

pytestmark = pytest.mark.django_db


def as_workbook(text: str) -> bytes:
    """The table as an office would type it: real dates and numbers where they are such."""
    book = openpyxl.Workbook()
    for row in csv.reader(io.StringIO(text)):
        book.active.append([_typed(cell) for cell in row])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _typed(cell: str):
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", cell):
        return date.fromisoformat(cell)
    if cell.startswith("0") and cell.isdigit() and len(cell) > 1:
        return cell  # a room 01 is typed as text
    try:
        return float(cell)
    except ValueError:
        return cell or None


def reordered(text: str) -> str:
    """Columns the other way round, one more that nobody asked for, blank rows in between."""
    rows = [["备注", *reversed(row)] for row in csv.reader(io.StringIO(text))]
    stream = io.StringIO()
    csv.writer(stream).writerows([rows[0], [], *rows[1:], ["", ""]])
    return stream.getvalue()


WIDE = str.maketrans({mark: ord(mark) + 0xFEE0 for mark in "0123456789ABCS.:;-"})


def as_typed(text: str) -> str:
    """Days as a Chinese spreadsheet saves them, figures as an input method writes them."""
    rows = []
    for row in csv.reader(io.StringIO(text)):
        cells = [re.sub(r"^(\d{4})-0?(\d+)-0?(\d+)$", r"\1/\2/\3", cell) for cell in row]
        rows.append([c if "@" in c or "/" in c else c.translate(WIDE) for c in cells])
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


VARIANTS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "utf-8": ("csv", lambda text: text.encode()),
    "utf-8 with a mark": ("csv", lambda text: text.encode("utf-8-sig")),
    "gb18030": ("csv", lambda text: text.replace("\n", "\r\n").encode("gb18030")),
    "xlsx": ("xlsx", as_workbook),
    "columns in another order": ("csv", lambda text: reordered(text).encode()),
    "slashes and full-width figures": ("csv", lambda text: as_typed(text).encode()),
}


@pytest.mark.parametrize("variant", [*VARIANTS][1:])
def test_every_file_in_every_form(variant, tmp_path):
    """All forms come to the same rows as plain UTF-8."""
    for name in ORDER:
        assert run(name, GOOD[name].encode(), tmp_path)[0] == 0
    plain = everything()
    with pgtrigger.ignore():
        for model in reversed(COUNTED):
            model.objects.all().delete()
    suffix, written = VARIANTS[variant]
    for name in ORDER:
        code, answer = run(name, written(GOOD[name]), tmp_path, suffix=suffix)
        assert code == 0, answer
        assert answer["created"] == answer["rows"] == len(GOOD[name].splitlines()) - 1
    assert everything() == plain


@pytest.mark.parametrize("name", ORDER)
def test_twice_is_once_and_a_dry_run_is_nothing(name, tmp_path):
    prepare(tmp_path, name)
    before = counts()
    code, answer = run(name, GOOD[name].encode(), tmp_path, "--dry-run")
    assert (code, answer["created"], answer["dry_run"]) == (0, answer["rows"], True)
    assert counts() == before
    if name == "register":
        assert not Community.objects.exists()
    run(name, GOOD[name].encode(), tmp_path)
    written = everything()
    code, answer = run(name, GOOD[name].encode(), tmp_path)
    assert (code, answer["created"], answer["updated"]) == (0, 0, 0)
    assert answer["unchanged"] == answer["rows"]
    assert everything() == written


@pytest.mark.parametrize("name", ORDER)
def test_each_missing_column_is_named(name, tmp_path):
    prepare(tmp_path, name)
    header = GOOD[name].splitlines()[0].split(",")
    for missing in header:
        content = ",".join(column for column in header if column != missing)
        code, answer = run(name, content.encode(), tmp_path)
        assert (code, [p["column"] for p in answer["problems"]]) == (1, [missing])


def formula(text: str) -> bytes:
    """A workbook whose last cell is a formula that no program has worked out."""
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(text)))
    sheet = book.active
    sheet.cell(sheet.max_row, sheet.max_column).value = "=40+2"
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


NO_TABLES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "nothing": ("csv", lambda text: b""),
    "UTF-16": ("csv", lambda text: text.encode("utf-16")),
    "Big5": ("csv", lambda text: text.encode("big5", "replace") + b"\xff\xff"),
    "a picture": ("csv", lambda text: b"\x89PNG\r\n\x1a\n" + bytes(range(256))),
    "CSV called a workbook": ("xlsx", lambda text: text.encode()),
    "half a workbook": ("xlsx", lambda text: as_workbook(text)[:900]),
    "a formula without a result": ("xlsx", formula),
    "an open quote": ("csv", lambda text: f'{text}"1,1'.encode()),
    "tabs": ("csv", lambda text: text.replace(",", "\t").encode()),
}


@pytest.mark.parametrize("name", ORDER)
def test_what_is_no_table_is_refused_with_words(name, tmp_path):
    prepare(tmp_path, name)
    before = counts()
    for what, (suffix, written) in NO_TABLES.items():
        code, answer = run(name, written(GOOD[name]), tmp_path, suffix=suffix)
        assert code == 1, what
        assert all(problem["message"] for problem in answer["problems"]), what
        assert counts() == before
    header = GOOD[name].splitlines()[0]
    assert run(name, header.encode(), tmp_path)[1]["rows"] == 0


@pytest.mark.parametrize("name", ORDER[1:])
def test_an_unknown_community_is_refused(name, tmp_path):
    code, answer = run(name, GOOD[name].encode(), tmp_path)
    assert code == 1
    assert "c1" in answer["problems"][0]["message"]


@pytest.mark.parametrize("code", ["云栖", "a/b", "-x", "a b", "x\n", "", "x" * 31])
def test_a_community_code_that_no_address_could_carry(code, tmp_path):
    path = tmp_path / "register.csv"
    path.write_text(GOOD["register"], encoding="utf-8")
    with pytest.raises(CommandError):
        call_command("import_register", str(path), "--community", code)
    assert not Community.objects.exists()
