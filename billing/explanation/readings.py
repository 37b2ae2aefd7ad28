"""The readings behind a usage in words: estimates, corrections, a meter replaced or rolled over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.explanation import equations as eq
from billing.models import MeterReading, MeterReplacement


@dataclass(frozen=True)
class Read:
    """A reading as a run may have taken it: an estimate counts as it was, or as it was put right.

    `place` is where it stands in the one rising series of its meter, in m³.
    """

    reading: MeterReading
    shown: Decimal
    place: Decimal

    @property
    def day(self) -> date:
        return self.reading.read_on


def words_of_readings(
    usage: Decimal | Fraction,
    *,
    since: date,
    readings: Sequence[MeterReading],
    replacements: Sequence[MeterReplacement] = (),
) -> tuple[str, ...]:
    """What the meter showed at both ends of a usage, if that is still on record, else nothing.

    `since` is the first day of the line; readings and replacements are in order of their days.
    """
    for first, last in _pairs(since, readings):
        if last.place - first.place != usage:
            continue
        between = [
            each
            for each in replacements
            if each.kind == MeterReplacement.Kind.REPLACED
            and first.day < each.replaced_on <= last.day
        ]
        words = [_from_to(first, last), *_of_shift(first, last, between)]
        words += [note for read in (first, last) if (note := _of_estimate(read))]
        return tuple(words)
    return ()


def _pairs(since: date, readings: Sequence[MeterReading]) -> Iterator[tuple[Read, Read]]:
    """Two readings in the order of their days, the latest first."""
    seen = [read for reading in reversed(readings) for read in _as_read(reading)]
    for last in seen:
        if last.day >= since:
            yield from ((first, last) for first in seen if first.day < last.day)


def _as_read(reading: MeterReading) -> Iterator[Read]:
    yield Read(reading, reading.value, reading.value + reading.shift)
    if reading.corrected_value is not None:
        yield Read(reading, reading.corrected_value, reading.corrected_value + reading.shift)


def _from_to(first: Read, last: Read) -> str:
    return _("Meter: %(first)s on %(first_day)s, %(last)s on %(last_day)s; used %(usage)s m³.") % {
        "first": eq.number(first.shown),
        "first_day": first.day,
        "last": eq.number(last.shown),
        "last_day": last.day,
        "usage": eq.number(last.place - first.place),
    }


def _of_shift(first: Read, last: Read, replacements: Sequence[MeterReplacement]) -> Iterator[str]:
    """Why the usage is not simply the difference of what was shown."""
    for replacement in replacements:
        yield _(
            "The meter was replaced on %(day)s: the old one showed %(old)s, the new one began at "
            "%(new)s."
        ) % {
            "day": replacement.replaced_on,
            "old": eq.number(replacement.old_value),
            "new": eq.number(replacement.new_value),
        }
    shifted = last.reading.shift - first.reading.shift
    if shifted != sum((r.old_value - r.new_value for r in replacements), Decimal(0)):
        yield _("The meter passed its highest number and began again at 0.")


def _of_estimate(read: Read) -> str:
    reading = read.reading
    if not reading.is_estimated:
        return ""
    if reading.corrected_value is None:
        return _("The reading of %(day)s is an estimate; the next real reading puts it right.") % {
            "day": read.day
        }
    return _(
        "The reading of %(day)s was estimated as %(estimate)s; a real reading put it right to "
        "%(right)s."
    ) % {
        "day": read.day,
        "estimate": eq.number(reading.value),
        "right": eq.number(reading.corrected_value),
    }
