"""What meters showed, as one rising series over devices, roll-overs and estimates.

Readings are written in `readings`, `meter_entries` and `meter_events`; each ends with `settle`,
which puts shifts and corrections of estimates on the rows (see `billing.calculation.series`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Exists, OuterRef, Q

from billing.calculation.series import (
    STEP,
    Exchange,
    Placed,
    RollOver,
    Shown,
    rising_series,
)
from billing.models import Meter, MeterReading, MeterReplacement

Kind = MeterReplacement.Kind


@dataclass(frozen=True)
class History:
    """All that is known of a meter: readings, and which devices showed them."""

    readings: tuple[Shown, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    roll_overs: tuple[RollOver, ...] = ()

    def series(self) -> list[Placed]:
        return rising_series(self.readings, self.exchanges, self.roll_overs)

    def with_reading(self, shown: Shown) -> "History":
        """As if the meter had shown this on its day, whatever is on record for that day."""
        others = tuple(each for each in self.readings if each.day != shown.day)
        return replace(self, readings=(*others, shown))

    def with_exchange(self, exchange: Exchange) -> "History":
        return replace(self, exchanges=(*self.exchanges, exchange))

    def with_roll_over(self, roll_over: RollOver) -> "History":
        return replace(self, roll_overs=(*self.roll_overs, roll_over))

    def without_roll_over(self, day: date) -> "History":
        return replace(self, roll_overs=tuple(r for r in self.roll_overs if r.day != day))

    def on(self, day: date) -> Shown | None:
        """What was read or estimated on a day."""
        return next((each for each in self.readings if each.day == day), None)

    def before(self, day: date) -> list[Placed]:
        """The series up to the day before, oldest first."""
        return [each for each in self.series() if each.shown.day < day]

    def real_before(self, day: date) -> list[Placed]:
        """The same without estimates."""
        return [each for each in self.before(day) if not each.shown.estimated]

    def real_after(self, day: date) -> Placed | None:
        """The first real reading after a day."""
        later = (p for p in self.series() if p.shown.day > day and not p.shown.estimated)
        return next(later, None)

    def daily_average(self, day: date) -> Decimal | None:
        """m³ a day over all real readings before a day; None with fewer than two of them."""
        known = self.real_before(day)
        days = (known[-1].shown.day - known[0].shown.day).days if known else 0
        return (known[-1].total - known[0].total) / days if days else None

    def expected_on(self, day: date) -> Decimal | None:
        """What the meter should show on a day by its own average, in m³ to 3 decimals.

        None if it was read fewer than twice before. A device put in since the last reading goes on
        from its own first figure.
        """
        average, known = self.daily_average(day), self.before(day)
        if average is None:
            return None
        last = known[-1]
        since = last.shown.day
        value = last.shown.value if last.corrected is None else last.corrected
        for exchange in sorted(self.exchanges):
            if since < exchange.day <= day:
                since, value = exchange.day, exchange.new
        used = max(average, Decimal(0)) * (day - since).days
        return value + used.quantize(STEP, ROUND_HALF_UP)


@dataclass
class _Rows:
    readings: list[MeterReading] = field(default_factory=list)
    replacements: list[MeterReplacement] = field(default_factory=list)

    def history(self) -> History:
        replaced = [r for r in self.replacements if r.kind == Kind.REPLACED]
        began_again = [r for r in self.replacements if r.kind == Kind.ROLLED_OVER]
        return History(
            tuple(Shown(r.read_on, r.value, r.is_estimated) for r in self.readings),
            tuple(Exchange(r.replaced_on, r.old_value, r.new_value) for r in replaced),
            tuple(RollOver(r.replaced_on, r.old_value) for r in began_again),
        )


def histories(meter_ids: Iterable[int]) -> dict[int, History]:
    """What is known of each meter, in two queries."""
    return {meter: rows.history() for meter, rows in _rows_of(list(meter_ids)).items()}


def settle(meter_ids: Iterable[int]) -> None:
    """Put the shifts, and the corrections of estimates, of some meters right.

    Inside the transaction that changed something about them. Meters that nothing ever happened to
    cost one query together; the others are locked, so that of two changes the later sees both.
    """
    shifted = MeterReading.objects.filter(meter=OuterRef("pk")).filter(
        Q(is_estimated=True) | ~Q(shift=0)
    )
    replaced = MeterReplacement.objects.filter(meter=OuterRef("pk"))
    eventful = Meter.objects.filter(Exists(shifted) | Exists(replaced), pk__in=list(meter_ids))
    locked = eventful.select_for_update().order_by("pk")
    changed: list[MeterReading] = []
    for rows in _rows_of([meter.pk for meter in locked]).values():
        by_day = {reading.read_on: reading for reading in rows.readings}
        for placed in rows.history().series():
            reading = by_day[placed.shown.day]
            now = placed.shift, placed.corrected
            if (reading.shift, reading.corrected_value) != now:
                reading.shift, reading.corrected_value = now
                changed.append(reading)
    MeterReading.objects.bulk_update(changed, ["shift", "corrected_value"], batch_size=1000)


def _rows_of(meter_ids: Sequence[int]) -> dict[int, _Rows]:
    rows: dict[int, _Rows] = defaultdict(_Rows)
    if meter_ids:
        for reading in MeterReading.objects.filter(meter__in=meter_ids).order_by("read_on"):
            rows[reading.meter_id].readings.append(reading)
        for each in MeterReplacement.objects.filter(meter__in=meter_ids).order_by("replaced_on"):
            rows[each.meter_id].replacements.append(each)
    return {meter: rows[meter] for meter in meter_ids}
