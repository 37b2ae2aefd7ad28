"""The sample communities as facts for the calculation, read without the importers."""

import csv
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

from billing import calculation as calc

DATA = Path(__file__).parent.parent / "data"
METHODS = {
    "面积": calc.Method.AREA,
    "户": calc.Method.HOUSEHOLD,
    "用量": calc.Method.USAGE,
    "阶梯": calc.Method.TIERED,
    "公摊面积": calc.Method.SHARED_AREA,
    "公摊户": calc.Method.SHARED_HOUSEHOLD,
}
ROUNDINGS = {"整期": calc.Rounding.WHOLE, "逐月": calc.Rounding.MONTHLY}


def rows(community: str, name: str) -> list[dict[str, str]]:
    content = (DATA / community / f"{name}.csv").read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("gb18030")
    return list(csv.DictReader(text.splitlines()))


def code(row: dict[str, str]) -> str:
    return "-".join(part for part in (row["楼栋"], row["单元"], row["房号"]) if part)


def natural(text: str) -> list[tuple[int, int | str]]:
    return [(0, int(p)) if p.isdigit() else (1, p) for p in re.findall(r"\d+|\D+", text)]


class Files:
    """Units, tariffs and costs of a sample community; parties are phone numbers as integers."""

    def __init__(self, community: str) -> None:
        self.buildings: dict[str, int] = {}
        self.items: dict[str, int] = {}
        self.codes: dict[int, str] = {}
        self.units: dict[str, calc.Unit] = {}
        for number, row in enumerate(rows(community, "register")):
            self._unit(number, row)
        for row in rows(community, "transfers"):
            self._transfer(row)
        for row in rows(community, "vacancies"):
            span = calc.Span(date.fromisoformat(row["空置起"]), date.fromisoformat(row["空置止"]))
            self.units[code(row)].vacancies.append(span)
        self.tariffs = [self._tariff(i, row) for i, row in enumerate(rows(community, "tariffs"))]
        for row in rows(community, "readings"):
            reading = calc.Reading(date.fromisoformat(row["抄表日期"]), Decimal(row["读数"]))
            readings = self.units[code(row)].readings
            readings.setdefault(self.items[row["费目"]], []).append(reading)
        self.costs = [self._cost(i, row) for i, row in enumerate(rows(community, "shared_costs"))]

    def in_natural_order(self) -> list[calc.Unit]:
        return [self.units[c] for c in sorted(self.units, key=natural)]

    def _unit(self, number: int, row: dict[str, str]) -> None:
        self.codes[number] = code(row)
        self.units[code(row)] = calc.Unit(
            id=number,
            kind=row["类型"],
            building=self.buildings.setdefault(row["楼栋"], len(self.buildings)),
            area=Decimal(row["建筑面积"]),
            handover=date.fromisoformat(row["交付日期"]),
            payers=[calc.Payer(calc.Span(date.min, calc.FOREVER), int(row["手机号"]))],
        )

    def _transfer(self, row: dict[str, str]) -> None:
        day = date.fromisoformat(row["过户日期"])
        payers = self.units[code(row)].payers
        old = payers.pop()
        eve = date.fromordinal(day.toordinal() - 1)
        payers.append(calc.Payer(calc.Span(old.span.start, eve), old.party))
        payers.append(calc.Payer(calc.Span(day, calc.FOREVER), int(row["手机号"])))

    def _tariff(self, number: int, row: dict[str, str]) -> calc.Tariff:
        method = METHODS[row["计费方式"]]
        tiered = method is calc.Method.TIERED
        end = row["失效日期"]
        return calc.Tariff(
            id=number,
            item=self.items.setdefault(row["费目"], len(self.items)),
            kind=row["适用类型"],
            method=method,
            span=calc.Span(
                date.fromisoformat(row["生效日期"]),
                date.fromisoformat(end) if end else calc.FOREVER,
            ),
            building=self.buildings[row["楼栋"]] if row["楼栋"] else None,
            price=Decimal(row["单价"]) if row["单价"] and not tiered else None,
            tiers=calc.parse_tiers(row["单价"]) if tiered else (),
            vacancy_factor=Decimal(row["空置系数"]),
            rounding=ROUNDINGS[row["取整"]],
        )

    def _cost(self, number: int, row: dict[str, str]) -> calc.SharedCost:
        return calc.SharedCost(
            id=number,
            item=self.items[row["费目"]],
            span=calc.Span(date.fromisoformat(row["起"]), date.fromisoformat(row["止"])),
            fen=int(Decimal(row["金额"]) * 100),
            building=self.buildings[row["楼栋"]] if row["楼栋"] else None,
        )
