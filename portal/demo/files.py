"""The office's own files of an invented community; the same number of units, the same files."""

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from portal.demo.calendar import Quarter

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓韩冯曹"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国文志海燕晓东雪梅子涵欣怡"
AREAS = ("75.20", "89.37", "104.52", "128.56", "142.10")
FLOORS, DOORS, ENTRANCES = 15, 2, 2
PER_BUILDING = FLOORS * DOORS * ENTRANCES

REGISTER = ("楼栋", "单元", "房号", "类型", "建筑面积", "交付日期", "业主姓名", "手机号", "邮箱")
TRANSFERS = ("楼栋", "单元", "房号", "过户日期", "新业主姓名", "手机号")
VACANCIES = ("楼栋", "单元", "房号", "空置起", "空置止")
TARIFFS = (
    *("费目", "适用类型", "楼栋", "计费方式", "单价", "空置系数"),
    *("生效日期", "失效日期", "取整"),
)
READINGS = ("楼栋", "单元", "房号", "费目", "抄表日期", "读数")
SHARED_COSTS = ("费目", "楼栋", "起", "止", "金额")
WATER = "自来水费"

Place = tuple[str, str, str]  # building, entrance, room


@dataclass(frozen=True)
class Owner:
    """An owner as the register names him."""

    name: str
    phone: str
    email: str = ""


# Owners whom the demo's residents sign in as: phones that no network gives to anybody.
WANG = Owner("王小明", "13800000001", "wang@example.com")
LI = Owner("李秀英", "13800000002")
WANG_HOME: Place = ("3", "2", "1502")
LI_HOME: Place = ("1", "1", "201")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file as a spreadsheet program saves it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


class Office:
    """The files of a community of `units` units over `quarters`."""

    def __init__(
        self, *, units: int, quarters: Sequence[Quarter], seed: int, known: bool = True
    ) -> None:
        """`known`: the demo's residents, who sign in, own homes here."""
        self.random = Random(seed)
        self.quarters = quarters
        parking, shops, storage = units * 22 // 100, units * 3 // 100, units * 3 // 100
        self.dwellings = [_dwelling(number) for number in range(units - parking - shops - storage)]
        self.shops = [("S", "", f"{number:02d}") for number in range(1, shops + 1)]
        self.parking = [("B1", "A", f"{number:03d}") for number in range(1, parking + 1)]
        self.storage = [("C", "", f"{number:02d}") for number in range(1, storage + 1)]
        self.owners = {place: self._owner() for place in self.dwellings + self.shops}
        # In a small demo the third building is missing.
        self.wang_home = WANG_HOME if WANG_HOME in self.owners else self.dwellings[-1]
        if known:
            self.owners |= {self.wang_home: WANG, LI_HOME: LI}
        # A space in the garage belongs to somebody who lives here.
        homes = self.random.sample(self.dwellings, min(len(self.dwellings), parking + storage))
        for place, home in zip(self.parking + self.storage, homes, strict=False):
            self.owners[place] = self.owners[home]
        if known:
            self.owners[self.parking[-1]] = WANG

    def _owner(self) -> Owner:
        name = self.random.choice(SURNAMES) + "".join(
            self.random.choices(GIVEN, k=self.random.choice((1, 2, 2)))
        )
        number = self.random.randrange(10**8)
        email = f"u{number}@example.com" if self.random.random() < 0.3 else ""
        return Owner(name, f"199{number:08d}", email)

    def register(self) -> bytes:
        rows: list[Sequence[object]] = []
        for kind, places in (
            ("住宅", self.dwellings),
            ("商铺", self.shops),
            ("车位", self.parking),
            ("储藏室", self.storage),
        ):
            for place in places:
                owner = self.owners.get(place) or self._owner()
                area = {
                    "住宅": AREAS[3] if place == self.wang_home else self.random.choice(AREAS),
                    "商铺": f"{self.random.randint(30, 180)}.5",
                    "车位": "13.25",
                    "储藏室": "8.4",
                }[kind]
                rows.append(
                    (*place, kind, area, "2019-06-30", owner.name, owner.phone, owner.email)
                )
        return table(REGISTER, rows)

    def transfers(self) -> bytes:
        """Two homes that were sold in the middle of the last quarter but one."""
        day = self.quarters[-2].starts_on + datetime.timedelta(days=40)
        sold = self._some_homes(2, skip=2)
        rows = [
            (*place, day, owner.name, owner.phone) for place in sold if (owner := self._owner())
        ]
        return table(TRANSFERS, rows)

    def vacancies(self) -> bytes:
        first, last = self.quarters[0].starts_on, self.quarters[-1].ends_on
        return table(VACANCIES, [(*place, first, last) for place in self._some_homes(6, skip=7)])

    def _some_homes(self, count: int, *, skip: int) -> list[Place]:
        known = {self.wang_home, LI_HOME}
        return [place for place in self.dwellings[skip::skip] if place not in known][:count]

    def tariffs(self) -> bytes:
        """Fee standards; the service fee of dwellings went up by 0.15 with the last quarters."""
        risen = self.quarters[len(self.quarters) // 2].starts_on
        eve = risen - datetime.timedelta(days=1)
        always = ("2019-06-30", "")
        return table(
            TARIFFS,
            [
                ("物业服务费", "住宅", "", "面积", "2.20", "0.7", "2019-06-30", eve, "整期"),
                ("物业服务费", "住宅", "", "面积", "2.35", "0.7", risen, "", "整期"),
                ("物业服务费", "商铺", "", "面积", "5.80", "1", *always, "整期"),
                ("电梯运行费", "住宅", "", "面积", "0.35", "1", *always, "整期"),
                ("生活垃圾清运费", "住宅", "", "户", "8", "1", *always, "整期"),
                ("车位管理费", "车位", "", "户", "80", "1", *always, "整期"),
                ("储藏室管理费", "储藏室", "", "户", "20", "1", *always, "整期"),
                ("公共照明分摊", "住宅", "", "公摊面积", "", "1", *always, "整期"),
                (WATER, "住宅", "", "阶梯", "15:3.45;25:4.83;:5.83", "1", *always, "整期"),
            ],
        )

    def readings(self) -> bytes:
        """Water meters before the first and at the end of each quarter; two are not read once."""
        days = [self.quarters[0].starts_on - datetime.timedelta(days=2)]
        days += [quarter.ends_on - datetime.timedelta(days=1) for quarter in self.quarters]
        unread = self._some_homes(2, skip=11)
        rows = []
        for place in self.dwellings:
            shown = Decimal(self.random.randint(100, 900))
            for day in days:
                if place not in unread or day != days[-1]:
                    rows.append((*place, WATER, day, shown))
                shown += Decimal(self.random.randint(120, 620)) / 10
        return table(READINGS, rows)

    def shared_costs(self) -> bytes:
        rows = [
            (
                *("公共照明分摊", "", quarter.starts_on, quarter.ends_on),
                f"{len(self.dwellings) * self.random.randint(2200, 3100) / 100:.2f}",
            )
            for quarter in self.quarters
        ]
        return table(SHARED_COSTS, rows)


def _dwelling(number: int) -> Place:
    """Homes in the order of the walk: building, entrance, floor, door."""
    building, inside = divmod(number, PER_BUILDING)
    entrance, inside = divmod(inside, FLOORS * DOORS)
    floor, door = divmod(inside, DOORS)
    return str(building + 1), str(entrance + 1), str((floor + 1) * 100 + door + 1)
