"""Devices come and go, figures begin again at 0, estimates are wrong: the usage stays the usage."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from billing.calculation.series import Exchange, Placed, RollOver, Shown, rising_series

START = date(2026, 1, 1)


def on(day: int) -> date:
    return START + timedelta(days=day)


def shown(day: int, value: str | int, *, estimated: bool = False) -> Shown:
    return Shown(on(day), Decimal(value), estimated)


def totals(placed: list[Placed]) -> list[Decimal]:
    return [each.total for each in placed]


def test_without_events_nothing_is_shifted() -> None:
    placed = rising_series([shown(9, 30), shown(0, 10)])
    assert [(p.shown.day, p.shift, p.corrected) for p in placed] == [
        (on(0), 0, None),
        (on(9), 0, None),
    ]


def test_a_new_device_goes_on_where_the_old_one_stopped() -> None:
    swap = Exchange(on(5), old=Decimal(120), new=Decimal(3))
    assert totals(rising_series([shown(0, 100), shown(9, 13)], [swap])) == [100, 130]


def test_on_the_day_itself_the_old_ones_last_reading_is_the_old_ones() -> None:
    swap = Exchange(on(5), old=Decimal(120), new=Decimal(3))
    assert totals(rising_series([shown(5, 120), shown(9, 13)], [swap])) == [120, 130]
    assert totals(rising_series([shown(5, 4), shown(9, 13)], [swap])) == [121, 130]


def test_after_99999_comes_0() -> None:
    again = RollOver(on(9), Decimal(100_000))
    readings = [shown(0, 99_990), shown(9, 20), shown(20, 50)]
    assert totals(rising_series(readings, roll_overs=[again])) == [99_990, 100_020, 100_050]


def test_a_reading_that_arrives_late_finds_its_side_of_the_roll_over() -> None:
    again = RollOver(on(9), Decimal(100_000))
    readings = [shown(0, 99_990), shown(9, 20)]
    before = rising_series([*readings, shown(4, 99_999)], roll_overs=[again])
    assert totals(before) == [99_990, 99_999, 100_020]
    after = rising_series([*readings, shown(4, 5)], roll_overs=[again])
    assert totals(after) == [99_990, 100_005, 100_020]


def test_a_device_may_roll_over_and_then_be_replaced() -> None:
    swap, again = Exchange(on(5), Decimal(20), Decimal(0)), RollOver(on(5), Decimal(100_000))
    placed = rising_series([shown(0, 99_990), shown(9, 7)], [swap], [again])
    assert totals(placed) == [99_990, 100_027]


def test_an_estimate_below_the_next_reading_stands() -> None:
    placed = rising_series([shown(0, 10), shown(10, 15, estimated=True), shown(20, 16)])
    assert totals(placed) == [10, 15, 16]
    assert [p.corrected for p in placed] == [None] * 3


def test_an_estimate_above_it_gives_way_to_the_straight_line() -> None:
    guesses = [shown(10, 30, estimated=True), shown(20, 50, estimated=True)]
    placed = rising_series([shown(0, 10), *guesses, shown(30, 40)])
    assert totals(placed) == [10, 20, 30, 40]
    assert [p.corrected for p in placed] == [None, 20, 30, None]


def test_the_last_figure_of_a_device_corrects_an_estimate_too() -> None:
    swap = Exchange(on(10), old=Decimal(20), new=Decimal(0))
    placed = rising_series([shown(0, 10), shown(5, 50, estimated=True)], [swap])
    assert totals(placed) == [10, 15]


def test_a_meter_that_ran_backwards_is_for_people() -> None:
    placed = rising_series([shown(0, 10), shown(5, 12, estimated=True), shown(9, 8)])
    assert [p.corrected for p in placed] == [None] * 3


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], list[Shown], list[Exchange], list[RollOver]]:
    """Usage by day, and what was seen of it: 3-digit devices, replaced and rolling over.

    A device is read on its last day, and often enough never to pass 999 twice unseen.
    """
    usage = draw(st.lists(st.integers(0, 60), min_size=2, max_size=60))
    seen = draw(st.sets(st.integers(1, len(usage)), max_size=30)) | {0, len(usage)}
    seen |= set(range(0, len(usage), 12))
    swaps = draw(st.sets(st.integers(1, len(usage)), max_size=3))
    figure, last = draw(st.integers(0, 999)), -1
    readings, exchanges, roll_overs = [], [], []
    rolled = False
    for day in range(len(usage) + 1):
        if day:
            figure += usage[day - 1]
            if figure > 999:
                figure, rolled = figure - 1000, True
        if day in seen or day in swaps:
            if rolled:
                roll_overs.append(RollOver(on(day), Decimal(1000)))
            rolled = False
        if day in swaps:
            new = draw(st.integers(0, 999))
            if day in seen:
                # Read before or after the fitter came; figures alike would mean one and the same.
                last = figure if draw(st.booleans()) else new
                readings.append(Shown(on(day), Decimal(last)))
            exchanges.append(Exchange(on(day), Decimal(figure), Decimal(new)))
            figure = new
        elif day in seen:
            readings.append(Shown(on(day), Decimal(figure)))
    return usage, readings, exchanges, roll_overs


@given(histories(), st.randoms(use_true_random=False))
def test_devices_never_change_the_usage(history, random) -> None:
    usage, readings, exchanges, roll_overs = history
    random.shuffle(readings)
    placed = rising_series(readings, exchanges, roll_overs)
    first = placed[0]
    for each in placed:
        used = sum(usage[: (each.shown.day - START).days])
        assert each.total - first.total == used


@given(histories(), st.data())
def test_estimates_never_change_it_either_and_leave_no_usage_negative(history, data) -> None:
    """However wrong they are: real readings keep their totals, everything rises."""
    usage, readings, exchanges, roll_overs = history
    real = {each.shown.day: each.total for each in rising_series(readings, exchanges, roll_overs)}
    taken = {*real, *(e.day for e in exchanges), *(r.day for r in roll_overs)}
    free = [day for day in range(len(usage)) if on(day) not in taken]
    last_real = max(real)
    guessed = data.draw(st.sets(st.sampled_from(free), max_size=8)) if free else set()
    before = sorted(readings)
    estimates = []
    for day in guessed:
        known = [r for r in before if r.day < on(day)]
        changed = [e for e in (*exchanges, *roll_overs) if known[-1].day < e.day < on(day)]
        if known and not changed:
            guess = known[-1].value + data.draw(st.integers(0, 400)) + day
            estimates.append(Shown(on(day), Decimal(guess), estimated=True))
    placed = rising_series([*readings, *_rising(estimates)], exchanges, roll_overs)
    assert {p.shown.day: p.total for p in placed if not p.shown.estimated} == real
    certain = [p for p in placed if p.shown.day <= last_real]
    assert all(one.total <= other.total for one, other in pairwise(certain))


def _rising(estimates: list[Shown]) -> list[Shown]:
    """Estimates build upon each other, so they rise among themselves."""
    rising: list[Shown] = []
    for each in sorted(estimates):
        if not rising or each.value >= rising[-1].value:
            rising.append(each)
    return rising
