"""Readings at the meter: odd ones are questioned, devices change, estimates are put right."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import FeeItem, Meter, MeterReading, MeterReplacement
from billing.services.meters import meter_events as events
from billing.services.meters.meter_entries import Entry, EntryRefused, Odd, Taken, record_readings
from billing.services.meters.readings import import_readings
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Unit, User, today
from core.tables import TableRefused
from tests.billing.small import TARIFFS, issue, small_community, table
from tests.factories.community import CommunityFactory, StaffUserFactory, UnitFactory
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
READINGS = "楼栋,单元,房号,费目,抄表日期,读数"


class Waterworks:
    """A community with water meters at 1-1-101, 1-1-102, …"""

    def __init__(self, units: int = 2) -> None:
        self.community: Community = small_community(units=units)
        tariff = "自来水费,住宅,,用量,3.45,1,2020-01-01,,整期"
        import_tariffs(source=table(TARIFFS, tariff), community=self.community)
        self.item = FeeItem.objects.get(community=self.community, name="自来水费")
        self.units = list(Unit.objects.filter(community=self.community).order_by("sort_key"))
        self.clerk: User = StaffUserFactory.create()

    def read(self, day: str, value: str | int, unit: int = 0, **entry: Any) -> Taken:
        (taken,) = record_readings(
            community=self.community,
            item=self.item,
            read_on=date.fromisoformat(day),
            entries=[Entry(self.units[unit], Decimal(value), **entry)],
            by=self.clerk,
        )
        return taken

    def meter(self, unit: int = 0) -> Meter:
        return Meter.objects.get(unit=self.units[unit], fee_item=self.item)

    def totals(self, unit: int = 0) -> list[Decimal]:
        """The series as the calculation reads it."""
        rows = MeterReading.objects.filter(meter=self.meter(unit)).order_by("read_on")
        return [
            (r.value if r.corrected_value is None else r.corrected_value) + r.shift for r in rows
        ]

    def estimate(self, day: str) -> events.Estimated:
        return events.estimate_readings(
            community=self.community,
            item=self.item,
            units=self.units,
            read_on=date.fromisoformat(day),
            by=self.clerk,
        )

    def replace(self, day: str, old: int, new: int, **other: Any) -> MeterReplacement:
        asked = {name: other.pop(name) for name in ("sure", "rolled_over") if name in other}
        told = events.Replacement(
            replaced_on=date.fromisoformat(day),
            old_value=Decimal(old),
            new_value=Decimal(new),
            **other,
        )
        return events.replace_meter(meter=self.meter(), told=told, by=self.clerk, **asked)

    def take_file(self, *rows: str) -> Any:
        return import_readings(source=table(READINGS, *rows), community=self.community)


@pytest.fixture
def water() -> Waterworks:
    return Waterworks()


def odds(taken: Taken) -> set[Odd]:
    return {doubt.odd for doubt in taken.doubts}


class TestEntering:
    def test_a_first_figure_makes_the_meter(self, water: Waterworks) -> None:
        assert water.read("2026-01-31", "12.5").saved
        reading = MeterReading.objects.get()
        assert (reading.value, reading.read_by, reading.shift) == (
            Decimal("12.5"),
            water.clerk,
            0,
        )

    def test_twice_is_once(self, water: Waterworks) -> None:
        assert water.read("2026-01-31", 12).new
        again = water.read("2026-01-31", "12.000")
        assert (again.saved, again.new) == (True, False)
        assert MeterReading.objects.count() == 1

    def test_below_the_last_is_questioned_and_taken_when_sure(self, water: Waterworks) -> None:
        water.read("2026-01-31", 120)
        asked = water.read("2026-02-28", 110)
        assert odds(asked) == {Odd.BELOW_LAST}
        assert asked.roll_over_at is None, "a meter at 120 of 999 cannot have passed 999"
        assert MeterReading.objects.count() == 1
        assert water.read("2026-02-28", 110, sure=True).saved
        assert water.totals() == [120, 110]

    def test_over_three_times_the_average_is_questioned(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        water.read("2026-01-11", 110)
        assert water.read("2026-01-21", 140).saved, "three times is not over three times"
        # 40 m³ in 20 days are 2 a day.
        asked = water.read("2026-01-31", "200.001")
        assert odds(asked) == {Odd.HIGH}
        assert asked.doubts[0].figure == 20
        assert water.read("2026-01-31", "200").saved

    def test_one_earlier_reading_is_no_average(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        assert water.read("2026-01-02", 90_000).saved

    def test_above_a_later_reading_is_questioned(self, water: Waterworks) -> None:
        water.read("2026-03-31", 130)
        assert odds(water.read("2026-02-28", 131)) == {Odd.ABOVE_NEXT}
        assert water.read("2026-02-28", 129).saved

    def test_another_figure_for_the_same_day_is_a_question(self, water: Waterworks) -> None:
        water.read("2026-01-31", 12)
        asked = water.read("2026-01-31", 13)
        assert odds(asked) == {Odd.OTHER_VALUE}
        assert MeterReading.objects.get().value == 12
        water.read("2026-01-31", 13, sure=True)
        reading = MeterReading.objects.get()
        assert reading.value == 13
        assert "12.000" in reading.note

    def test_what_is_billed_never_changes_quietly(self, water: Waterworks) -> None:
        water.read("2025-12-31", 100)
        water.read("2026-03-31", 130)
        issue(water.community)
        assert Odd.BILLED in odds(water.read("2026-03-31", 131))
        assert odds(water.read("2026-02-28", 120)) == {Odd.BILLED}
        assert water.read("2026-04-30", 140).saved

    def test_a_day_to_come_and_a_foreign_unit_are_refused(self, water: Waterworks) -> None:
        with pytest.raises(EntryRefused):
            water.read((today() + timedelta(days=1)).isoformat(), 1)
        water.units.append(UnitFactory.create(community=CommunityFactory.create()))
        with pytest.raises(EntryRefused):
            water.read("2026-01-31", 1, unit=-1)

    def test_a_whole_sheet_takes_a_fixed_number_of_queries(self) -> None:
        water = Waterworks(units=12)

        def entries(upto: int, value: int) -> list[Entry]:
            return [Entry(unit, Decimal(value)) for unit in water.units[:upto]]

        counted = []
        for upto, day, value in ((2, 1, 10), (12, 2, 10), (2, 3, 10), (12, 4, 10)):
            with CaptureQueriesContext(connection) as queries:
                record_readings(
                    community=water.community,
                    item=water.item,
                    read_on=date(2026, 1, day),
                    entries=entries(upto, value),
                    by=water.clerk,
                )
            counted.append(len(queries))
        assert max(counted) - min(counted) <= 1, counted
        assert max(counted) < 20


class TestRollOver:
    def test_confirmed_it_goes_on(self, water: Waterworks) -> None:
        water.read("2026-01-01", 99_900)
        water.read("2026-02-01", 99_990)
        asked = water.read("2026-03-01", 40)
        assert odds(asked) == {Odd.BELOW_LAST}
        assert asked.roll_over_at == 100_000
        assert water.read("2026-03-01", 40, rolled_over=True).saved
        assert water.totals() == [99_900, 99_990, 100_040]
        assert water.meter().digits == 5
        assert water.read("2026-04-01", 100).saved
        assert water.totals()[-1] == 100_100

    def test_another_figure_asks_anew(self, water: Waterworks) -> None:
        """A 40 that was a misread 99994 never passed 99999."""
        water.read("2026-02-01", 99_990)
        water.read("2026-03-01", 40, rolled_over=True)
        assert odds(water.read("2026-03-01", 99_994)) == {Odd.OTHER_VALUE}
        water.read("2026-03-01", 99_994, sure=True)
        assert water.totals() == [99_990, 99_994]
        assert not MeterReplacement.objects.exists()

    def test_twice_is_once(self, water: Waterworks) -> None:
        water.read("2026-02-01", 99_990)
        for _press in range(2):
            water.read("2026-03-01", 40, rolled_over=True)
        assert water.totals() == [99_990, 100_040]


class TestReplacing:
    @pytest.fixture(autouse=True)
    def history(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        water.read("2026-02-01", 131)

    def test_usage_goes_on_across_it(self, water: Waterworks) -> None:
        water.replace("2026-02-15", 145, 3, new_serial="B2", digits=5, reason="到期")
        assert water.read("2026-03-01", 17).saved
        assert water.totals() == [100, 131, 159]
        assert (water.meter().serial, water.meter().digits) == ("B2", 5)

    def test_told_late_it_shifts_what_was_read_since(self, water: Waterworks) -> None:
        water.read("2026-03-01", 17, sure=True)
        water.replace("2026-02-15", 145, 3)
        assert water.totals() == [100, 131, 159]

    def test_twice_is_once_and_another_on_the_day_is_refused(self, water: Waterworks) -> None:
        made = water.replace("2026-02-15", 145, 3)
        assert water.replace("2026-02-15", 145, 3) == made
        with pytest.raises(EntryRefused):
            water.replace("2026-02-15", 146, 3)
        assert MeterReplacement.objects.count() == 1

    @pytest.mark.parametrize("old", [130, 900])
    def test_an_odd_last_figure_is_questioned(self, water: Waterworks, old: int) -> None:
        with pytest.raises(events.ReplacementQuestioned):
            water.replace("2026-02-15", old, 0)
        assert water.replace("2026-02-15", old, 0, sure=True).old_value == old

    def test_a_reading_of_the_day_must_be_one_of_both(self, water: Waterworks) -> None:
        water.read("2026-02-15", 145)
        assert water.replace("2026-02-15", 145, 150).pk
        assert water.totals() == [100, 131, 145]
        water.read("2026-02-20", 155)
        with pytest.raises(EntryRefused):
            water.replace("2026-02-20", 156, 160)

    def test_a_day_to_come_is_refused(self, water: Waterworks) -> None:
        with pytest.raises(EntryRefused):
            water.replace((today() + timedelta(days=1)).isoformat(), 145, 0)

    def test_it_may_have_begun_again_before(self, water: Waterworks) -> None:
        water.read("2026-02-10", 990, sure=True)
        water.replace("2026-02-15", 10, 0, rolled_over=True, sure=True)
        water.read("2026-03-01", 5)
        assert water.totals() == [100, 131, 990, 1015]


class TestEstimating:
    @pytest.fixture(autouse=True)
    def history(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        water.read("2026-01-31", 130)

    def test_by_its_own_average(self, water: Waterworks) -> None:
        done = water.estimate("2026-02-28")
        assert (done.made, [unit for unit, _why in done.left_out]) == (1, [water.units[1]])
        reading = MeterReading.objects.get(is_estimated=True)
        assert (reading.value, reading.read_on) == (158, date(2026, 2, 28))
        assert water.estimate("2026-02-28").made == 0, "twice is once"

    def test_the_next_real_one_takes_the_rest(self, water: Waterworks) -> None:
        water.estimate("2026-02-28")
        assert water.read("2026-03-31", 170).saved
        assert water.totals() == [100, 130, 158, 170]
        assert MeterReading.objects.get(is_estimated=True).corrected_value is None

    def test_a_lower_real_one_corrects_it(self, water: Waterworks) -> None:
        """148 after 59 days: on the line from 130 it stood at 138.542 after 28 of them."""
        water.estimate("2026-02-28")
        assert water.read("2026-03-31", 148).saved, "it is not below the last that was read"
        assert water.totals() == [100, 130, Decimal("138.542"), 148]
        estimate = MeterReading.objects.get(is_estimated=True)
        assert (estimate.value, estimate.corrected_value) == (158, Decimal("138.542"))

    def test_and_a_corrected_real_one_takes_that_back(self, water: Waterworks) -> None:
        water.estimate("2026-02-28")
        water.read("2026-03-31", 148)
        water.read("2026-03-31", 184, sure=True)
        assert water.totals() == [100, 130, 158, 184]

    def test_a_real_reading_of_the_day_takes_its_place(self, water: Waterworks) -> None:
        water.estimate("2026-02-28")
        assert water.read("2026-02-28", 150).saved
        assert not MeterReading.objects.filter(is_estimated=True).exists()
        assert water.totals() == [100, 130, 150]

    def test_a_file_brings_the_real_one_too(self, water: Waterworks) -> None:
        water.estimate("2026-02-28")
        done = water.take_file("1,1,101,自来水费,2026-02-28,150", "1,1,101,自来水费,2026-03-31,160")
        assert (done.created, done.updated, done.unchanged) == (1, 1, 0)
        assert water.totals() == [100, 130, 150, 160]

    def test_not_before_a_reading_nor_ahead_of_time(self, water: Waterworks) -> None:
        assert water.estimate("2026-01-15").made == 0
        with pytest.raises(EntryRefused):
            water.estimate((today() + timedelta(days=1)).isoformat())

    def test_a_new_device_goes_on_from_its_own_first_figure(self, water: Waterworks) -> None:
        water.replace("2026-02-10", 140, 7)
        water.estimate("2026-02-28")
        reading = MeterReading.objects.get(is_estimated=True)
        assert reading.value == 7 + 18
        assert water.totals() == [100, 130, 158]


class TestFiles:
    def test_readings_in_any_order_stand_on_the_right_device(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        water.replace("2026-02-15", 145, 3)
        water.take_file(
            "1,1,101,自来水费,2026-03-31,30",
            "1,1,101,自来水费,2026-01-31,131",
            "1,1,101,自来水费,2026-02-28,16",
        )
        assert water.totals() == [100, 131, 158, 172]

    def test_a_late_file_finds_its_side_of_a_roll_over(self, water: Waterworks) -> None:
        water.read("2026-01-01", 99_980)
        water.read("2026-03-01", 20, rolled_over=True)
        water.take_file("1,1,101,自来水费,2026-02-15,5", "1,1,101,自来水费,2026-01-15,99990")
        assert water.totals() == [99_980, 99_990, 100_005, 100_020]

    def test_another_value_is_still_refused(self, water: Waterworks) -> None:
        water.read("2026-01-01", 100)
        with pytest.raises(TableRefused):
            water.take_file("1,1,101,自来水费,2026-01-01,101")


class TestRemoving:
    def test_a_reading_at_the_wrong_meter(self, water: Waterworks) -> None:
        water.read("2026-01-01", 99_980)
        water.read("2026-03-01", 20, rolled_over=True)
        reading = MeterReading.objects.get(value=20)
        events.remove_reading(reading=reading)
        assert water.totals() == [99_980]
        assert not MeterReplacement.objects.exists()


@pytest.fixture
def committed_water(transactional_db: None) -> Waterworks:
    return Waterworks()


def test_two_phones_at_one_meter(committed_water: Waterworks) -> None:
    """The same figure twice is one reading; another one at the same moment is questioned."""
    water = committed_water
    same = together(*[lambda: water.read("2026-01-31", 12)] * 2)
    assert errors_in(same) == []
    assert MeterReading.objects.count() == 1
    other = together(lambda: water.read("2026-02-28", 20), lambda: water.read("2026-02-28", 21))
    assert errors_in(other) == []
    assert sorted(taken.saved for taken in other) == [False, True]
