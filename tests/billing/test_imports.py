"""The imports: every encoding, every kind of bad cell, twice the same as once."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO

import openpyxl
import pgtrigger
import pytest
from django.core.management import CommandError, call_command

from billing.models import (
    Account,
    Charge,
    CreditEntry,
    FeeItem,
    Meter,
    MeterReading,
    OpeningBalance,
    SharedCost,
    Tariff,
)
from community.models import Building, Community, Occupancy, Party, Unit, Vacancy

pytestmark = pytest.mark.django_db

GOOD = {
    "register": """楼栋,单元,房号,类型,建筑面积,交付日期,业主姓名,手机号,邮箱
1,1,101,住宅,89.37,2020-05-01,赵骉,13900000001,zhao@example.com
1,1,102,住宅,62.35,,钱䶮,,
S,,01,商铺,239.97,2020-01-18,赵骉,13900000001,
B1,A,023,车位,12.50,2021-03-04,孙堃,0571-88886666,
B1,,C-9,储藏室,6.00,2021-03-04,孙堃,0571-88886666,
""",
    "transfers": """楼栋,单元,房号,过户日期,新业主姓名,手机号
1,1,101,2026-02-10,李四,13900000009
B1,A,023,2026-03-26,周五,
""",
    "vacancies": """楼栋,单元,房号,空置起,空置止
1,1,101,2026-01-10,2026-02-20
1,1,101,2026-02-21,2026-02-21
S,,01,2025-12-01,2026-04-05
""",
    "tariffs": """费目,适用类型,楼栋,计费方式,单价,空置系数,生效日期,失效日期,取整
物业服务费,住宅,,面积,2.35,0.7,2020-01-01,2026-02-14,整期
物业服务费,住宅,,面积,2.5801,0.7,2026-02-15,,整期
物业服务费,住宅,1,面积,3,0.7,2026-01-01,,逐月
车位管理费,车位,,户,80,1,2020-01-01,,整期
公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期
自来水费,住宅,,阶梯,15:3.45;25:4.83;:5.83,1,2020-01-01,,整期
中水费,住宅,,用量,1.05,1,2020-01-01,,整期
""",
    "readings": """楼栋,单元,房号,费目,抄表日期,读数
1,1,101,自来水费,2025-12-28,7020.5
1,1,101,自来水费,2026-03-29,7112.905
1,1,101,中水费,2026-03-29,0
1,1,102,自来水费,2026-03-29,1
""",
    "shared_costs": """费目,楼栋,起,止,金额
公共照明分摊,,2026-01-01,2026-03-31,12989.86
公共照明分摊,1,2026-01-01,2026-03-31,1655.8
""",
    "opening_balances": """楼栋,单元,房号,付款人,手机号,费目,起,止,到期日,金额
1,1,101,赵骉,13900000001,物业服务费,2025-07-01,2025-09-30,2025-08-15,630.5
1,1,101,赵骉,13900000001,物业服务费,2025-10-01,2025-12-31,2025-11-15,630.50
1,1,101,赵骉,13900000001,旧账,2019-01-01,2019-12-31,2019-12-31,0.01
S,,01,前任店主,13900000077,物业服务费,2024-01-01,2024-12-31,2024-02-15,1439.82
1,1,102,钱䶮,,物业服务费,2026-04-01,2026-06-30,,-438.99
B1,A,023,孙堃,,,,,,-80
""",
}
ORDER = list(GOOD)
COUNTED = (
    Building,
    Unit,
    Party,
    Occupancy,
    Vacancy,
    FeeItem,
    Tariff,
    Meter,
    MeterReading,
    SharedCost,
    Account,
    Charge,
    CreditEntry,
    OpeningBalance,
)


def run(name: str, content: bytes, tmp_path, *arguments: str, suffix: str = "csv"):
    """The exit code and the JSON answer of an import."""
    path = tmp_path / f"{name}.{suffix}"
    path.write_bytes(content)
    out, code = StringIO(), 0
    words = [f"import_{name}", str(path), "--community", "c1", "--json", *arguments]
    try:
        call_command(*words, stdout=out)
    except CommandError as refused:
        code = refused.returncode
    return code, json.loads(out.getvalue())


def prepare(tmp_path, upto: str) -> None:
    """Import all files that come before one."""
    for name in ORDER[: ORDER.index(upto)]:
        code, answer = run(name, GOOD[name].encode(), tmp_path)
        assert code == 0, answer


def counts() -> list[int]:
    return [model.objects.count() for model in COUNTED]


def everything() -> list[list[tuple]]:
    """All rows of all tables without their ids."""
    fields = {
        Unit: ("code", "sort_key", "kind", "area", "handover_date"),
        Party: ("name", "phone", "email", "pinyin", "pinyin_initials"),
        Occupancy: ("unit__code", "party__name", "starts_on", "ends_on", "role", "is_payer"),
        Vacancy: ("unit__code", "starts_on", "ends_on"),
        Tariff: (
            "fee_item__name",
            "unit_kind",
            "building__code",
            "method",
            "price",
            "tiers",
            "vacancy_factor",
            "starts_on",
            "ends_on",
            "rounding",
            "fee_item__position",
        ),
        MeterReading: ("meter__unit__code", "meter__fee_item__name", "read_on", "value"),
        SharedCost: ("fee_item__name", "building__code", "starts_on", "ends_on", "amount"),
        Charge: (
            "account__unit__code",
            "account__party__phone",
            "fee_item__name",
            "starts_on",
            "ends_on",
            "due_on",
            "kind",
            "amount",
            "bill",
        ),
        CreditEntry: (
            "account__unit__code",
            "account__party__phone",
            "kind",
            "amount",
            "value_date",
        ),
    }
    return [list(m.objects.order_by(*names).values_list(*names)) for m, names in fields.items()]


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


VARIANTS: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "utf-8": ("csv", lambda text: text.encode()),
    "utf-8 with a mark": ("csv", lambda text: text.encode("utf-8-sig")),
    "gb18030": ("csv", lambda text: text.replace("\n", "\r\n").encode("gb18030")),
    "xlsx": ("xlsx", as_workbook),
    "columns in another order": ("csv", lambda text: reordered(text).encode()),
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


BAD = {
    "register": [
        ("1,1,103,住宅,-1,2020-05-01,王,,", [("建筑面积", "-1")]),
        ("1,1,103,住宅,1.234,2020-05-01,王,,", [("建筑面积", "1.234")]),
        ("1,1,103,住宅,,2020-05-01,王,,", [("建筑面积", "")]),
        ("1,1,103,住宅,abc,2020-05-01,王,,", [("建筑面积", "abc")]),
        ("1,1,103,住宅,123456789.00,2020-05-01,王,,", [("建筑面积", "123456789.00")]),
        ("1,1,103,别墅,1,2020-05-01,王,,", [("类型", "别墅")]),
        ("1,1,103,住宅,1,2020-02-30,王,,", [("交付日期", "2020-02-30")]),
        ("1,1,103,住宅,1,2020/05/01,王,,", [("交付日期", "2020/05/01")]),
        ("1,1,103,住宅,1,2020-05-01,,13900000001,", [("业主姓名", "")]),
        ("1,1,103,住宅,1,2020-05-01,王,12ab,", [("手机号", "12ab")]),
        ("1,1,103,住宅,1,2020-05-01,王,1390000000,", [("手机号", "1390000000")]),
        ("1,1,103,住宅,1,2020-05-01,王,139000000001,", [("手机号", "139000000001")]),
        ("1,1,103,住宅,1,2020-05-01,王,,nobody", [("邮箱", "nobody")]),
        (",1,103,住宅,1,2020-05-01,王,,", [("楼栋", "")]),
        ("1,1,,住宅,1,2020-05-01,王,,", [("房号", "")]),
        (f"1,1,{'9' * 21},住宅,1,2020-05-01,王,,", [("房号", "9" * 21)]),
        (f"1,1,103,住宅,1,2020-05-01,{'王' * 101},,", [("业主姓名", "王" * 80)]),
        ("1,1,101,住宅,1,2020-05-01,王,,", [("房号", "101")]),
        ("1,1,103,住宅,1,2020-05-01,王,,,shifted", [("", "")]),
    ],
    "transfers": [
        ("9,1,101,2026-02-10,王,", [("房号", "101")]),
        ("1,1,102,,王,", [("过户日期", "")]),
        ("1,1,102,2026-02-10,,", [("新业主姓名", "")]),
        ("1,1,101,2026-02-09,王,", [("过户日期", "2026-02-09")]),
        ("1,1,101,2026-02-10,王,", [("过户日期", "2026-02-10")]),
        ("1,1,101,2026-02-11,李四,13900000009", [("新业主姓名", "李四")]),
        ("1,1,102,2026-02-11,钱䶮,", [("新业主姓名", "钱䶮")]),
    ],
    "vacancies": [
        ("9,1,101,2026-02-10,2026-02-11", [("房号", "101")]),
        ("1,1,102,2026-02-10,2026-02-09", [("空置止", "2026-02-09")]),
        ("1,1,101,2026-02-20,2026-03-09", [("空置起", "2026-02-20")]),
        ("1,1,101,2026-01-01,2026-01-10", [("空置起", "2026-01-01")]),
        ("1,1,102,2026-02-10,", [("空置止", "")]),
    ],
    "tariffs": [
        ("a,别墅,,面积,1,1,2020-01-01,,整期", [("适用类型", "别墅")]),
        ("a,住宅,77,面积,1,1,2020-01-01,,整期", [("楼栋", "77")]),
        ("a,住宅,,按天,1,1,2020-01-01,,整期", [("计费方式", "按天")]),
        ("a,住宅,,面积,1.23456,1,2020-01-01,,整期", [("单价", "1.23456")]),
        ("a,住宅,,面积,-1,1,2020-01-01,,整期", [("单价", "-1")]),
        ("a,住宅,,户,,1,2020-01-01,,整期", [("单价", "")]),
        ("a,住宅,,用量,15:3;:4,1,2020-01-01,,整期", [("单价", "15:3;:4")]),
        ("a,住宅,,阶梯,3.45,1,2020-01-01,,整期", [("单价", "3.45")]),
        ("a,住宅,,阶梯,25:3;15:4;:5,1,2020-01-01,,整期", [("单价", "25:3;15:4;:5")]),
        ("a,住宅,,阶梯,15:3;25:4,1,2020-01-01,,整期", [("单价", "15:3;25:4")]),
        ("a,住宅,,公摊户,1,1,2020-01-01,,整期", [("单价", "1")]),
        ("a,住宅,,面积,1,-0.5,2020-01-01,,整期", [("空置系数", "-0.5")]),
        ("a,住宅,,面积,1,70,2020-01-01,,整期", [("空置系数", "70")]),
        ("a,住宅,,面积,1,1,2020-01-01,2019-12-31,整期", [("失效日期", "2019-12-31")]),
        ("a,住宅,,面积,1,1,2020-01-01,,四舍五入", [("取整", "四舍五入")]),
        ("a,住宅,,面积,1,1,,,整期", [("生效日期", "")]),
        (
            "a,住宅,77,面积,-1,1,2020-01-01,2019-12-31,整期",
            [("楼栋", "77"), ("失效日期", "2019-12-31"), ("单价", "-1")],
        ),
        ("物业服务费,住宅,,面积,9,1,2026-12-01,,整期", [("生效日期", "2026-12-01")]),
        ("物业服务费,住宅,,面积,9,1,2019-01-01,2020-01-01,整期", [("生效日期", "2019-01-01")]),
        ("中水费,住宅,,用量,1.05,1,2020-01-01,,整期", [("生效日期", "2020-01-01")]),
    ],
    "readings": [
        ("9,1,101,自来水费,2026-03-29,1", [("房号", "101")]),
        ("1,1,101,电费,2026-03-29,1", [("费目", "电费")]),
        ("1,1,101,自来水费,2026-03-29,7112.906", [("读数", "7112.906")]),
        ("1,1,101,自来水费,2026-03-30,-1", [("读数", "-1")]),
        ("1,1,101,自来水费,2026-03-30,1.2345", [("读数", "1.2345")]),
        ("1,1,101,自来水费,03-30,1", [("抄表日期", "03-30")]),
    ],
    "shared_costs": [
        ("电费,,2026-01-01,2026-03-31,1", [("费目", "电费")]),
        ("公共照明分摊,77,2026-01-01,2026-03-31,1", [("楼栋", "77")]),
        ("公共照明分摊,,2026-04-01,2026-03-31,1", [("止", "2026-03-31")]),
        ("公共照明分摊,,2026-04-01,2026-04-30,1.005", [("金额", "1.005")]),
        ("公共照明分摊,,2026-04-01,2026-04-30,-1", [("金额", "-1")]),
        ('公共照明分摊,,2026-04-01,2026-04-30,"1,000.00"', [("金额", "1,000.00")]),
        ("公共照明分摊,,2026-01-01,2026-03-31,1", [("金额", "1")]),
    ],
    "opening_balances": [
        ("9,1,101,王,,a,2025-01-01,2025-03-31,2025-02-15,1", [("房号", "101")]),
        ("1,1,101,,,a,2025-01-01,2025-03-31,2025-02-15,1", [("付款人", "")]),
        ("1,1,101,王,139,a,2025-01-01,2025-03-31,2025-02-15,1", [("手机号", "139")]),
        ("1,1,101,王,,,2025-01-01,2025-03-31,2025-02-15,1", [("费目", "")]),
        (f"1,1,101,王,,{'费' * 51},,,,-1", [("费目", "费" * 51)]),
        ("1,1,101,王,,a,,2025-03-31,2025-02-15,1", [("起", "")]),
        ("1,1,101,王,,a,2025-01-01,,2025-02-15,1", [("止", "")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,,1", [("到期日", "")]),
        ("1,1,101,王,,,,,,1", [("费目", ""), ("起", ""), ("止", ""), ("到期日", "")]),
        ("1,1,101,王,,a,2025-1-1,2025-03-31,2025-02-15,1", [("起", "2025-1-1")]),
        ("1,1,101,王,,a,2025-01-01,2025-02-30,2025-02-15,1", [("止", "2025-02-30")]),
        ("1,1,101,王,,a,2025-01-01,2024-12-31,2025-02-15,1", [("止", "2024-12-31")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,soon,1", [("到期日", "soon")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,2025-02-15,", [("金额", "")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,2025-02-15,0.00", [("金额", "0.00")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,2025-02-15,1.005", [("金额", "1.005")]),
        ("1,1,101,王,,a,2025-01-01,2025-03-31,2025-02-15,壹元", [("金额", "壹元")]),
        ("1,1,102,钱䶮,,物业服务费,2026-04-01,2026-06-30,,-438.99", [("费目", "物业服务费")]),
        ("1,1,102,钱䶮,,物业服务费,2026-04-01,2026-06-30,,-1", [("费目", "物业服务费")]),
    ],
}


@pytest.mark.parametrize("name", ORDER)
def test_each_kind_of_bad_row_is_named_and_nothing_is_written(name, tmp_path):
    prepare(tmp_path, name)
    before = counts()
    last = len(GOOD[name].splitlines()) + 1
    for row, expected in BAD[name]:
        code, answer = run(name, (GOOD[name] + row + "\n").encode(), tmp_path)
        found = [(p["row"], p["column"], p["value"]) for p in answer["problems"]]
        assert (code, found) == (1, [(last, *place) for place in expected]), row
        assert all(problem["message"] for problem in answer["problems"])
        assert counts() == before


@pytest.mark.parametrize("name", ORDER)
def test_all_bad_rows_are_named_at_once(name, tmp_path):
    prepare(tmp_path, name)
    good = GOOD[name].splitlines()
    rows = [row for row, _expected in BAD[name]]
    code, answer = run(name, "\n".join([*good, *rows]).encode(), tmp_path)
    first = len(good) + 1
    assert code == 1
    assert {p["row"] for p in answer["problems"]} == set(range(first, first + len(rows)))


@pytest.mark.parametrize("name", ORDER)
def test_each_missing_column_is_named(name, tmp_path):
    prepare(tmp_path, name)
    header = GOOD[name].splitlines()[0].split(",")
    for missing in header:
        content = ",".join(column for column in header if column != missing)
        code, answer = run(name, content.encode(), tmp_path)
        assert (code, [p["column"] for p in answer["problems"]]) == (1, [missing])


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


# --- what the register corrects -------------------------------------------------------------


def register(tmp_path, *changes: tuple[str, str]):
    text = GOOD["register"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return run("register", text.encode(), tmp_path)


def test_same_name_and_phone_are_one_party_and_a_phone_may_be_empty(tmp_path):
    register(tmp_path)
    assert Party.objects.count() == 3
    assert Party.objects.get(name="赵骉").occupancies.count() == 2
    assert Party.objects.get(name="孙堃").pinyin == "sun kun"
    assert Unit.objects.get(code="1-1-102").handover_date is None
    assert list(Unit.objects.values_list("code", flat=True)) == [
        "1-1-101", "1-1-102", "B1-A-023", "B1-C-9", "S-01",
    ]  # fmt: skip


def test_a_corrected_area_or_date_updates_the_unit(tmp_path):
    register(tmp_path)
    code, answer = register(tmp_path, ("89.37,2020-05-01", "90.12,2020-06-01"))
    assert (code, answer["updated"], answer["unchanged"]) == (0, 1, 4)
    unit = Unit.objects.get(code="1-1-101")
    assert (unit.area, unit.handover_date) == (Decimal("90.12"), date(2020, 6, 1))


def test_a_corrected_phone_or_name_stays_the_same_person(tmp_path):
    register(tmp_path)
    pk = Party.objects.get(name="赵骉").pk
    _code, answer = register(tmp_path, ("赵骉,13900000001", "赵骉,13900000002"))
    assert answer["updated"] == 2
    assert Party.objects.get(name="赵骉").pk == pk
    assert Party.objects.get(pk=pk).phone == "13900000002"
    register(tmp_path, ("赵骉,13900000001", "赵彪,13900000002"))
    party = Party.objects.get(pk=pk)
    assert (party.name, party.pinyin_initials) == ("赵彪", "zb")
    assert Party.objects.count() == 3


def test_a_phone_in_another_spelling_is_the_same(tmp_path):
    register(tmp_path)
    assert register(tmp_path, ("赵骉,13900000001", "赵骉,0086 139-0000-0001"))[1]["unchanged"] == 5


def test_a_person_corrected_at_one_unit_only_becomes_two(tmp_path):
    register(tmp_path)
    old = "S,,01,商铺,239.97,2020-01-18,赵骉,13900000001"
    code, answer = register(tmp_path, (old, old.replace("13900000001", "13900000002")))
    assert (code, answer["updated"]) == (0, 1)
    assert Party.objects.filter(name="赵骉").count() == 2
    assert Occupancy.objects.get(unit__code="S-01").party.phone == "13900000002"
    assert Occupancy.objects.get(unit__code="1-1-101").party.phone == "13900000001"


def test_a_new_email_is_taken_over_and_a_blank_one_is_not(tmp_path):
    register(tmp_path)
    register(tmp_path, ("zhao@example.com", "new@example.com"))
    assert Party.objects.get(name="赵骉").email == "new@example.com"
    register(tmp_path, ("zhao@example.com", ""))
    assert Party.objects.get(name="赵骉").email == "new@example.com"


def test_of_two_emails_of_one_person_the_first_counts_each_time(tmp_path):
    old = "S,,01,商铺,239.97,2020-01-18,赵骉,13900000001,"
    two_emails = (old, old + "shop@example.com")
    register(tmp_path, two_emails)
    assert register(tmp_path, two_emails)[1]["unchanged"] == 5
    assert Party.objects.get(name="赵骉").email == "zhao@example.com"


def test_another_owner_is_a_transfer_and_refused(tmp_path):
    register(tmp_path)
    code, answer = register(tmp_path, ("钱䶮,", "郑王,"))
    assert (code, [p["row"] for p in answer["problems"]]) == (1, [3])


def test_the_register_of_last_year_may_be_read_again_after_transfers(tmp_path):
    prepare(tmp_path, "vacancies")
    before = everything()
    assert register(tmp_path)[1]["unchanged"] == 5
    new_owner = (
        "89.37,2020-05-01,赵骉,13900000001,zhao@example.com",
        "89.37,2020-05-01,李四,13900000009,",
    )
    assert register(tmp_path, new_owner)[1]["unchanged"] == 5
    assert everything() == before


# --- what follows from the others -----------------------------------------------------------


def test_a_transfer_ends_the_old_payer_the_day_before(tmp_path):
    prepare(tmp_path, "vacancies")
    fields = ("party__name", "starts_on", "ends_on", "is_payer")
    found = Occupancy.objects.filter(unit__code="1-1-101").order_by("starts_on")
    assert list(found.values_list(*fields)) == [
        ("赵骉", Occupancy.BEGINNING, date(2026, 2, 9), True),
        ("李四", date(2026, 2, 10), None, True),
    ]


def test_two_transfers_of_a_unit_in_one_file(tmp_path):
    prepare(tmp_path, "transfers")
    text = GOOD["transfers"] + "1,1,101,2026-03-01,王五,\n"
    code, answer = run("transfers", text.encode(), tmp_path)
    assert (code, answer["created"]) == (0, 3)
    found = Occupancy.objects.filter(unit__code="1-1-101").order_by("starts_on")
    assert list(found.values_list("party__name", "ends_on")) == [
        ("赵骉", date(2026, 2, 9)),
        ("李四", date(2026, 2, 28)),
        ("王五", None),
    ]


def test_a_transfer_leaves_the_tenant_and_ends_the_family(tmp_path):
    prepare(tmp_path, "transfers")
    unit = Unit.objects.get(code="1-1-101")
    for role in ("tenant", "family"):
        party = Party.objects.create(community=unit.community, name=role)
        Occupancy.objects.create(unit=unit, party=party, role=role, is_payer=False)
    run("transfers", GOOD["transfers"].encode(), tmp_path)
    assert Occupancy.objects.get(role="tenant").ends_on is None
    assert Occupancy.objects.get(role="family").ends_on == date(2026, 2, 9)


def test_a_new_version_closes_the_old_one_and_edits_nothing(tmp_path):
    prepare(tmp_path, "readings")
    header = GOOD["tariffs"].splitlines()[0]
    old = "中水费,住宅,,用量,1.05,1,2020-01-01,{},整期"
    new = "中水费,住宅,,用量,1.10,1,2026-07-01,,整期"
    text = "\n".join([header, old.format(""), new])
    assert run("tariffs", text.encode(), tmp_path)[0] == 1
    text = "\n".join([header, old.format("2026-06-30"), new])
    code, answer = run("tariffs", text.encode(), tmp_path)
    assert (code, answer["created"], answer["updated"]) == (0, 1, 1)
    found = Tariff.objects.filter(fee_item__name="中水费").order_by("starts_on")
    assert list(found.values_list("price", "ends_on")) == [
        (Decimal("1.0500"), date(2026, 6, 30)),
        (Decimal("1.1000"), None),
    ]
    # Last year's file does not open the old version again.
    code, answer = run("tariffs", GOOD["tariffs"].encode(), tmp_path)
    assert (code, answer["unchanged"]) == (0, 7)


def test_fee_items_keep_the_order_of_the_files(tmp_path):
    prepare(tmp_path, "readings")
    text = GOOD["tariffs"].splitlines()[0] + "\n装修押金,住宅,,户,1,1,2020-01-01,,整期\n"
    run("tariffs", text.encode(), tmp_path)
    assert [item.name for item in FeeItem.objects.all()] == [
        "物业服务费", "车位管理费", "公共照明分摊", "自来水费", "中水费", "装修押金",
    ]  # fmt: skip


def test_a_double_unit_is_named_although_its_first_row_is_bad(tmp_path) -> None:
    header, *rows = GOOD["register"].splitlines()
    bad = rows[0].split(",")
    place = header.split(",").index("建筑面积")
    bad[place] = "x"
    content = "\n".join([header, ",".join(bad), rows[0]]).encode()
    code, answer = run("register", content, tmp_path)
    assert code == 1
    assert [(problem["row"], problem["column"]) for problem in answer["problems"]] == [
        (2, "建筑面积"),
        (3, "房号"),
    ]
