"""The files of one small community as its office writes them, and what they come to."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

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
from community.models import Building, Occupancy, Party, Unit, Vacancy

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
1,1,101,赵骉,13900000001,中水费,2019-01-01,2019-12-31,2019-12-31,0.01
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


Answer = dict[str, Any]


def run(
    name: str, content: bytes, tmp_path: Path, *arguments: str, suffix: str = "csv"
) -> tuple[int, Answer]:
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


def prepare(tmp_path: Path, upto: str) -> None:
    """Import all files that come before one."""
    for name in ORDER[: ORDER.index(upto)]:
        code, answer = run(name, GOOD[name].encode(), tmp_path)
        assert code == 0, answer


def counts() -> list[int]:
    return [model.objects.count() for model in COUNTED]


def everything() -> list[list[Any]]:
    """All rows of all tables without their ids."""
    fields: dict[Any, tuple[str, ...]] = {
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


def places(answer: Answer) -> list[tuple[int, str, str]]:
    """Where an import says that something is wrong: row, column and value."""
    return sorted((p["row"], p["column"], p["value"]) for p in answer["problems"])
