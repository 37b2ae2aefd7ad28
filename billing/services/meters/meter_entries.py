"""Readings as they are entered at the meter: odd ones are questioned, never refused for being odd.

A whole sheet is taken in a fixed number of queries; one row is a sheet of one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.calculation.series import Placed, RollOver, Shown
from billing.models import Charge, FeeItem, Meter, MeterReading, MeterReplacement
from billing.services.meters.metering import History, histories, settle
from community.models import Community, Unit, User, today

ODD_FACTOR = 3  # times the meter's own average a day


class Odd(StrEnum):
    """Why a figure is questioned."""

    BELOW_LAST = "below_last"
    ABOVE_NEXT = "above_next"
    HIGH = "high"
    OTHER_VALUE = "other_value"
    BILLED = "billed"


class Doubt(NamedTuple):
    """A question to whoever read the meter; `figure` is what it was measured against, in m³."""

    odd: Odd
    figure: Decimal | None = None
    day: date | None = None


@dataclass(frozen=True)
class Entry:
    """A figure read at a unit. `sure`: whoever read it was asked about this very figure."""

    unit: Unit
    value: Decimal
    sure: bool = False
    rolled_over: bool = False


@dataclass(frozen=True)
class Taken:
    """What became of an entry: saved, or questioned, and then nothing was written of it."""

    entry: Entry
    doubts: tuple[Doubt, ...] = ()
    new: bool = False
    roll_over_at: Decimal | None = None  # where it may have begun again at 0: 100000 for 5 digits
    usage: Decimal | None = None  # m³ since the last figure, by the answers given so far

    @property
    def saved(self) -> bool:
        return not self.doubts


class EntryRefused(Exception):
    """Nothing was written, and the message says why."""


@transaction.atomic
def record_readings(
    *,
    community: Community,
    item: FeeItem,
    read_on: date,
    entries: Sequence[Entry],
    by: User,
    note: str = "",
    closing: bool = False,
) -> list[Taken]:
    """Take what the meters of some units showed on a day, in the order given.

    A figure on record already changes nothing. An odd one, another one for the same day, and one
    within days that are billed are written only if `sure`; the old figure is kept in the note. A
    real reading takes the place of that day's estimate. `closing`: what they showed as the day
    before ended, for a bill that is issued at once. Raises EntryRefused for a day to come.
    """
    if read_on > today() + timedelta(days=closing):
        raise EntryRefused(_("This day has not come yet."))
    units = [entry.unit for entry in entries]
    if {item.community_id, *(unit.community_id for unit in units)} != {community.pk}:
        raise EntryRefused(_("This unit belongs to another community."))
    meters = _meters(units, item)
    known = histories(meter.pk for meter in meters.values())
    billed = set() if closing else billed_units(units, item, read_on)
    taken = []
    for entry in entries:
        meter = meters[entry.unit.pk]
        taken.append(_judge(entry, known[meter.pk], meter, read_on, entry.unit.pk in billed))
    _write([each for each in taken if each.new], meters, known, read_on, by, note)
    return taken


def _meters(units: Sequence[Unit], item: FeeItem) -> dict[int, Meter]:
    """The meters of units, locked; those that nobody ever read are made."""
    Meter.objects.bulk_create(
        [Meter(unit=unit, fee_item=item) for unit in units], ignore_conflicts=True
    )
    locked = Meter.objects.select_for_update().filter(fee_item=item, unit__in=units)
    return {meter.unit_id: meter for meter in locked.order_by("pk")}


def billed_units(units: Iterable[Unit], item: FeeItem, day: date) -> set[int]:
    """The units whose usage of an item on a day is on an issued bill."""
    found = Charge.objects.filter(
        account__unit__in=list(units),
        fee_item=item,
        kind=Charge.Kind.FEE,
        starts_on__lte=day,
        ends_on__gte=day,
    )
    return set(found.values_list("account__unit_id", flat=True))


def _judge(entry: Entry, history: History, meter: Meter, day: date, billed: bool) -> Taken:
    shown = Shown(day, entry.value)
    before = history.on(day)
    if before == shown:
        return Taken(entry)
    # Another figure answers anew whether the meter began again before it.
    trial = history.with_reading(shown).without_roll_over(day)
    full = roll_over_at(meter, history, day)
    if entry.rolled_over and full is not None:
        trial = trial.with_roll_over(RollOver(day, full))
    doubts = tuple(doubts_about(trial, day))
    if before is not None and not before.estimated:
        doubts = (Doubt(Odd.OTHER_VALUE, before.value, day), *doubts)
    if billed:
        doubts = (*doubts, Doubt(Odd.BILLED, before.value if before else None, day))
    if entry.sure or not doubts:
        return Taken(entry, new=True)
    asks = entry.rolled_over or _may_have_begun_again(doubts, full)
    return Taken(entry, doubts, roll_over_at=full if asks else None, usage=_usage(trial, day))


def _usage(history: History, day: date) -> Decimal | None:
    """m³ from the figure before to that of a day; None for the first."""
    known = history.before(day)
    placed = next(each for each in history.series() if each.shown.day == day)
    return placed.total - known[-1].total if known else None


def _may_have_begun_again(doubts: Iterable[Doubt], full: Decimal | None) -> bool:
    """Whether a figure below the last makes sense as one after 0: the last was near the end."""
    last = next((each.figure for each in doubts if each.odd is Odd.BELOW_LAST), None)
    return full is not None and last is not None and last * 2 >= full


def doubts_about(history: History, day: date) -> Iterable[Doubt]:
    """What is odd about the reading of a day, with all that is known."""
    placed = next(each for each in history.series() if each.shown.day == day)
    known, later = history.real_before(day), history.real_after(day)
    if later is not None and placed.total > later.total:
        yield Doubt(Odd.ABOVE_NEXT, later.shown.value, later.shown.day)
    if not known:
        return
    last = known[-1]
    if placed.total < last.total:
        yield Doubt(Odd.BELOW_LAST, last.shown.value, last.shown.day)
        return
    average = history.daily_average(day)
    if average is not None and _a_day(last, placed) > ODD_FACTOR * average:
        yield Doubt(Odd.HIGH, average * (day - last.shown.day).days, last.shown.day)


def _a_day(last: Placed, placed: Placed) -> Decimal:
    return (placed.total - last.total) / (placed.shown.day - last.shown.day).days


def roll_over_at(meter: Meter, history: History, day: date) -> Decimal | None:
    """What 0 stands for after the highest number; a guess if nobody wrote the digits down.

    None where the meter never showed anything.
    """
    if meter.digits:
        return Decimal(10) ** meter.digits
    known = history.real_before(day)
    return Decimal(10) ** len(str(int(known[-1].shown.value))) if known else None


def _write(
    new: Sequence[Taken],
    meters: dict[int, Meter],
    known: dict[int, History],
    read_on: date,
    by: User,
    note: str,
) -> None:
    if not new:
        return
    ids = [meters[each.entry.unit.pk].pk for each in new]
    there = MeterReading.objects.filter(meter__in=ids, read_on=read_on)
    standing = {reading.meter_id: reading for reading in there}
    fresh: list[MeterReading] = []
    for each in new:
        meter = meters[each.entry.unit.pk]
        reading = standing.get(meter.pk)
        if reading is None:
            reading = MeterReading(meter=meter, read_on=read_on, note=note[:200])
            fresh.append(reading)
        else:
            reading.note = _was(reading, note)
        reading.value, reading.is_estimated = each.entry.value, False
        reading.corrected_value, reading.read_by = None, by
    MeterReading.objects.bulk_create(fresh)
    MeterReading.objects.bulk_update(
        standing.values(), ["value", "is_estimated", "corrected_value", "read_by", "note"]
    )
    began_again = [meters[each.entry.unit.pk] for each in new if each.entry.rolled_over]
    keep_roll_overs(ids, began_again, known, read_on, by)
    settle(ids)


def _was(reading: MeterReading, note: str) -> str:
    """What a reading said before it was changed, and why it was."""
    words = _("estimated %(value)s") if reading.is_estimated else _("was %(value)s")
    old = f"{words % {'value': reading.value}} ({date_format(today(), 'Y-m-d')})"
    return "; ".join(filter(None, (note, old, reading.note)))[:200]


def keep_roll_overs(
    asked: Sequence[int],
    began_again: Sequence[Meter],
    known: dict[int, History],
    day: date,
    by: User,
) -> None:
    """Keep which of the meters that were `asked` about began again at 0 by a day."""
    rolled = MeterReplacement.objects.filter(kind=MeterReplacement.Kind.ROLLED_OVER)
    rolled.filter(meter__in=asked, replaced_on=day).delete()
    full = {meter.pk: roll_over_at(meter, known[meter.pk], day) for meter in began_again}
    sure = [(meter, at) for meter in began_again if (at := full[meter.pk]) is not None]
    MeterReplacement.objects.bulk_create(
        MeterReplacement(
            meter=meter,
            replaced_on=day,
            kind=MeterReplacement.Kind.ROLLED_OVER,
            old_value=at,
            new_value=0,
            done_by=by,
        )
        for meter, at in sure
    )
    for meter, at in sure:
        meter.digits = len(str(int(at))) - 1
    Meter.objects.bulk_update([meter for meter, _at in sure], ["digits"])
