"""What happens to a meter beside being read: it is replaced, or its figure is estimated."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.calculation.series import Exchange, RollOver, Shown
from billing.models import FeeItem, Meter, MeterReading, MeterReplacement
from billing.services.meters.meter_entries import (
    Doubt,
    EntryRefused,
    Odd,
    billed_units,
    doubts_about,
    keep_roll_overs,
    roll_over_at,
)
from billing.services.meters.metering import History, histories, settle
from community.models import Community, Unit, User, today
from community.services.imports import lock

Kind = MeterReplacement.Kind


class ReplacementQuestioned(Exception):
    """Nothing was written yet: `doubts` are to be answered first."""

    def __init__(self, doubts: Iterable[Doubt]) -> None:
        self.doubts = tuple(doubts)
        super().__init__()


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """A device that gave way to another: figures in m³, the new one's digits before the point."""

    replaced_on: date
    old_value: Decimal
    new_value: Decimal
    old_serial: str = ""
    new_serial: str = ""
    digits: int | None = None
    reason: str = ""


@transaction.atomic
def replace_meter(
    *, meter: Meter, told: Replacement, by: User, sure: bool = False, rolled_over: bool = False
) -> MeterReplacement:
    """Keep that a device was replaced; usage goes on across it. The same again changes nothing.

    ReplacementQuestioned if a figure is odd and nobody said it is `sure`; EntryRefused if the day
    has not come, or what is on record for it says otherwise.
    """
    if told.replaced_on > today():
        raise EntryRefused(_("This day has not come yet."))
    lock(meter.unit.community)
    meter = Meter.objects.select_for_update(of=("self",)).select_related("unit").get(pk=meter.pk)
    standing = meter.replacements.filter(replaced_on=told.replaced_on, kind=Kind.REPLACED).first()
    if standing:
        if (standing.old_value, standing.new_value) == (told.old_value, told.new_value):
            return standing
        raise EntryRefused(_("Another replacement is on record for this day."))
    history = histories([meter.pk])[meter.pk]
    _refuse_strange_reading(history, told)
    full = roll_over_at(meter, history, told.replaced_on) if rolled_over else None
    doubts = _doubts(meter, history, told, full)
    if doubts and not sure:
        raise ReplacementQuestioned(doubts)
    if full is not None:
        keep_roll_overs([meter.pk], [meter], {meter.pk: history}, told.replaced_on, by)
    made = MeterReplacement.objects.create(
        meter=meter,
        replaced_on=told.replaced_on,
        old_value=told.old_value,
        new_value=told.new_value,
        old_serial=told.old_serial or meter.serial,
        new_serial=told.new_serial,
        reason=told.reason,
        done_by=by,
    )
    meter.serial, meter.digits = told.new_serial, told.digits
    meter.save(update_fields=["serial", "digits"])
    settle([meter.pk])
    return made


def _refuse_strange_reading(history: History, told: Replacement) -> None:
    """A reading of the very day is the old device's last or one of the new one, nothing else."""
    there = history.on(told.replaced_on)
    if there is None or there.estimated or there.value == told.old_value:
        return
    if there.value < told.new_value:
        raise EntryRefused(
            _("%(value)s m³ was read on that day: neither the old meter's last nor the new one's.")
            % {"value": there.value}
        )


def _doubts(
    meter: Meter, history: History, told: Replacement, full: Decimal | None
) -> tuple[Doubt, ...]:
    """What is odd about the old device's last figure, and about later readings of the new one."""
    day = told.replaced_on
    # As if nothing but the old device's last figure were known of the day.
    trial = history.with_reading(Shown(day, told.old_value))
    if full is not None:
        trial = trial.with_roll_over(RollOver(day, full))
    doubts = [each for each in doubts_about(trial, day) if each.odd is not Odd.ABOVE_NEXT]
    after = history.with_exchange(Exchange(day, told.old_value, told.new_value))
    later = [p for p in after.series() if p.shown.day > day and not p.shown.estimated]
    if later and later[0].shown.value < told.new_value:
        doubts.append(Doubt(Odd.ABOVE_NEXT, later[0].shown.value, later[0].shown.day))
    if billed_units([meter.unit], meter.fee_item, day):
        doubts.append(Doubt(Odd.BILLED, None, day))
    return tuple(doubts)


@dataclass(frozen=True)
class Estimated:
    """What came of estimating: how many figures were written, and for which units none, and why."""

    made: int
    left_out: tuple[tuple[Unit, str], ...] = ()


@transaction.atomic
def estimate_readings(
    *, community: Community, item: FeeItem, units: Iterable[Unit], read_on: date, by: User
) -> Estimated:
    """Estimate what the meters of some units should show on a day, by each one's own average.

    A meter with a figure for the day, read or estimated, keeps it. The next real reading puts an
    estimate right (see `rising_series`). Raises EntryRefused for a day to come.
    """
    if read_on > today():
        raise EntryRefused(_("This day has not come yet."))
    lock(community)
    wanted = list(units)
    meters = {
        meter.unit_id: meter
        for meter in Meter.objects.select_for_update()
        .filter(fee_item=item, unit__in=wanted)
        .order_by("pk")
    }
    known = histories(meter.pk for meter in meters.values())
    made: list[MeterReading] = []
    left_out: list[tuple[Unit, str]] = []
    for unit in wanted:
        meter = meters.get(unit.pk)
        history = known[meter.pk] if meter else History()
        if history.on(read_on) is not None:
            continue
        if any(each.day > read_on for each in history.readings):
            left_out.append((unit, _("was read on a later day already")))
            continue
        value = history.expected_on(read_on)
        if meter is None or value is None:
            left_out.append((unit, _("was read fewer than twice, so it has no average yet")))
            continue
        made.append(
            MeterReading(meter=meter, read_on=read_on, value=value, is_estimated=True, read_by=by)
        )
    MeterReading.objects.bulk_create(made)
    settle(reading.meter_id for reading in made)
    return Estimated(len(made), tuple(left_out))


@transaction.atomic
def remove_reading(*, reading: MeterReading) -> None:
    """Take back a reading that was entered at the wrong meter; EntryRefused once it is billed."""
    meter = Meter.objects.select_for_update(of=("self",)).get(pk=reading.meter_id)
    if billed_units([meter.unit], meter.fee_item, reading.read_on):
        raise EntryRefused(
            _("Bills were issued for %(day)s. Enter the right figure instead.")
            % {"day": date_format(reading.read_on)}
        )
    meter.replacements.filter(replaced_on=reading.read_on, kind=Kind.ROLLED_OVER).delete()
    reading.delete()
    settle([meter.pk])


def name_meter(*, meter: Meter, serial: str, digits: int | None) -> None:
    """The meter's number and how many digits it has before the point."""
    meter.serial, meter.digits = serial, digits
    meter.save(update_fields=["serial", "digits"])
