"""The register: units and their owners, from the office's own spreadsheet."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from community.models import Building, Community, Occupancy, Party, Unit, natural_key
from community.services import contact_columns
from community.services.imports import (
    UNIT_COLUMNS,
    Imported,
    Problems,
    Source,
    unit_code,
    writing_to,
)
from community.services.owners import Owners
from core import tables
from core.copying import copy_rows, refresh_statistics, reserve_ids

COLUMNS = (
    *UNIT_COLUMNS,
    tables.Column(
        "类型",
        "kind",
        tables.choice(
            {
                "住宅": Unit.Kind.DWELLING,
                "商铺": Unit.Kind.SHOP,
                "车位": Unit.Kind.PARKING,
                "储藏室": Unit.Kind.STORAGE,
            }
        ),
    ),
    tables.Column("建筑面积", "area", tables.decimal(places=2, minimum=0, digits=8)),
    tables.Column("交付日期", "handover_date", tables.day(), optional=True),
    tables.Column("业主姓名", "owner", tables.text(max_length=100)),
    tables.Column("手机号", "phone", contact_columns.phone, optional=True, blank=""),
    tables.Column("邮箱", "email", contact_columns.email, optional=True, blank=""),
)

UNIT_FIELDS = (
    "id",
    "community",
    "building",
    "entrance",
    "room",
    "code",
    "sort_key",
    "kind",
    "area",
    "handover_date",
)


def import_register(
    *, source: Source, community_code: str, community_name: str = "", dry_run: bool = False
) -> Imported:
    """Take over a register: new units are added, changed ones updated, no unit is removed.

    The community is created if its code is new. An owner is compared with every owner on record,
    so that the register of last year may be read again after transfers; a correction of his name,
    phone or e-mail is taken over, another person is a transfer and refused here.
    Raises TableRefused with every bad row; then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    for row in rows:
        _name_missing_area(row, problems)
    rows = [row for row in rows if unit_code(row)]
    _name_double_units(rows, problems)
    with _community(community_code, community_name) as community:
        with writing_to(community, dry_run=dry_run):
            done = _Register(community, rows, problems).write()
        if dry_run:
            transaction.set_rollback(True)
    done.dry_run = dry_run
    return done


@contextmanager
def _community(code: str, name: str) -> Iterator[Community]:
    """The community of a code, created if new, inside one transaction."""
    with transaction.atomic():
        community = Community.objects.filter(code=code).first()
        if community is None:
            community = Community(code=code, name=name or code)
            try:
                community.full_clean(validate_unique=False)
            except ValidationError as error:
                raise tables.refuse_file(" ".join(error.messages)) from error
            # Somebody else may be importing the same new community at this moment.
            community, _new = Community.objects.get_or_create(
                code=code, defaults={"name": community.name}
            )
        yield community


def _name_missing_area(row: tables.Row, problems: Problems) -> None:
    """A home or shop has an area; of a parking space or storeroom it may be unknown, written 0."""
    measured = (Unit.Kind.DWELLING, Unit.Kind.SHOP)
    if row.reads("kind", "area") and row["kind"] in measured and not row["area"]:
        problems.add(row, "建筑面积", _("must be above 0 for a unit of this type"))


def _name_double_units(rows: Iterable[tables.Row], problems: Problems) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        code = unit_code(row)
        if code in seen:
            message = _("is the same unit as in row %(row)s") % {"row": seen[code]}
            problems.add(row, "房号", message)
        seen.setdefault(code, row.number)


class _Register:
    """One import of a register, written set-wise."""

    def __init__(self, community: Community, rows: list[tables.Row], problems: Problems) -> None:
        self.community = community
        self.rows = rows
        self.problems = problems
        self.touched: set[int] = set()  # numbers of the rows that change something on record

    def write(self) -> Imported:
        buildings = self._buildings()
        units = {unit.code: unit for unit in Unit.objects.filter(community=self.community)}
        new = [row for row in self.rows if unit_code(row) not in units]
        known = [row for row in self.rows if unit_code(row) in units]
        changed = [
            units[unit_code(row)] for row in known if self._correct(units[unit_code(row)], row)
        ]
        owners = Owners(self.community, self.problems)
        for row in known:
            if owners.compare(units[unit_code(row)].pk, row):
                self.touched.add(row.number)
        self.problems.refuse()
        Unit.objects.bulk_update(changed, ["kind", "area", "handover_date"], batch_size=2000)
        ids = reserve_ids(Unit, len(new))
        copy_rows(Unit, UNIT_FIELDS, self._unit_rows(new, ids, buildings))
        for row, pk in zip(new, ids, strict=True):
            owners.add(pk, row, row["email"])
        owners.write()
        if new:
            refresh_statistics(Unit, Party, Occupancy)
        return Imported(
            rows=len(self.rows),
            created=len(new),
            updated=len(self.touched),
            unchanged=len(known) - len(self.touched),
        )

    def _buildings(self) -> dict[str, int]:
        """Ids of all buildings by code, new ones created."""
        on_record = Building.objects.filter(community=self.community)
        known = set(on_record.values_list("code", flat=True))
        new = dict.fromkeys(row["building"] for row in self.rows if row["building"] not in known)
        Building.objects.bulk_create(Building(community=self.community, code=code) for code in new)
        return dict(on_record.values_list("code", "id"))

    def _correct(self, unit: Unit, row: tables.Row) -> bool:
        """Take over what the register says of a unit on record; True if that changes it."""
        if (unit.entrance, unit.room) != (row["entrance"], row["room"]):
            self.problems.add(row, "房号", _("is on record with another entrance and room"))
        said: dict[str, str | Decimal | date | None] = {
            name: row[name] for name in ("kind", "area", "handover_date") if row.reads(name)
        }
        if all(getattr(unit, name) == value for name, value in said.items()):
            return False
        for name, value in said.items():
            setattr(unit, name, value)
        self.touched.add(row.number)
        return True

    def _unit_rows(
        self, rows: list[tables.Row], ids: list[int], buildings: dict[str, int]
    ) -> Iterator[tuple[object, ...]]:
        for row, pk in zip(rows, ids, strict=True):
            code = unit_code(row)
            yield (
                pk,
                self.community.pk,
                buildings[row["building"]],
                row["entrance"],
                row["room"],
                code,
                natural_key(code),
                row["kind"].value,
                row["area"],
                row["handover_date"],
            )
