"""Workbooks: what is read of them, what is refused, and that a refusal never is a traceback."""

import contextlib
import io
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tables
from tests.core.test_tables import COLUMNS, GOOD, HEADER, VALUES, problems


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def test_xlsx_with_real_dates_and_numbers():
    content = workbook(
        HEADER.split(","),
        [101, 93.5, datetime(2026, 1, 31), 12.3, "住宅", "a@example.com"],  # noqa: DTZ001
        ["101", "93.5", "2026-01-31", "12.30", "住宅", "a@example.com"],
    )
    rows = tables.read_table(content, COLUMNS)
    assert [row.number for row in rows] == [2, 3]
    assert [row.values for row in rows] == [VALUES, VALUES]


def test_xlsx_shows_what_the_spreadsheet_shows():
    content = workbook(["金额"], [0.1 + 0.2], [19900055805])
    rows = tables.read_table(content, [tables.Column("金额", "amount", tables.text())])
    assert [row["amount"] for row in rows] == ["0.3", "19900055805"]


def test_a_name_that_promises_a_workbook(tmp_path):
    path = tmp_path / "register.xlsx"
    path.write_bytes(f"{HEADER}\n{GOOD}\n".encode())
    problems(path)


def test_a_zip_that_is_no_workbook():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    problems(stream.getvalue())


def test_a_workbook_that_unpacks_to_too_much(monkeypatch):
    monkeypatch.setattr("core.tables.workbook.MAX_SHEET_BYTES", 2_000)
    problems(WORKBOOK)


@pytest.mark.parametrize("place", ["XFD1048576", "H1000000"])
def test_a_sheet_with_one_far_away_cell_is_refused(place):
    book = openpyxl.Workbook()
    book.active["A1"] = "房号"
    book.active[place] = "x"
    stream = io.BytesIO()
    book.save(stream)
    problems(stream.getvalue())


def test_a_formula_error_is_not_a_blank_cell():
    book = openpyxl.Workbook()
    book.active.append(["面积"])
    book.active.append(["#DIV/0!"])
    book.create_sheet("notes")["A3"] = "#REF!"
    assert book.active["A2"].data_type == "e"
    stream = io.BytesIO()
    book.save(stream)
    column = tables.Column("面积", "area", tables.decimal(places=2), optional=True)
    assert problems(stream.getvalue(), [column]) == [(2, "A", "")]


def test_a_formula_that_was_never_worked_out_is_not_a_blank_cell():
    content = workbook(["面积", "备注"], ["=80+9.37", "=A2"], [89.37, "x"])
    column = tables.Column("面积", "area", tables.decimal(places=2), optional=True)
    assert problems(content, [column]) == [(2, "A", ""), (2, "B", "")]
    solved = with_sheet(content, b"<f>80+9.37</f><v />", b"<f>80+9.37</f><v>89.37</v>")
    solved = with_sheet(solved, b'<c r="B2"><f>', b'<c r="B2" t="str"><f>')
    rows = tables.read_table(solved, [column])
    assert [row["area"] for row in rows] == [Decimal("89.37")] * 2


def with_sheet(content: bytes, old: bytes, new: bytes) -> bytes:
    """A workbook with something else in its first sheet."""
    source, stream = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert old in part
                part = part.replace(old, new)
            archive.writestr(name, part)
    return stream.getvalue()


@given(st.data())
def test_a_damaged_workbook_is_read_or_refused(data):
    content = bytearray(WORKBOOK)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(tables.TableRefused):
        tables.read_table(bytes(content), COLUMNS)


WORKBOOK = workbook(HEADER.split(","), GOOD.split(","))


def test_written_workbooks_keep_types_and_run_no_formula(tmp_path):
    path = tmp_path / "export.xlsx"
    row = ["=1+1", "https://example.com", "007", date(2026, 1, 2), Decimal("12.30"), 3, None]
    tables.write_table(path, list("abcdefg"), [row])
    sheet = openpyxl.load_workbook(path).active
    assert [cell.data_type for cell in sheet[2]] == ["s", "s", "s", "d", "n", "n", "n"]
    assert sheet["A2"].value == "=1+1"
    assert (sheet["E2"].value, sheet["E2"].number_format) == (12.3, "0.00")
    assert sheet["G2"].value is None
