"""Each cell of each file with each thing that is wrong in itself, and what is right though odd."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.billing.office_files import GOOD, ORDER, counts, places, prepare, run

pytestmark = pytest.mark.django_db

# One more good row of each file, beside those of the others.
FRESH = {
    "register": "1,1,103,住宅,90.00,2020-05-01,王五,13900000005,w@example.com",
    "transfers": "1,1,102,2026-02-11,王五,13900000005",
    "vacancies": "1,1,102,2026-03-01,2026-03-31",
    "tariffs": "电梯费,住宅,1,面积,0.45,0.7,2026-01-01,2026-12-31,整期",
    "readings": "1,1,102,自来水费,2026-03-30,12.345",
    "shared_costs": "公共照明分摊,1,2026-04-01,2026-06-30,12.34",
    "opening_balances": "1,1,102,钱䶮,,物业服务费,2025-07-01,2025-09-30,2025-08-15,12.34",
}
OPTIONAL = {
    "register": {"单元", "交付日期", "手机号", "邮箱"},
    "transfers": {"单元", "手机号"},
    "vacancies": {"单元"},
    "tariffs": {"楼栋", "空置系数", "失效日期"},
    "readings": {"单元"},
    "shared_costs": {"楼栋"},
    "opening_balances": {"单元", "手机号"},
}
DAYS = {
    "交付日期", "过户日期", "空置起", "空置止", "生效日期", "失效日期", "抄表日期",
    "起", "止", "到期日",
}  # fmt: skip
PLACES = {"建筑面积": 2, "单价": 4, "空置系数": 4, "读数": 3, "金额": 2}
CHOICES = {"类型", "适用类型", "计费方式", "取整"}
LENGTHS = {
    "楼栋": 20, "单元": 20, "房号": 20, "费目": 50,
    "业主姓名": 100, "新业主姓名": 100, "付款人": 100,
}  # fmt: skip
NO_DAYS = (
    "soon", "2026-02-31", "2026/2/31", "2026-13-01", "2026-00-10", "20260101", "26-01-01",
    "1/1/2026", "2026-1/1", "46023", "1899-12-31", "2200-01-01", "2026-01-01 08:30",
    "二〇二六年一月一日",
)  # fmt: skip
NO_NUMBERS = ("abc", "壹", "1e3", "1,000.00", "--1", "1.", ".5", "NaN", "5²", "1元", "9" * 13)
NO_PHONES = ("12ab", "1390000000", "139000000001")


def wrong(name: str, header: str) -> Iterator[str]:
    """What a column of a file must not say."""
    if header not in OPTIONAL[name]:
        yield ""
    if header in DAYS:
        yield from NO_DAYS
    if header in PLACES:
        yield from NO_NUMBERS
        yield f"1.{'1' * (PLACES[header] + 1)}"
        if name != "opening_balances":
            yield "-1"
    if header in CHOICES:
        yield "别墅"
    if header in LENGTHS:
        yield "长" * (LENGTHS[header] + 1)
        yield "a\x07b"
    if header == "手机号":
        yield from NO_PHONES
    if header == "邮箱":
        yield "nobody"


def line(cells: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerow(cells)
    return stream.getvalue()


@pytest.mark.parametrize("name", ORDER)
def test_each_bad_cell_is_named_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    """Alone in its row it is the only thing that is named: no fault has a shadow."""
    prepare(tmp_path, name)
    before = counts()
    header, *good = GOOD[name].splitlines()
    fresh = FRESH[name].split(",")
    code, answer = run(name, f"{GOOD[name]}{FRESH[name]}\n".encode(), tmp_path, "--dry-run")
    assert code == 0, answer
    tried = 0
    for place, column in enumerate(header.split(",")):
        for cell in wrong(name, column):
            row = line([*fresh[:place], cell, *fresh[place + 1 :]])
            code, answer = run(name, "\n".join([header, *good, row]).encode(), tmp_path)
            assert (code, places(answer)) == (1, [(len(good) + 2, column, cell[:80])]), row
            assert all(problem["message"] for problem in answer["problems"])
            tried += 1
    assert tried >= 20
    assert counts() == before


@pytest.mark.parametrize("name", ORDER)
def test_every_bad_cell_of_a_row_is_named_at_once(name: str, tmp_path: Path) -> None:
    prepare(tmp_path, name)
    columns = GOOD[name].splitlines()[0].split(",")
    fresh = FRESH[name].split(",")
    last_wrong = [["", *wrong(name, column)][-1] for column in columns]
    cells = [bad or good for bad, good in zip(last_wrong, fresh, strict=True)]
    expected = [
        (2, column, bad[:80]) for column, bad in zip(columns, last_wrong, strict=True) if bad
    ]
    code, answer = run(name, ",".join(columns).encode() + b"\n" + line(cells).encode(), tmp_path)
    assert (code, places(answer)) == (1, sorted(expected))


@pytest.mark.parametrize("name", ORDER)
def test_a_row_with_a_cell_too_many_is_only_that(name: str, tmp_path: Path) -> None:
    """Everything may have shifted, so that nothing else is said of it."""
    prepare(tmp_path, name)
    code, answer = run(name, f"{GOOD[name]}{FRESH[name]},shifted\n".encode(), tmp_path)
    assert (code, places(answer)) == (1, [(len(GOOD[name].splitlines()) + 1, "", "")])
