"""Vacancies (空置): spans, both days inclusive, in which nobody uses a unit."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.utils.translation import gettext as _

from community.models import Community, Vacancy
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
from core.copying import copy_rows

COLUMNS = (
    *UNIT_COLUMNS,
    tables.Column("空置起", "starts_on", tables.day()),
    tables.Column("空置止", "ends_on", tables.day()),
)


Spans = dict[tuple[date, date], int]  # first and last day, and the row that says so (0: on record)


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
        vacancies: dict[str, Spans] = defaultdict(dict)  # by unit code
        found = Vacancy.objects.filter(unit__community=community)
        for code, start, end in found.values_list("unit__code", "starts_on", "ends_on"):
            vacancies[code][start, end] = 0
        for row in rows:
            unit = find_unit(row, units, problems)
            if _is_new(row, vacancies[unit_code(row)], problems) and unit:
                new.append((unit.id, row["starts_on"], row["ends_on"]))
        problems.refuse()
        copy_rows(Vacancy, ["unit", "starts_on", "ends_on"], new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


def _is_new(row: tables.Row, vacancies: Spans, problems: Problems) -> bool:
    """Whether a row adds a vacancy to those of its unit; notes why not, unless it is on record."""
    if problems.add_reversed(row, "空置止", first="starts_on", last="ends_on"):
        return False
    if not unit_code(row) or not row.reads("starts_on", "ends_on"):
        return False
    start, end = row["starts_on"], row["ends_on"]
    if (start, end) in vacancies:
        if said_in := vacancies[start, end]:
            problems.add_double(row, "空置起", said_in)
        return False
    if other := _overlapped(start, end, vacancies):
        message = _("overlaps the vacancy from %(start)s to %(end)s")
        problems.add(row, "空置起", message % {"start": other[0], "end": other[1]})
        return False
    vacancies[start, end] = row.number
    return True


def _overlapped(
    start: date, end: date, vacancies: Iterable[tuple[date, date]]
) -> tuple[date, date] | None:
    return next((other for other in vacancies if start <= other[1] and other[0] <= end), None)
