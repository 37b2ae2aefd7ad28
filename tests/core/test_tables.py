"""Table files: what is read, what is refused, and that a refusal never is a traceback."""

import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import tables

COLUMNS = (
    tables.Column("房号", "room", tables.text(max_length=8)),
    tables.Column("面积", "area", tables.decimal(places=2, minimum=0), optional=True),
    tables.Column("日期", "day", tables.day()),
    tables.Column("金额", "amount", tables.money()),
    tables.Column("类型", "kind", tables.choice({"住宅": 1, "车位": 2})),
    tables.Column("邮箱", "email", tables.text(), optional=True, blank=""),
)
HEADER = "房号,面积,日期,金额,类型,邮箱"
GOOD = "101,93.5,2026-01-31,12.30,住宅,a@example.com"
VALUES = {
    "room": "101",
    "area": Decimal("93.50"),
    "day": date(2026, 1, 31),
    "amount": Decimal("12.30"),
    "kind": 1,
    "email": "a@example.com",
}


def problems(content, columns=COLUMNS):
    with pytest.raises(tables.TableRefused) as refusal:
        tables.read_table(content, columns)
    assert str(refusal.value)
    return [(p.row, p.column, p.value) for p in refusal.value.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_csv_in_each_encoding(encoding, newline):
    content = newline.join([HEADER, GOOD, ""]).encode(encoding)
    (row,) = tables.read_table(content, COLUMNS)
    assert row.number == 2
    assert row.values == VALUES


def test_a_file_by_path_and_by_stream(tmp_path):
    path = tmp_path / "register.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n", encoding="utf-8")
    assert tables.read_table(path, COLUMNS)[0].values == VALUES
    assert tables.read_table(str(path), COLUMNS)[0].values == VALUES
    with path.open("rb") as stream:
        assert tables.read_table(stream, COLUMNS)[0].values == VALUES


def test_rare_names_survive_gb18030():
    content = f"{HEADER}\n骉䶮堃𠮷,,2026-01-31,1,住宅,\n".encode("gb18030")
    assert tables.read_table(content, COLUMNS)[0]["room"] == "骉䶮堃𠮷"


def test_columns_in_any_order_and_extra_ones_ignored():
    content = "备注,邮箱,类型,金额,日期,面积,房号,备注\nx,,住宅,1,2026-02-28,,99,y\n".encode()
    (row,) = tables.read_table(content, COLUMNS)
    assert row["room"] == "99"
    assert row["area"] is None
    assert row["email"] == ""


def test_row_numbers_count_blank_rows_and_rows_with_line_breaks():
    content = f'备注,{HEADER}\n,,,,,,\n"a\nb",{GOOD}\n\nx,{GOOD}\n'.encode()
    assert [row.number for row in tables.read_table(content, COLUMNS)] == [3, 5]


def test_every_bad_cell_is_named_at_once():
    content = "\n".join(
        [
            HEADER,
            "123456789,-1,2026-02-30,1.005,别墅,",
            GOOD,
            ",1.234,20260131,1e3,,",
            "1,1,2026-01-31,②,住宅,x",
        ]
    ).encode()
    assert problems(content) == [
        (2, "房号", "123456789"),
        (2, "面积", "-1"),
        (2, "日期", "2026-02-30"),
        (2, "金额", "1.005"),
        (2, "类型", "别墅"),
        (4, "房号", ""),
        (4, "面积", "1.234"),
        (4, "日期", "20260131"),
        (4, "金额", "1e3"),
        (4, "类型", ""),
        (5, "金额", "②"),
    ]


def test_the_same_bad_cell_is_named_on_each_row():
    content = f"{HEADER}\n{GOOD.replace('12.30', 'x')}\n{GOOD.replace('12.30', 'x')}\n".encode()
    assert problems(content) == [(2, "金额", "x"), (3, "金额", "x")]


@pytest.mark.parametrize(
    "cell", ["NaN", "Infinity", "1,000.00", "99999999999", "--1", "0x1", "1.", ".5", "1 2", "5²"]
)
def test_what_is_not_an_amount(cell):
    content = f'金额\n"{cell}"\n'.encode()
    columns = [tables.Column("金额", "amount", tables.money())]
    assert problems(content, columns) == [(2, "金额", cell)]


@pytest.mark.parametrize(
    "cell", ["26-1-5", "2026-1/5", "1/5/2026", "2026-13-01", "2026/2/30", "0001-01-01", "今天"]
)
def test_what_is_not_a_day(cell):
    columns = [tables.Column("日期", "day", tables.day())]
    assert problems(f"日期\n{cell}\n".encode(), columns) == [(2, "日期", cell)]


@pytest.mark.parametrize(
    "cell",
    [
        "2026-01-05",
        "2026-1-5",
        "2026/1/5",
        "2026/01/05",
        "２０２６－０１－０５",
        "２０２６／１／５",
    ],
)
def test_a_day_as_a_spreadsheet_or_an_input_method_writes_it(cell):
    columns = [tables.Column("日期", "day", tables.day())]
    (row,) = tables.read_table(f"日期\n{cell}\n".encode(), columns)
    assert row["day"] == date(2026, 1, 5)


def test_full_width_figures_are_plain_ones_except_in_names():
    columns = [
        tables.Column("房号", "room", tables.code()),
        tables.Column("金额", "amount", tables.money()),
        tables.Column("费目", "item", tables.text()),
    ]
    (row,) = tables.read_table(
        "房号,金额,费目\nＡ－１０１,－１２．５０,１号水表（冷）\n".encode(), columns
    )
    assert row.values == {"room": "A-101", "amount": Decimal("-12.50"), "item": "１号水表（冷）"}


def test_a_row_with_a_bad_cell_comes_with_what_could_be_read():
    bad: list[tables.BadCell] = []
    content = f"{HEADER}\n{GOOD.replace('12.30', 'x')}\n{GOOD},shifted\n,,,1,,\n".encode()
    first, shifted, blank = tables.read_table(content, COLUMNS, bad=bad)
    assert not first.reads("amount")
    assert first.reads("room", "email")
    assert first["day"] == date(2026, 1, 31)
    assert shifted.values == {}
    assert blank.values == {"area": None, "amount": Decimal("1.00"), "email": ""}
    assert {problem.row for problem in bad} == {2, 3, 4}


def test_trailing_zeros_are_no_extra_decimals():
    columns = [tables.Column("单价", "price", tables.decimal(places=4))]
    rows = tables.read_table("单价\n2.350000\n".encode(), columns)
    assert str(rows[0]["price"]) == "2.3500"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("房号,面积,金额,类型,邮箱", [(1, "日期", "")]),
        (HEADER + ",房号", [(1, "房号", "")]),
        ("a;b", [(1, c.header, "") for c in COLUMNS]),
    ],
)
def test_missing_and_double_columns(header, expected):
    assert problems(f"{header}\n".encode()) == expected


def test_a_column_that_may_be_absent():
    column = tables.Column("附言", "memo", tables.text(), may_be_absent=True, blank="")
    assert tables.read_table(b"a\nb\n", [column])[0]["memo"] == ""
    assert problems("附言,a\n,b\n".encode(), [column]) == [(2, "附言", "")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf\xff\xfe",
        HEADER.encode("utf-16"),
        "房號".encode("big5") + b"\xff\xff",
        b"\x00\x01\x02",
        f"{HEADER}\n101\0,1".encode(),
        f'{HEADER}\n"101,1,2026-01-31,1,住宅,'.encode(),
        f"{HEADER}\n{'x' * 200_000},1,2026-01-31,1,住宅,\n".encode(),
        f"{HEADER}\n{GOOD},shifted\n".encode(),
        b"PK\x03\x04 and nothing more",
    ],
)
def test_files_that_cannot_be_read_are_refused(content):
    problems(content)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    problems(tmp_path / "nowhere.csv")
    problems(tmp_path)


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content):
    for prefix in (b"", HEADER.encode() + b"\n", b"PK\x03\x04"):
        try:
            tables.read_table(prefix + content, COLUMNS)
        except tables.TableRefused:
            continue


@given(
    st.lists(
        st.lists(
            st.text(st.characters(codec="gb18030", exclude_categories=["C", "Z"])),
            min_size=2,
            max_size=2,
        )
    )
)
def test_what_was_written_is_read_back(rows):
    rows = [[a or "x", b] for a, b in rows]
    columns = [
        tables.Column("甲", "a", tables.text()),
        tables.Column("乙", "b", tables.text(), optional=True, blank=""),
    ]
    stream = io.StringIO(newline="")
    tables.write_csv(stream, ["甲", "乙"], rows)
    for encoding in ("utf-8", "utf-8-sig"):
        read = tables.read_table(stream.getvalue().encode(encoding), columns)
        assert [[row["a"], row["b"]] for row in read] == rows


def test_files_for_people_are_disarmed_and_files_for_programs_exact():
    rows = [["=1+1", "@x", "-5", Decimal("-5.00")]]
    people, programs = io.StringIO(newline=""), io.StringIO(newline="")
    tables.write_csv(people, list("abcd"), rows, for_people=True)
    tables.write_csv(programs, list("abcd"), rows)
    assert people.getvalue() == "\ufeffa,b,c,d\r\n'=1+1,'@x,'-5,-5.00\r\n"
    assert programs.getvalue() == "a,b,c,d\r\n=1+1,@x,-5,-5.00\r\n"


def test_a_csv_export_is_utf8_without_a_mark(tmp_path):
    path = tmp_path / "export.csv"
    tables.write_table(path, ["房屋", "金额"], [["1-1-101", Decimal("1.50")]])
    assert path.read_bytes() == "房屋,金额\r\n1-1-101,1.50\r\n".encode()
