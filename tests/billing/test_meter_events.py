"""Meters are replaced, estimates are put right, files come late, readings are taken out."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing.models import MeterReading, MeterReplacement
from billing.services.meters import meter_events as events
from billing.services.meters.meter_entries import EntryRefused
from community.models import today
from core.tables import TableRefused
from tests.billing.waterworks import Waterworks

pytestmark = pytest.mark.django_db


@pytest.fixture
def water() -> Waterworks:
    return Waterworks()


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
