"""Transfers (过户): another owner, who pays from a day on."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Q
from django.utils.translation import gettext as _

from community.models import Community, Occupancy
from community.services import contact_columns
from community.services.imports import (
    UNIT_COLUMNS,
    Imported,
    KnownUnit,
    Problems,
    Source,
    find_unit,
    unit_code,
    units_by_code,
    writing_to,
)
from community.services.owners import Key, Parties
from core import tables
from core.copying import copy_rows

COLUMNS = (
    *UNIT_COLUMNS,
    tables.Column("过户日期", "day", tables.day()),
    tables.Column("新业主姓名", "owner", tables.text(max_length=100)),
    tables.Column("手机号", "phone", contact_columns.phone, optional=True, blank=""),
)


class _Tenure(NamedTuple):
    """Since when somebody pays, who (None: could not be read), and the row (0: on record)."""

    day: date
    key: Key | None
    row: int = 0


def import_transfers(*, source: Source, community: Community, dry_run: bool = False) -> Imported:
    """Take over transfers: the payer until the day before ends, the new owner pays from then on.

    A unit's transfers come in the order of their days; one on record already changes nothing.
    Raises TableRefused with every bad row; then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    with writing_to(community, dry_run=dry_run):
        units = units_by_code(community)
        payers = _payers(community)
        new: list[tuple[KnownUnit, tables.Row]] = []
        for row in rows:
            unit = find_unit(row, units, problems)
            if _is_new(row, payers[unit_code(row)], problems) and unit:
                new.append((unit, row))
        problems.refuse()
        _write(community, new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


def _payers(community: Community) -> dict[str, list[_Tenure]]:
    """Who pays for each unit, by its code, since when; oldest first."""
    payers: dict[str, list[_Tenure]] = defaultdict(list)
    found = Occupancy.objects.payers().filter(unit__community=community).order_by("starts_on")
    for unit, start, name, phone in found.values_list(
        "unit__code", "starts_on", "party__name", "party__phone"
    ).iterator():
        payers[unit].append(_Tenure(start, (name, phone)))
    return payers


def _is_new(row: tables.Row, payers: list[_Tenure], problems: Problems) -> bool:
    """Whether a row adds a transfer to those of its unit; notes why not, unless it is on record."""
    if not unit_code(row) or not row.reads("day"):
        return False
    day = row["day"]
    key = (row["owner"], row["phone"]) if row.reads("owner", "phone") else None
    for other in payers:
        # The same owner, or one who cannot be told from him because he could not be read.
        if other.day == day and (key is None or other.key in (key, None)):
            if key and other.key and other.row:
                problems.add_double(row, "过户日期", other.row)
            return False
    last = payers[-1] if payers else _Tenure(date.min, None)
    if day == last.day:
        problems.add(row, "过户日期", _("another owner took over on this day"))
    elif day < last.day:
        message = _("lies before the unit's last transfer on %(day)s") % {"day": last.day}
        problems.add(row, "过户日期", message)
    elif key and key == last.key:
        problems.add(row, "新业主姓名", _("pays for this unit already"))
    else:
        payers.append(_Tenure(day, key, row.number))
        return key is not None
    return False


def _write(community: Community, new: Iterable[tuple[KnownUnit, tables.Row]]) -> None:
    """End what ends with each transfer, and add the new owners, in the order of the days."""
    parties = Parties(community)
    of_unit: dict[int, list[tables.Row]] = defaultdict(list)
    for unit, row in new:
        parties.want((row["owner"], row["phone"]))
        of_unit[unit.id].append(row)
    parties.write()
    _end_occupancies({unit: rows[0]["day"] for unit, rows in of_unit.items()})
    copy_rows(
        Occupancy,
        ["unit", "party", "role", "is_payer", "starts_on", "ends_on"],
        (
            (unit, parties.ids[row["owner"], row["phone"]], "owner", True, row["day"], end)
            for unit, rows in of_unit.items()
            for row, end in zip(rows, [*(_eve(r["day"]) for r in rows[1:]), None], strict=True)
        ),
    )


def _end_occupancies(days: dict[int, date]) -> None:
    """Who owns or pays on the day of a transfer does so until the day before; so does his family.

    A tenant who does not pay stays: the sale does not break the lease.
    """
    ending = Q(is_payer=True) | ~Q(role=Occupancy.Role.TENANT)
    found = Occupancy.objects.filter(ending, unit__in=days).select_for_update()
    ended = []
    for occupancy in found:
        day = days[occupancy.unit_id]
        if occupancy.starts_on < day and (occupancy.ends_on is None or occupancy.ends_on >= day):
            occupancy.ends_on = _eve(day)
            ended.append(occupancy)
    Occupancy.objects.bulk_update(ended, ["ends_on"], batch_size=2000)


def _eve(day: date) -> date:
    return day - timedelta(days=1)
