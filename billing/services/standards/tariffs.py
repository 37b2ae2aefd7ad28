"""Fee standards (收费标准): versions by date, never edited once published."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from billing.models import FeeItem, Tariff
from billing.services.lookups import (
    BUILDING_COLUMN,
    ITEM_COLUMN,
    buildings,
    fee_items,
    find_building,
)
from billing.services.standards.tariff_terms import price_and_tiers
from community.models import Community, Unit
from community.services.imports import Imported, Problems, Source, writing_to
from core import tables

KINDS = {
    "住宅": Unit.Kind.DWELLING,
    "商铺": Unit.Kind.SHOP,
    "车位": Unit.Kind.PARKING,
    "储藏室": Unit.Kind.STORAGE,
}
METHODS = {
    "面积": Tariff.Method.AREA,
    "户": Tariff.Method.HOUSEHOLD,
    "用量": Tariff.Method.USAGE,
    "阶梯": Tariff.Method.TIERED,
    "公摊面积": Tariff.Method.SHARED_AREA,
    "公摊户": Tariff.Method.SHARED_HOUSEHOLD,
    "一次性": Tariff.Method.ONCE,
}
PRICING_FORMS = {
    "政府指导价": Tariff.PricingForm.GOVERNMENT_GUIDED,
    "市场调节价": Tariff.PricingForm.MARKET,
}
ROUNDINGS = {"整期": Tariff.Rounding.WHOLE, "逐月": Tariff.Rounding.MONTHLY}

COLUMNS = (
    ITEM_COLUMN,
    tables.Column("适用类型", "kind", tables.choice(KINDS)),
    BUILDING_COLUMN,
    tables.Column("计费方式", "method", tables.choice(METHODS)),
    tables.Column("单价", "price", tables.code(max_length=200), optional=True, blank=""),
    tables.Column(
        "空置系数",
        "vacancy_factor",
        # A share of the price: 70 for 0.7 would bill a vacant home seventy times.
        tables.decimal(places=4, minimum=0, maximum=1),
        optional=True,
        blank=Decimal("1.0000"),
    ),
    tables.Column("生效日期", "starts_on", tables.day()),
    tables.Column("失效日期", "ends_on", tables.day(), optional=True),
    tables.Column("取整", "rounding", tables.choice(ROUNDINGS)),
    *(
        tables.Column(header, name, parse, optional=True, blank="", may_be_absent=True)
        for header, name, parse in (
            ("服务标准", "service_standard", tables.text(max_length=2000)),
            ("定价依据", "legal_basis", tables.text(max_length=500)),
            ("定价形式", "pricing_form", tables.choice(PRICING_FORMS)),
        )
    ),
)
# What makes two versions of one scope the same one, and what a file may say about it later.
TERMS = ("method", "price", "tiers", "vacancy_factor", "starts_on", "rounding")
DISCLOSED = ("service_standard", "legal_basis", "pricing_form")


class _Scope(NamedTuple):
    """What a tariff is for; versions of one scope follow each other."""

    item: str
    kind: str
    building: str  # its code; '' means all


@dataclass
class _Version:
    """A version of a tariff, on record or to be written. ``row`` is where the file names it."""

    tariff: Tariff
    row: tables.Row | None = None
    new: bool = False

    @property
    def last_day(self) -> date:
        return self.tariff.ends_on or date.max

    def overlaps(self, other: "_Version") -> bool:
        return self.tariff.starts_on <= other.last_day and other.tariff.starts_on <= self.last_day


def import_tariffs(*, source: Source, community: Community, dry_run: bool = False) -> Imported:
    """Take over fee standards and their fee items, in the order of the file.

    A version on record is never edited: all that a file may change of it is its last day, when a
    new version follows, and the texts for disclosure. Raises TableRefused with every bad row (a
    price that does not fit the method, dates out of order, versions that overlap); then nothing is
    written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    with writing_to(community, dry_run=dry_run):
        done = _Tariffs(community, rows, problems).write()
    done.dry_run = dry_run
    return done


class _Tariffs:
    """One import of fee standards."""

    def __init__(self, community: Community, rows: list[tables.Row], problems: Problems) -> None:
        self.community = community
        self.rows = rows
        self.problems = problems
        self.items = fee_items(community)
        self.buildings = buildings(community)
        self.versions: dict[_Scope, list[_Version]] = defaultdict(list)
        # Hand-picked units cannot be named in the file, so their versions are none of its business.
        found = Tariff.objects.filter(fee_item__community=community, picked=False).select_related(
            "fee_item", "building"
        )
        for tariff in found:
            building = tariff.building.code if tariff.building else ""
            scope = _Scope(tariff.fee_item.name, tariff.unit_kind, building)
            self.versions[scope].append(_Version(tariff))

    def write(self) -> Imported:
        done = Imported(rows=len(self.rows))
        changed = [tariff for row in self.rows if (tariff := self._place(row, done))]
        self._refuse_overlaps()
        self.problems.refuse()
        Tariff.objects.bulk_update(changed, ["ends_on", *DISCLOSED])
        items = self._fee_items()
        new = [
            (version.row.number, scope, version.tariff)
            for scope, versions in self.versions.items()
            for version in versions
            if version.new and version.row
        ]
        for _number, scope, tariff in new:
            tariff.fee_item = items[scope.item]
        Tariff.objects.bulk_create(
            tariff for _number, _scope, tariff in sorted(new, key=lambda n: n[0])
        )
        return done

    def _place(self, row: tables.Row, done: Imported) -> Tariff | None:
        """Put a row among the versions of its scope; returns the one on record that it changes."""
        tariff, terms = self._read(row)
        is_reversed = self.problems.add_reversed(row, "失效日期", first="starts_on", last="ends_on")
        if is_reversed or not row.reads(*_Scope._fields, "starts_on", "ends_on"):
            return None
        versions = self.versions[_Scope(row["item"], row["kind"], row["building"])]
        for version in versions:
            if not version.new and _same_as_far_as(terms, version.tariff, tariff):
                version.row = row
                if not _take_over(version.tariff, tariff):
                    done.unchanged += 1
                    return None
                done.updated += 1
                return version.tariff
        versions.append(_Version(tariff, row, new=True))
        done.created += 1
        return None

    def _read(self, row: tables.Row) -> tuple[Tariff, list[str]]:
        """The version a row describes as far as it could be read, and which of its terms could."""
        names = ("method", "vacancy_factor", "starts_on", "rounding", "ends_on", *DISCLOSED)
        read: dict[str, Any] = {name: row[name] for name in names if row.reads(name)}
        read["building_id"] = find_building(row, self.buildings, self.problems)
        if row.reads("kind"):
            read["unit_kind"] = row["kind"]
        if row.reads("price"):
            read |= self._price(row)
        return Tariff(**read), [name for name in TERMS if name in read]

    def _price(self, row: tables.Row) -> dict[str, Any]:
        """Price and tiers of a row; nothing where they fit no method that it may mean."""
        methods = [row["method"]] if row.reads("method") else list(Tariff.Method)
        told, refused = {}, []
        for method in methods:
            try:
                price, tiers = price_and_tiers(method, row["price"])
            except ValueError as error:
                refused.append(str(error))
            else:
                told = {"price": price, "tiers": tiers}
        if not told:
            self.problems.add(row, "单价", refused[0])
        return told if row.reads("method") else {}

    def _refuse_overlaps(self) -> None:
        """Two versions of one scope never hold on the same day; names the later row of the file."""
        for versions in self.versions.values():
            longest: _Version | None = None
            for version in sorted(versions, key=lambda version: version.tariff.starts_on):
                if longest and longest.overlaps(version):
                    row = max((v.row for v in (longest, version) if v.row), key=lambda r: r.number)
                    day = (version if row is longest.row else longest).tariff.starts_on
                    message = _("overlaps the version from %(day)s: give one of them its last day")
                    self.problems.add(row, "生效日期", message % {"day": day})
                if longest is None or version.last_day >= longest.last_day:
                    longest = version

    def _fee_items(self) -> dict[str, FeeItem]:
        """The fee items by name; new ones go after the others, in the order of the file."""
        names = dict.fromkeys(row["item"] for row in self.rows if row["item"] not in self.items)
        last = FeeItem.objects.filter(community=self.community).order_by("position").last()
        first = last.position + 1 if last else 1
        FeeItem.objects.bulk_create(
            FeeItem(community=self.community, name=name, position=position)
            for position, name in enumerate(names, start=first)
        )
        return {item.name: item for item in FeeItem.objects.filter(community=self.community)}


def _same_as_far_as(terms: Iterable[str], one: Tariff, other: Tariff) -> bool:
    """Whether two versions of one scope are the same version by what could be read of one."""
    return all(getattr(one, name) == getattr(other, name) for name in terms)


def _take_over(standing: Tariff, told: Tariff) -> bool:
    """Take over what a file may change of a version on record; whether anything changed.

    A last day or a text once given is not taken away by a file that leaves it out.
    """
    before = [getattr(standing, name) for name in ("ends_on", *DISCLOSED)]
    for name in ("ends_on", *DISCLOSED):
        setattr(standing, name, getattr(told, name) or getattr(standing, name))
    return before != [getattr(standing, name) for name in ("ends_on", *DISCLOSED)]
