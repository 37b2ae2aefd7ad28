"""What the page of a clearance asks about: meters not read on the last day, costs to come."""

import datetime
from dataclasses import dataclass
from typing import Any

from billing.forms.fields import typed_figure
from billing.models import Meter
from billing.services.meters.meter_entries import Taken
from billing.services.meters.metering import histories
from billing.services.runs.left_out import LeftOut, closing_day
from community.models import today
from payments.models import Clearance
from payments.services.giving_back.moving_out import Position


@dataclass
class Row:
    """Days of an item that are on no bill; of a meter also what it showed and what was typed."""

    left: LeftOut
    accepted: bool
    last: Any = None  # the figure before, None if there is none
    on_record: Any = None  # the figure that closes the usage, if there is one
    meter: int | None = None
    typed: str = ""
    taken: Taken | None = None
    error: str = ""

    @property
    def sure_of(self) -> str:
        """The figure that is asked about, as the answer names it."""
        return typed_figure(self.taken.entry.value) if self.taken else ""


@dataclass
class Typed:
    """What was typed for an item and what became of it."""

    item: int
    text: str
    taken: Taken | None = None
    error: str = ""


def rows(clearance: Clearance, position: Position, typed: Typed | None = None) -> list[Row]:
    """What is on no bill, first what would be his; as it was typed where that was refused."""
    measured = [one.item.pk for one in position.left_out if one.is_metered]
    meters = dict(
        Meter.objects.filter(unit=clearance.unit_id, fee_item__in=measured).values_list(
            "fee_item_id", "pk"
        )
    )
    known = histories(meters.values())
    day = closing_day(clearance.community, clearance.day)
    found = []
    for one in sorted(position.left_out, key=lambda one: not one.is_his):
        row = Row(one, accepted=one.as_json() in position.accepted, meter=meters.get(one.item.pk))
        if row.meter is not None:
            history = known[row.meter]
            before = history.before(day)
            row.last, row.on_record = before[-1] if before else None, history.on(day)
        if row.on_record or (row.last and row.last.shown.day == clearance.day):
            shown = row.on_record or row.last.shown
            row.typed = typed_figure(shown.value)
        if typed is not None and typed.item == one.item.pk:
            row.typed, row.taken, row.error = typed.text, typed.taken, typed.error
        found.append(row)
    return found


def readable_from(clearance: Clearance) -> datetime.date | None:
    """The day from which on the meters can be read for it; None: by now they can."""
    return clearance.day if clearance.day > today() else None
