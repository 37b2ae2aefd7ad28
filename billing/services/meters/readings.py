"""Meter readings (抄表)."""

from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from billing.models import Meter, MeterReading, Tariff
from billing.services.lookups import ITEM_COLUMN, fee_items, find_item
from billing.services.meters.metering import settle
from billing.services.standards.tariff_terms import METERED
from community.models import Community
from community.services.imports import (
    UNIT_COLUMNS,
    Imported,
    Problems,
    Source,
    find_unit,
    unit_code,
    units_by_code,
    writing_to,
)
from core import tables
from core.copying import copy_rows, reserve_ids

COLUMNS = (
    *UNIT_COLUMNS,
    ITEM_COLUMN,
    tables.Column("抄表日期", "day", tables.day()),
    tables.Column("读数", "value", tables.decimal(places=3, minimum=0, digits=11)),
)

MeterKey = tuple[int, int]  # unit, fee item
Place = tuple[MeterKey, date]
Said = dict[tuple[str, str, date], tuple[int, Decimal]]  # by unit, item and day: row, value


def import_readings(*, source: Source, community: Community, dry_run: bool = False) -> Imported:
    """Take over meter readings, with their meters; one on record already changes nothing.

    They may come in any order. A real reading takes the place of an estimate for its day. Raises
    TableRefused with every bad row (an unknown unit or fee item, an item that no meter measures,
    another value on the same day); then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    new: dict[Place, Decimal] = {}
    with writing_to(community, dry_run=dry_run):
        units, items = units_by_code(community), fee_items(community)
        on_record, estimates = _readings(community)
        metered = _metered(community)
        said: Said = {}
        for row in rows:
            unit, item = find_unit(row, units, problems), find_item(row, items, problems)
            if item and item not in metered:
                problems.add(row, "费目", _("is not measured by a meter: no tariff of it is"))
            is_known = False
            if unit and item and row.reads("day", "value"):
                place = (unit.id, item), row["day"]
                is_known = place in on_record
                if is_known:
                    _compare(row, on_record[place], problems)
                else:
                    new.setdefault(place, row["value"])
            if not is_known:
                _compare_with_file(row, said, problems)
        problems.refuse()
        replaced = [estimates[place] for place in new.keys() & estimates.keys()]
        MeterReading.objects.filter(pk__in=replaced).delete()
        meters = _meters(community, {meter for meter, _day in new})
        copy_rows(
            MeterReading,
            ["meter", "read_on", "value"],
            ((meters[meter], day, value) for (meter, day), value in new.items()),
        )
        settle({meters[meter] for meter, _day in new})
    return Imported(
        rows=len(rows),
        created=len(new) - len(replaced),
        updated=len(replaced),
        unchanged=len(rows) - len(new),
        dry_run=dry_run,
    )


def _metered(community: Community) -> set[int]:
    """The fee items that some version of their tariff charges by the meter."""
    found = Tariff.objects.filter(fee_item__community=community, method__in=METERED)
    return set(found.values_list("fee_item_id", flat=True))


def _compare_with_file(row: tables.Row, said: Said, problems: Problems) -> None:
    """Two rows of a file never speak of the same meter and day."""
    code = unit_code(row)
    if not code or not row.reads("item", "day", "value"):
        return
    told = row.number, row["value"]
    first, value = said.setdefault((code, row["item"], row["day"]), told)
    if first == row.number:
        return
    if value == row["value"]:
        problems.add_double(row, "抄表日期", first)
    else:
        _compare(row, value, problems)


def _compare(row: tables.Row, standing: Decimal, problems: Problems) -> None:
    if row["value"] != standing:
        message = _("another value on this day is on record: %(value)s") % {"value": standing}
        problems.add(row, "读数", message)


def _readings(community: Community) -> tuple[dict[Place, Decimal], dict[Place, int]]:
    """The real readings on record, and the ids of the estimates."""
    found = MeterReading.objects.filter(meter__unit__community=community).values_list(
        "meter__unit_id", "meter__fee_item_id", "read_on", "value", "is_estimated", "pk"
    )
    real: dict[Place, Decimal] = {}
    estimates: dict[Place, int] = {}
    for unit, item, day, value, is_estimated, pk in found.iterator():
        place = (unit, item), day
        if is_estimated:
            estimates[place] = pk
        else:
            real[place] = value
    return real, estimates


def _meters(community: Community, needed: set[MeterKey]) -> dict[MeterKey, int]:
    """Ids of the meters by unit and fee item, those needed and not on record created."""
    found = Meter.objects.filter(unit__community=community)
    meters = {
        (unit, item): pk
        for pk, unit, item in found.values_list("id", "unit_id", "fee_item_id").iterator()
    }
    new = sorted(needed - meters.keys())
    created = dict(zip(new, reserve_ids(Meter, len(new)), strict=True))
    copy_rows(Meter, ["id", "unit", "fee_item"], ((pk, *key) for key, pk in created.items()))
    return meters | created
