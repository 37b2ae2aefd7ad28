"""One rising series of readings out of what several devices showed, some of it estimated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

STEP = Decimal("0.001")  # m³


class Shown(NamedTuple):
    """What a meter showed on a day, in m³, or was taken to have shown."""

    day: date
    value: Decimal
    estimated: bool = False


class Exchange(NamedTuple):
    """A device gave way to another on a day: what the old showed last and the new one first.

    A reading of that very day is the new device's, unless it is the old one's last; an estimate is
    the old one's, unless it is the new one's first.
    """

    day: date
    old: Decimal
    new: Decimal


class RollOver(NamedTuple):
    """A meter passed its highest number and began again at 0.

    ``day`` is that of a reading, or of an exchange, which showed it; ``full`` is what 0 then stands
    for: 100000 with 5 digits.
    """

    day: date
    full: Decimal


class Placed(NamedTuple):
    """A reading in the series.

    For an estimate that certain readings proved wrong, ``corrected`` stands for the value.
    """

    shown: Shown
    shift: Decimal
    corrected: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """Where the series stands on the day, in m³: usage is the difference of two of them."""
        return (self.shown.value if self.corrected is None else self.corrected) + self.shift


@dataclass(slots=True)
class _Point:
    """A reading, or what a device showed when it was taken off (`new`: what follows it)."""

    shown: Shown
    new: Decimal | None = None
    shift: Decimal = Decimal(0)
    corrected: Decimal | None = None

    @property
    def total(self) -> Decimal:
        return self.shown.value + self.shift


def rising_series(
    readings: Iterable[Shown],
    exchanges: Iterable[Exchange] = (),
    roll_overs: Iterable[RollOver] = (),
) -> list[Placed]:
    """The readings by day, each with its shift, estimates corrected where they cannot be.

    An estimate may stand above the next certain value, real or last of a device, or below the one
    before. Then all estimates between the two are put on the straight line from one to the other,
    so that no usage is negative and the sum is what was really used. Where the certain values
    themselves fall, nothing is corrected: somebody has to look.
    """
    points = _in_order(readings, exchanges)
    began_again: dict[int, Decimal] = {}
    for roll_over in roll_overs:
        place = _where_it_began_again(roll_over, points)
        if place is not None:
            began_again[place] = began_again.get(place, Decimal(0)) + roll_over.full
    shift = Decimal(0)
    for place, point in enumerate(points):
        shift += began_again.get(place, 0)
        point.shift = shift
        if point.new is not None:
            shift += point.shown.value - point.new
    _correct(points)
    return [Placed(p.shown, p.shift, p.corrected) for p in points if p.new is None]


def _in_order(readings: Iterable[Shown], exchanges: Iterable[Exchange]) -> list[_Point]:
    swapped = {exchange.day: exchange for exchange in exchanges}

    def rank(point: _Point) -> tuple[date, int]:
        exchange = swapped.get(point.shown.day)
        if point.new is not None or exchange is None:
            return point.shown.day, 1
        value, estimated = point.shown.value, point.shown.estimated
        after = value == exchange.new if estimated else value != exchange.old
        return point.shown.day, 2 if after else 0

    points = [_Point(shown) for shown in readings]
    points += [_Point(Shown(e.day, e.old), new=e.new) for e in swapped.values()]
    return sorted(points, key=rank)


def _where_it_began_again(roll_over: RollOver, points: Sequence[_Point]) -> int | None:
    """The first point after a roll-over: back from its day until the figures fall.

    A reading that arrived late may lie between the one that showed it and the one before.
    """
    last = [i for i, point in enumerate(points) if point.shown.day <= roll_over.day]
    if not last:
        return None
    taken_off = [i for i in last if points[i].new is not None]
    place = last[-1]
    if taken_off and points[taken_off[-1]].shown.day == roll_over.day:
        place = taken_off[-1]  # a new device does not roll over on its first day
    for later in range(place, 0, -1):
        before = points[later - 1]
        stood = before.shown.value if before.new is None else before.new
        if stood > points[later].shown.value:
            return later
        if before.new is not None:
            break  # the device hangs there since then
    return place


def _correct(points: Sequence[_Point]) -> None:
    since: _Point | None = None
    estimates: list[_Point] = []
    for point in points:
        if point.shown.estimated:
            estimates.append(point)
            continue
        if since is not None and any(
            not since.total <= each.total <= point.total for each in estimates
        ):
            _put_on_line(estimates, since, point)
        since, estimates = point, []


def _put_on_line(estimates: Iterable[_Point], since: _Point, until: _Point) -> None:
    used = until.total - since.total
    if used < 0:
        return
    days = (until.shown.day - since.shown.day).days
    for each in estimates:
        passed = (each.shown.day - since.shown.day).days
        there = since.total + (used * passed / days).quantize(STEP, ROUND_HALF_UP)
        each.corrected = there - each.shift
