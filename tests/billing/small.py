"""A community of a few units, made from files as an office would write them."""

from collections.abc import Collection
from datetime import date
from io import BytesIO
from typing import Any

from billing.services.accounts.opening_balances import import_opening_balances
from billing.services.runs.bill_run import RunDone, issue_run, preview_run
from billing.services.standards.tariffs import import_tariffs
from community.models import Community
from community.services.register import import_register

REGISTER = "楼栋,单元,房号,类型,建筑面积,交付日期,业主姓名,手机号,邮箱"
OPENING_BALANCES = "楼栋,单元,房号,付款人,手机号,费目,起,止,到期日,金额"
TARIFFS = "费目,适用类型,楼栋,计费方式,单价,空置系数,生效日期,失效日期,取整"
Q1: dict[str, Any] = {
    "starts_on": date(2026, 1, 1),
    "ends_on": date(2026, 3, 31),
    "due_on": date(2026, 2, 15),
}
Q2: dict[str, Any] = {
    "starts_on": date(2026, 4, 1),
    "ends_on": date(2026, 6, 30),
    "due_on": date(2026, 5, 15),
}


def table(header: str, *rows: str) -> BytesIO:
    return BytesIO("\n".join([header, *rows, ""]).encode())


def small_community(*, units: int = 2, code: str = "small") -> Community:
    """Dwellings 1-1-101, 1-1-102 … of 100 m², each with an owner of its own; 2.35 yuan a m²."""
    owners = (f"1,1,{101 + n},住宅,100,2020-01-01,业主{n},1390000{n:04},\n" for n in range(units))
    import_register(source=table(REGISTER, *owners), community_code=code)
    community = Community.objects.get(code=code)
    tariffs = (
        "物业服务费,住宅,,面积,2.35,0.7,2020-01-01,,整期",
        "生活垃圾清运费,住宅,,户,8,0,2020-01-01,,整期",
    )
    import_tariffs(source=table(TARIFFS, *tariffs), community=community)
    return community


def issue(community: Community, **period: Any) -> RunDone:
    """Issue the first quarter of 2026, or another period."""
    return issue_run(community=community, **(Q1 | period))


def preview(community: Community, **period: Any) -> RunDone:
    return preview_run(community=community, **(Q1 | period))


def opening_balances(community: Community, *rows: str, new_items: Collection[str] = ()) -> None:
    """Bring along arrears (+) and prepayments (−)."""
    source = table(OPENING_BALANCES, *rows)
    import_opening_balances(source=source, community=community, new_items=new_items)
