"""Readings at the meter: odd ones are questioned, beginning again at 0 is one of the answers."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import MeterReading, MeterReplacement
from billing.services.meters.meter_entries import Entry, EntryRefused, Odd, Taken, record_readings
from community.models import today
from tests.billing.small import issue
from tests.billing.waterworks import Waterworks
from tests.factories.community import CommunityFactory, UnitFactory
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db


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
