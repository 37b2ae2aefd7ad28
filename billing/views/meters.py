"""The walk along the meters: a sheet for a building, made for a phone in one hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext

from billing.forms.fields import FigureField, typed_figure
from billing.forms.meters import WalkForm
from billing.models import BillRun, FeeItem, LateFact, Meter
from billing.services.meters import meter_sheets as sheets
from billing.services.meters.meter_entries import Entry, EntryRefused, Taken, record_readings
from billing.services.meters.metering import History, histories
from billing.services.runs import late_facts
from community.access import SignedInRequest, staff
from community.models import Community, Role, Unit, today

ROWS = 80  # of one sheet; a longer building is read page by page
FIGURE = FigureField(places=3, digits=11, required=False)


@staff(Role.CLERK, Role.ACCOUNTANT)
def meters(request: SignedInRequest, community: Community) -> HttpResponse:
    """Which meters there are to read, building by building, and how far the walk is."""
    items = list(sheets.metered_items(community))
    item = chosen_item(items, request.GET.get("item"))
    period = chosen_period(community, request.GET.get("period"))
    places = sheets.places(community, item, period) if item else []
    context = {
        "community": community,
        "items": items,
        "item": item,
        "period": period,
        "periods": sheets.reading_periods(community, today()),
        "places": places,
        "units": sum(place.units for place in places),
        "read": sum(place.read for place in places),
        "on": min(today(), period.end),
    }
    return render(request, "billing/meters.html", context)


def chosen_item(items: list[FeeItem], text: str | None) -> FeeItem | None:
    """The item that the address names, or the first."""
    named = next((each for each in items if str(each.pk) == text), None)
    return named or (items[0] if items else None)


def chosen_period(community: Community, text: str | None) -> sheets.ReadingPeriod:
    """The period whose first day the address names, or the present one."""
    periods = sheets.reading_periods(community, today())
    return next((each for each in periods if each.start.isoformat() == text), periods[0])


@dataclass
class Row:
    """A meter on the sheet: what it showed last, what is typed, what is asked about it."""

    unit: Unit
    history: History
    on: date
    meter: int | None = None
    typed: str | None = None
    taken: Taken | None = None
    error: str = ""
    due: Sequence[BillRun] = ()  # issued runs to be corrected

    @property
    def last(self) -> Any:
        known = self.history.before(self.on)
        return known[-1] if known else None

    @property
    def on_record(self) -> Any:
        return self.history.on(self.on)

    @property
    def saved(self) -> str:
        """The figure of the day that was read, as text; an estimate is not read."""
        there = self.on_record
        return typed_figure(there.value) if there and not there.estimated else ""

    @property
    def shown(self) -> str:
        """What stands in the field: what was typed, whatever became of it."""
        return self.saved if self.typed is None else self.typed

    @property
    def sure_of(self) -> str:
        """The figure that is asked about, as the answer names it."""
        return typed_figure(self.taken.entry.value) if self.taken else ""

    @property
    def usage(self) -> Decimal | None:
        """m³ since the last figure, once the day's is saved or asked about."""
        if self.taken is not None and self.taken.doubts:
            return self.taken.usage
        if not self.saved or self.last is None:
            return None
        there = next(each for each in self.history.series() if each.shown.day == self.on)
        used: Decimal = there.total - self.last.total
        return used

    @property
    def next_figure(self) -> str:
        """What the new figure is compared with as it is typed: the last on this device."""
        known = self.last and not self._changed_since() and not self.began_again
        return str(self.last.shown.value) if known else ""

    @property
    def began_again(self) -> bool:
        """Whether somebody said that the meter began again at 0 before this figure."""
        if self.taken is not None and self.taken.doubts:
            return self.taken.entry.rolled_over
        return any(each.day == self.on for each in self.history.roll_overs)

    def _changed_since(self) -> bool:
        return any(self.last.shown.day < e.day <= self.on for e in self.history.exchanges)


@staff(Role.CLERK, Role.ACCOUNTANT)
def meter_sheet(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """The meters of a building, or one unit's, on a day. Rows are saved one by one or together.

    Nothing typed is lost: what is questioned or refused comes back as it was typed.
    """
    item = get_object_or_404(FeeItem, community=community, pk=pk)
    walk = WalkForm({"on": request.GET.get("on") or today()})
    if not walk.is_valid():
        context = {"community": community, "walk": walk, "item": item}
        return render(request, "billing/meter_sheet.html", context, status=422)
    on = walk.cleaned_data["on"]
    units = _units(request.GET, community, item, on)
    page = Paginator(units, ROWS).get_page(request.GET.get("page"))
    rows = _rows(list(page.object_list), item, on)
    if request.method == "POST":
        answer = _save(request, community, item, on, rows)
        if answer is not None:
            return answer
    context = {
        "community": community,
        "walk": walk,
        "item": item,
        "on": on,
        "rows": rows,
        "page_obj": page,
        "first": rows[0].unit if rows else None,
        "entrance": request.GET.get("entrance"),
        "kept": [(n, request.GET[n]) for n in ("building", "entrance", "unit") if n in request.GET],
        "asked": sum(1 for row in rows if row.error or (row.taken and not row.taken.saved)),
    }
    status = 422 if context["asked"] else 200
    return render(request, "billing/meter_sheet.html", context, status=status)


def _units(asked: QueryDict, community: Community, item: FeeItem, on: date) -> Any:
    units = sheets.metered_units(community, item, on).select_related("building")
    for name in ("building", "unit"):
        given = asked.get(name, "")
        if given.isascii() and given.isdigit() and len(given) < 18:
            units = units.filter(**{{"building": "building_id", "unit": "pk"}[name]: int(given)})
        elif given:
            raise Http404
    if "entrance" in asked:
        units = units.filter(entrance=str(asked["entrance"])[:20].replace("\0", ""))
    return units


def _rows(units: list[Unit], item: FeeItem, on: date) -> list[Row]:
    found = Meter.objects.filter(fee_item=item, unit__in=units)
    meter_of = dict(found.values_list("unit_id", "pk"))
    known = histories(meter_of.values())
    due = late_facts.runs_by_unit(meter_of, LateFact.Kind.READING)
    return [
        Row(
            unit,
            known.get(meter_of.get(unit.pk, 0), History()),
            on,
            meter_of.get(unit.pk),
            due=due.get(unit.pk, ()),
        )
        for unit in units
    ]


def _save(
    request: SignedInRequest, community: Community, item: FeeItem, on: date, rows: list[Row]
) -> HttpResponse | None:
    """Take what was typed; an answer when there is nothing left to ask, else the rows say what."""
    # Without htmx a press on one row sends the whole sheet, and nothing of it may be lost.
    alone = request.POST.get("row") if request.htmx else None
    asked = [row for row in rows if alone in (None, str(row.unit.pk))]
    entries = [entry for row in asked if (entry := _entry(request.POST, row))]
    try:
        taken = record_readings(
            community=community, item=item, read_on=on, entries=entries, by=request.user
        )
    except EntryRefused as refused:
        for row in asked:
            row.error = row.error or str(refused)
        taken = []
    by_unit = {each.entry.unit.pk: each for each in taken}
    for row in asked:
        row.taken = by_unit.get(row.unit.pk)
    if alone is not None and asked:
        return _row_alone(request, community, item, asked[0])
    new = sum(1 for each in taken if each.saved and each.new)
    if new:
        words = ngettext("%(n)s reading is saved.", "%(n)s readings are saved.", new)
        messages.success(request, words % {"n": new})
    if any(row.error or (row.taken and not row.taken.saved) for row in rows):
        kept = {row.unit.pk: row for row in rows if row.error or (row.taken and row.taken.doubts)}
        for place, row in enumerate(_rows([row.unit for row in rows], item, on)):
            rows[place] = kept.get(row.unit.pk, row)
        return None
    return redirect(request.get_full_path())


def _row_alone(
    request: SignedInRequest, community: Community, item: FeeItem, row: Row
) -> HttpResponse:
    if row.taken and row.taken.saved:
        (row,) = _rows([row.unit], item, row.on)
    context = {"community": community, "item": item, "row": row, "on": row.on, "fresh": True}
    return render(request, "billing/_meter_row.html", context)


def _entry(posted: QueryDict, row: Row) -> Entry | None:
    """What was typed at a row, if it is a figure; what is not one is kept and named."""
    typed = posted.get(f"value-{row.unit.pk}")
    if typed is None or not typed.strip():
        return None
    row.typed = typed[:30]
    try:
        value = FIGURE.clean(typed)
    except ValidationError as error:
        row.error = " ".join(error.messages)
        return None
    if value is None:
        return None
    return Entry(
        row.unit,
        value,
        sure=posted.get(f"sure-{row.unit.pk}") == typed_figure(value),
        rolled_over=bool(posted.get(f"again-{row.unit.pk}")),
    )
