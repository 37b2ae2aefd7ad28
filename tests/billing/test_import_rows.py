"""Rows that contradict the record, each other or themselves: named, each fault at once."""

from pathlib import Path

import pytest

from tests.billing.office_files import GOOD, ORDER, counts, places, prepare, run

pytestmark = pytest.mark.django_db

# What a row beside the good ones says, and where it is named. What is wrong with a cell whatever
# the others say is the business of test_import_cells.
Places = list[tuple[str, str]]
BAD: dict[str, list[tuple[str, Places]]] = {
    "register": [
        ("1,1,103,住宅,0,2020-05-01,王,,", [("建筑面积", "0")]),
        ("S,,02,商铺,0.00,2020-05-01,王,,", [("建筑面积", "0.00")]),
        ("1,1,101,住宅,1,2020-05-01,王,,", [("房号", "101")]),
        (
            "1,1,101,别墅,-1,2020-05-01,王,,",
            [("房号", "101"), ("建筑面积", "-1"), ("类型", "别墅")],
        ),
    ],
    "transfers": [
        ("9,1,101,2026-02-10,王,", [("房号", "101")]),
        ("1,1,101,2026-02-09,王,", [("过户日期", "2026-02-09")]),
        ("1,1,101,2026-02-10,王,", [("过户日期", "2026-02-10")]),
        ("1,1,101,2026-02-10,李四,13900000009", [("过户日期", "2026-02-10")]),
        ("1,1,101,2026-02-11,李四,13900000009", [("新业主姓名", "李四")]),
        ("1,1,102,2026-02-11,钱䶮,", [("新业主姓名", "钱䶮")]),
        (
            "1,1,101,2026-02-09,,139",
            [("手机号", "139"), ("新业主姓名", ""), ("过户日期", "2026-02-09")],
        ),
    ],
    "vacancies": [
        ("9,1,101,2026-02-10,2026-02-11", [("房号", "101")]),
        ("1,1,102,2026-02-10,2026-02-09", [("空置止", "2026-02-09")]),
        ("9,1,101,2026-02-10,2026-02-09", [("房号", "101"), ("空置止", "2026-02-09")]),
        ("1,1,101,2026-02-20,2026-03-09", [("空置起", "2026-02-20")]),
        ("1,1,101,2026-01-01,2026-01-10", [("空置起", "2026-01-01")]),
        ("1,1,101,2026-01-10,2026-02-20", [("空置起", "2026-01-10")]),
    ],
    "tariffs": [
        ("a,住宅,77,面积,1,1,2020-01-01,,整期", [("楼栋", "77")]),
        ("a,住宅,,用量,15:3;:4,1,2020-01-01,,整期", [("单价", "15:3;:4")]),
        ("a,住宅,,阶梯,3.45,1,2020-01-01,,整期", [("单价", "3.45")]),
        ("a,住宅,,阶梯,25:3;15:4;:5,1,2020-01-01,,整期", [("单价", "25:3;15:4;:5")]),
        ("a,住宅,,阶梯,15:3;25:4,1,2020-01-01,,整期", [("单价", "15:3;25:4")]),
        ("a,住宅,,公摊户,1,1,2020-01-01,,整期", [("单价", "1")]),
        ("a,住宅,,面积,1,70,2020-01-01,,整期", [("空置系数", "70")]),
        ("a,住宅,,面积,1,1,2020-01-01,2019-12-31,整期", [("失效日期", "2019-12-31")]),
        (
            "a,住宅,77,面积,-1,1,2020-01-01,2019-12-31,整期",
            [("单价", "-1"), ("失效日期", "2019-12-31"), ("楼栋", "77")],
        ),
        ("物业服务费,住宅,,面积,9,1,2026-12-01,,整期", [("生效日期", "2026-12-01")]),
        ("物业服务费,住宅,,面积,9,1,2019-01-01,2020-01-01,整期", [("生效日期", "2019-01-01")]),
        ("中水费,住宅,,用量,1.05,1,2020-01-01,,整期", [("生效日期", "2020-01-01")]),
        ("中水费,住宅,,用量,x,1,2026-12-01,,整期", [("单价", "x"), ("生效日期", "2026-12-01")]),
    ],
    "readings": [
        ("9,1,101,自来水费,2026-03-29,1", [("房号", "101")]),
        ("1,1,101,电费,2026-03-29,1", [("费目", "电费")]),
        ("1,1,101,物业服务费,2026-03-29,1", [("费目", "物业服务费")]),
        ("1,1,101,公共照明分摊,2026-03-29,1", [("费目", "公共照明分摊")]),
        ("1,1,101,自来水费,2026-03-29,7112.906", [("读数", "7112.906")]),
        ("1,1,101,自来水费,2026-03-29,7112.905", [("抄表日期", "2026-03-29")]),
        (
            "9,1,101,电费,03-30,-1",
            [("房号", "101"), ("抄表日期", "03-30"), ("读数", "-1"), ("费目", "电费")],
        ),
    ],
    "shared_costs": [
        ("电费,,2026-01-01,2026-03-31,1", [("费目", "电费")]),
        ("物业服务费,,2026-04-01,2026-06-30,1", [("费目", "物业服务费")]),
        ("自来水费,1,2026-04-01,2026-06-30,1", [("费目", "自来水费")]),
        ("公共照明分摊,77,2026-01-01,2026-03-31,1", [("楼栋", "77")]),
        ("公共照明分摊,,2026-04-01,2026-03-31,1", [("止", "2026-03-31")]),
        ("公共照明分摊,,2026-01-01,2026-03-31,1", [("金额", "1")]),
        ("公共照明分摊,,2026-01-01,2026-03-31,12989.86", [("费目", "公共照明分摊")]),
        (
            "电费,77,2026-04-01,2026-03-31,x",
            [("楼栋", "77"), ("止", "2026-03-31"), ("费目", "电费"), ("金额", "x")],
        ),
    ],
    "opening_balances": [
        ("9,1,101,王,,中水费,2025-01-01,2025-03-31,2025-02-15,1", [("房号", "101")]),
        ("1,1,101,王,,电费,2025-01-01,2025-03-31,2025-02-15,1", [("费目", "电费")]),
        ("1,1,101,王,,电费,,,,-1", [("费目", "电费")]),
        ("1,1,101,王,,,2025-01-01,2025-03-31,2025-02-15,1", [("费目", "")]),
        ("1,1,101,王,,中水费,,2025-03-31,2025-02-15,1", [("起", "")]),
        ("1,1,101,王,,中水费,2025-01-01,,2025-02-15,1", [("止", "")]),
        ("1,1,101,王,,中水费,2025-01-01,2025-03-31,,1", [("到期日", "")]),
        ("1,1,101,王,,,,,,1", [("到期日", ""), ("止", ""), ("费目", ""), ("起", "")]),
        ("1,1,101,王,,中水费,2025-01-01,2024-12-31,2025-02-15,1", [("止", "2024-12-31")]),
        ("1,1,101,王,,中水费,2025-01-01,2025-03-31,2025-02-15,0.00", [("金额", "0.00")]),
        ("1,1,102,钱䶮,,物业服务费,2026-04-01,2026-06-30,,-438.99", [("费目", "物业服务费")]),
        ("1,1,102,钱䶮,,物业服务费,2026-04-01,2026-06-30,,-1", [("费目", "物业服务费")]),
        (
            "9,1,101,,139,电费,2025-04-01,2025-03-31,soon,0",
            [
                ("付款人", ""),
                ("到期日", "soon"),
                ("手机号", "139"),
                ("房号", "101"),
                ("止", "2025-03-31"),
                ("费目", "电费"),
                ("金额", "0"),
            ],
        ),
    ],
}


@pytest.mark.parametrize("name", ORDER)
def test_each_bad_row_is_named_with_all_its_faults_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    prepare(tmp_path, name)
    before = counts()
    last = len(GOOD[name].splitlines()) + 1
    for row, expected in BAD[name]:
        code, answer = run(name, f"{GOOD[name]}{row}\n".encode(), tmp_path)
        assert (code, places(answer)) == (1, sorted((last, *place) for place in expected)), row
        assert all(problem["message"] for problem in answer["problems"])
        assert counts() == before


@pytest.mark.parametrize("name", ORDER)
def test_all_bad_rows_are_named_at_once(name: str, tmp_path: Path) -> None:
    prepare(tmp_path, name)
    rows = [row for row, _expected in BAD[name]]
    code, answer = run(name, "\n".join([*GOOD[name].splitlines(), *rows]).encode(), tmp_path)
    first = len(GOOD[name].splitlines()) + 1
    assert code == 1
    assert {p["row"] for p in answer["problems"]} == set(range(first, first + len(rows)))


# A cell that cannot be read, in a row that would be right beside the others, and beside what is on
# record, if it could.
NO_SHADOW = {
    "transfers": ("1,1,101,2026-02-10,,", "新业主姓名"),
    "vacancies": ("1,1,101,2026-01-10,soon", "空置止"),
    "tariffs": ("物业服务费,住宅,,面积,x,0.7,2026-02-15,,整期", "单价"),
    "readings": ("1,1,101,自来水费,2026-03-29,x", "读数"),
    "shared_costs": ("公共照明分摊,,2026-01-01,2026-03-31,x", "金额"),
    "opening_balances": (
        "1,1,101,赵骉,13900000001,物业服务费,2025-07-01,2025-09-30,soon,630.5",
        "到期日",
    ),
}


@pytest.mark.parametrize("name", NO_SHADOW)
def test_what_cannot_be_read_contradicts_nothing(name: str, tmp_path: Path) -> None:
    prepare(tmp_path, name)
    assert run(name, GOOD[name].encode(), tmp_path)[0] == 0
    header = GOOD[name].splitlines()[0]
    row, column = NO_SHADOW[name]
    code, answer = run(name, f"{header}\n{row}\n".encode(), tmp_path)
    assert (code, [p["column"] for p in answer["problems"]]) == (1, [column])


def test_a_parking_space_or_storeroom_may_be_of_unknown_area(tmp_path: Path) -> None:
    rows = "B1,A,024,车位,0,2021-03-04,孙堃,,\nB1,,C-8,储藏室,0,2021-03-04,孙堃,,\n"
    code, answer = run("register", f"{GOOD['register']}{rows}".encode(), tmp_path)
    assert (code, answer["created"]) == (0, 7)


def test_old_arrears_may_bring_a_fee_item_that_is_named(tmp_path: Path) -> None:
    prepare(tmp_path, "opening_balances")
    row = "1,1,101,赵骉,13900000001,旧账,2019-01-01,2019-12-31,2019-12-31,0.01\n"
    content = f"{GOOD['opening_balances']}{row}".encode()
    assert run("opening_balances", content, tmp_path)[0] == 1
    code, answer = run("opening_balances", content, tmp_path, "--new-item", "旧账")
    assert (code, answer["created"]) == (0, 7)
