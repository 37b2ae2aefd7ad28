"""Vacancies (空置): spans, both days inclusive, in which nobody uses a unit."""

from collections import defaultdict
from datetime import date

from django.utils.translation import gettext as _

from community.models import Community, Vacancy
from community.services.imports import (
    UNIT_COLUMNS,
    Imported,
    Problems,
    Source,
    find_unit,
    units_by_code,
    writing_to,
)
from core import tables
from core.copying import copy_rows

COLUMNS = (
    *UNIT_COLUMNS,
    tables.Column("空置起", "starts_on", tables.day()),
    tables.Column("空置止", "ends_on", tables.day()),
)


def import_vacancies(*, source: Source, community: Community, dry_run: bool = False) -> Imported:
    """Take over vacancies; one on record already changes nothing.

    Raises TableRefused with every bad row (a span that ends before it starts, or that overlaps
    another of the unit); then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    new: list[tuple[int, date, date]] = []
    with writing_to(community, dry_run=dry_run):
        units = units_by_code(community)
        vacancies: dict[int, list[tuple[date, date]]] = defaultdict(list)
        found = Vacancy.objects.filter(unit__community=community)
        for pk, start, end in found.values_list("unit_id", "starts_on", "ends_on"):
            vacancies[pk].append((start, end))
        for row in rows:
            unit = find_unit(row, units, problems)
            if unit and _is_new(row, vacancies[unit.id], problems):
                vacancies[unit.id].append((row["starts_on"], row["ends_on"]))
                new.append((unit.id, row["starts_on"], row["ends_on"]))
        problems.refuse()
        copy_rows(Vacancy, ["unit", "starts_on", "ends_on"], new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


def _is_new(row: tables.Row, vacancies: list[tuple[date, date]], problems: Problems) -> bool:
    start, end = row["starts_on"], row["ends_on"]
    if (start, end) in vacancies:
        return False
    if end < start:
        problems.add(row, "空置止", _("lies before the first day"))
        return False
    for other_start, other_end in vacancies:
        if start <= other_end and other_start <= end:
            message = _("overlaps the vacancy from %(start)s to %(end)s") % {
                "start": other_start,
                "end": other_end,
            }
            problems.add(row, "空置起", message)
            return False
    return True
