"""The walk along the meters on a phone: row by row, sheet by sheet, with questions."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import MeterReading, MeterReplacement
from billing.services.meters import meter_sheets as sheets
from billing.services.standards.tariffs import import_tariffs
from community.models import Role, Unit, today
from tests.billing.small import TARIFFS, table
from tests.billing.waterworks import Waterworks
from tests.factories.community import CommunityFactory, MembershipFactory, UnitFactory

pytestmark = pytest.mark.django_db


class Walk(Waterworks):
    """A clerk with a phone among the meters; water is charged of all dwellings."""

    def __init__(self, units: int = 3) -> None:
        super().__init__(units=units)
        import_tariffs(
            source=table(TARIFFS, "自来水费,住宅,,用量,3.45,1,2020-01-01,,整期"),
            community=self.community,
        )
        self.client = Client()
        member = MembershipFactory.create(community=self.community, role=Role.CLERK)
        self.client.force_login(member.user)

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"billing:{name}", args=[self.community.code, *args])

    def sheet(self, on: str = "2026-02-28", **more: Any) -> str:
        extra = "".join(f"&{name}={value}" for name, value in more.items())
        return f"{self.url('meter_sheet', self.item.pk)}?on={on}{extra}"

    def type(self, figure: str, unit: int = 0, on: str = "2026-02-28", **more: str) -> Any:
        """A figure is typed at one meter and left: htmx sends that row alone."""
        pk = self.units[unit].pk
        data = {"row": pk, f"value-{pk}": figure}
        data |= {f"{name}-{pk}": value for name, value in more.items()}
        return self.client.post(self.sheet(on), data, headers={"HX-Request": "true"})

    def save_all(self, *figures: str, on: str = "2026-02-28", **more: str) -> Any:
        data = {
            f"value-{unit.pk}": figure for unit, figure in zip(self.units, figures, strict=False)
        }
        return self.client.post(self.sheet(on), data | more)

    def figures(self) -> list[Decimal]:
        rows = MeterReading.objects.order_by("meter__unit__sort_key", "read_on")
        return list(rows.values_list("value", flat=True))


@pytest.fixture
def walk() -> Walk:
    return Walk()


def text_of(answer: Any) -> str:
    assert answer.status_code in {200, 422}
    return answer.content.decode()


def value_in(shown: str, unit: Unit) -> str:
    found = re.search(rf'name="value-{unit.pk}" value="([^"]*)"', shown)
    assert found
    return found[1]


class TestRow:
    def test_a_figure_is_saved_as_one_goes_on(self, walk: Walk) -> None:
        walk.read("2026-01-31", 100)
        shown = text_of(walk.type("112.5"))
        assert walk.figures() == [100, Decimal("112.5")]
        assert 'data-saved="112.5"' in shown
        assert "12.5 m³" in shown, "the usage at once"
        assert "<html" not in shown
        assert value_in(shown, walk.units[0]) == "112.5"

    def test_an_odd_one_is_asked_about_and_kept(self, walk: Walk) -> None:
        walk.read("2026-01-31", 100)
        shown = text_of(walk.type("90"))
        assert 'data-doubt="below_last"' in shown
        assert value_in(shown, walk.units[0]) == "90"
        assert walk.figures() == [100]
        assert 'data-doubt="below_last"' in text_of(walk.type("80", sure="90")), "sure of 90 only"
        assert 'data-doubt="' not in text_of(walk.type("90", sure="90"))
        assert walk.figures() == [100, 90]

    def test_a_meter_that_began_again(self, walk: Walk) -> None:
        walk.read("2026-01-31", 99_990)
        shown = text_of(walk.type("30"))
        assert f'name="again-{walk.units[0].pk}"' in shown
        assert "40 m³" in text_of(walk.type("30", again="1"))
        assert MeterReplacement.objects.get().old_value == 100_000

    def test_a_roll_over_that_is_odd_too_is_asked_once_more(self, walk: Walk) -> None:
        walk.read("2025-12-31", 99_980)
        walk.read("2026-01-31", 99_990)
        text_of(walk.type("90"))
        shown = text_of(walk.type("90", again="1"))
        assert 'data-doubt="high"' in shown
        again = rf'name="again-{walk.units[0].pk}" value="1" checked'
        assert re.search(again, shown), "what was answered stays answered"
        assert re.search(r"data-usage[^>]*>100 m³", shown), "across the roll-over"
        assert "data-last" not in shown or 'data-last=""' in shown
        assert walk.figures() == [99_980, 99_990]
        # The phone sends what stands on the row: the answer of before and the new one.
        shown = text_of(walk.type("90", again="1", sure="90"))
        assert "100 m³" in shown
        assert walk.figures() == [99_980, 99_990, 90]
        assert MeterReplacement.objects.get().old_value == 100_000

    def test_another_figure_is_another_question(self, walk: Walk) -> None:
        walk.read("2026-01-31", 99_990)
        text_of(walk.type("30", again="1"))
        shown = text_of(walk.type("40"))
        assert 'data-doubt="below_last"' in shown
        assert "checked" not in shown

    @pytest.mark.parametrize("wrong", ["abc", "-1", "1.2345", "9" * 12, "1..2"])
    def test_what_is_no_figure_is_named_and_kept(self, walk: Walk, wrong: str) -> None:
        shown = text_of(walk.type(wrong))
        assert 'role="alert"' in shown
        assert value_in(shown, walk.units[0]) == wrong
        assert walk.figures() == []

    @pytest.mark.parametrize("typed", ["1,012.50", " 1012.5 ", "１０１２．５"])
    def test_figures_as_people_type_them(self, walk: Walk, typed: str) -> None:
        walk.type(typed)
        assert walk.figures() == [Decimal("1012.5")]

    def test_an_empty_row_is_nothing(self, walk: Walk) -> None:
        text_of(walk.type(" "))
        assert walk.figures() == []

    def test_a_day_to_come_is_refused(self, walk: Walk) -> None:
        ahead = (today() + timedelta(days=1)).isoformat()
        assert 'role="alert"' in text_of(walk.type("5", on=ahead))
        assert walk.figures() == []


class TestSheet:
    def test_all_at_once_without_scripts_and_twice(self, walk: Walk) -> None:
        for _press in range(2):
            answer = walk.save_all("10", "20", "30")
            assert answer.status_code == 302
        assert walk.figures() == [10, 20, 30]
        shown = text_of(walk.client.get(answer.headers["Location"]))
        assert [value_in(shown, unit) for unit in walk.units] == ["10", "20", "30"]

    def test_nothing_typed_is_lost_when_one_is_wrong(self, walk: Walk) -> None:
        walk.read("2026-01-31", 100, unit=1)
        answer = walk.save_all("10", "90", "abc")
        assert answer.status_code == 422
        shown = text_of(answer)
        assert [value_in(shown, unit) for unit in walk.units] == ["10", "90", "abc"]
        assert 'data-doubt="below_last"' in shown
        assert MeterReading.objects.filter(read_on=date(2026, 2, 28)).count() == 1, "10 is saved"
        sure = {f"sure-{walk.units[1].pk}": "90"}
        assert walk.save_all("10", "90", "30", **sure).status_code == 302
        assert walk.figures() == [10, 100, 90, 30]

    def test_without_scripts_an_answer_sends_the_whole_sheet(self, walk: Walk) -> None:
        walk.read("2026-01-31", 100, unit=1)
        asked = {"row": str(walk.units[1].pk), f"sure-{walk.units[1].pk}": "90"}
        assert walk.save_all("10", "90", "30", **asked).status_code == 302
        assert walk.figures() == [10, 100, 90, 30]

    def test_only_the_building_the_entrance_the_unit(self, walk: Walk) -> None:
        building = walk.units[0].building
        other = UnitFactory.create(building=building, entrance="2", room="101")
        for asked, codes in (
            ({"building": building.pk, "entrance": "1"}, [u.code for u in walk.units]),
            ({"entrance": "2"}, [other.code]),
            ({"unit": walk.units[1].pk}, [walk.units[1].code]),
        ):
            shown = text_of(walk.client.get(walk.sheet(**asked)))
            assert re.findall(r'<label class="h3" for="value-\d+">([^<]+)', shown) == codes
        assert walk.client.get(walk.sheet(building="x")).status_code == 404

    def test_a_foreign_unit_cannot_be_written_to(self, walk: Walk) -> None:
        foreign = UnitFactory.create(community=CommunityFactory.create())
        walk.units.append(foreign)
        walk.type("5", unit=-1)
        assert not MeterReading.objects.exists()

    def test_a_wrong_day_is_named(self, walk: Walk) -> None:
        assert walk.client.get(walk.sheet(on="2026-02-30")).status_code == 422

    def test_a_long_sheet_asks_a_fixed_number_of_queries(
        self, django_assert_max_num_queries: Any
    ) -> None:
        walk = Walk(units=30)
        walk.save_all(*map(str, range(30)), on="2026-01-31")
        with django_assert_max_num_queries(16):
            text_of(walk.client.get(walk.sheet()))
        with django_assert_max_num_queries(30):
            assert walk.save_all(*map(str, range(30, 60))).status_code == 302


class TestOverview:
    def test_how_far_the_walk_is(self, walk: Walk) -> None:
        period = sheets.reading_periods(walk.community, today())[0]
        walk.read(today().isoformat(), 5)
        (place,) = sheets.places(walk.community, walk.item, period)
        assert (place.units, place.read) == (3, 1)
        assert 'data-place="1-1"' in text_of(walk.client.get(walk.url("meters")))

    def test_periods_follow_the_cycle(self, walk: Walk) -> None:
        found = sheets.reading_periods(walk.community, date(2026, 2, 10))
        assert [(p.start.isoformat(), p.end.isoformat()) for p in found[:2]] == [
            ("2026-01-01", "2026-03-31"),
            ("2025-10-01", "2025-12-31"),
        ]

    def test_other_kinds_of_units_have_no_meter(self, walk: Walk) -> None:
        building = walk.units[0].building
        UnitFactory.create(building=building, kind="parking", room="P1")
        found = sheets.metered_units(walk.community, walk.item, today())
        assert list(found) == walk.units


class TestMissing:
    def start(self) -> date:
        return sheets.reading_periods(self.walk.community, today())[0].start

    @pytest.fixture(autouse=True)
    def some_history(self, walk: Walk) -> None:
        self.walk = walk
        first = self.start()
        for unit in (0, 1):
            walk.read((first - timedelta(days=60)).isoformat(), 100, unit=unit)
            walk.read((first - timedelta(days=30)).isoformat(), 130, unit=unit)

    def missing(self) -> list[int]:
        shown = text_of(self.walk.client.get(self.walk.url("meters_missing")))
        return [int(pk) for pk in re.findall(r'data-missing="(\d+)"', shown)]

    def test_the_list_and_one_estimate(self) -> None:
        walk = self.walk
        assert self.missing() == [unit.pk for unit in walk.units]
        told = {"period": self.start().isoformat(), "unit": walk.units[0].pk}
        for _press in range(2):
            answer = walk.client.post(walk.url("meters_estimate", walk.item.pk), told)
            assert answer.status_code == 302
        assert MeterReading.objects.filter(is_estimated=True).count() == 1
        assert self.missing() == [unit.pk for unit in walk.units[1:]]

    def test_a_whole_building_and_who_is_left_out(self) -> None:
        walk = self.walk
        told = {
            "period": self.start().isoformat(),
            "building": walk.units[0].building_id,
        }
        answer = walk.client.post(walk.url("meters_estimate", walk.item.pk), told, follow=True)
        assert MeterReading.objects.filter(is_estimated=True).count() == 2
        assert self.missing() == [walk.units[2].pk]
        assert any(walk.units[2].code in str(m) for m in answer.context["messages"])


class TestMeterPage:
    @pytest.fixture(autouse=True)
    def history(self, walk: Walk) -> None:
        walk.read("2026-01-01", 100)
        walk.read("2026-01-31", 130)

    def replace(self, walk: Walk, **other: str) -> Any:
        told = {"replaced_on": "2026-02-10", "old_value": "140", "new_value": "3"} | other
        return walk.client.post(walk.url("meter_replace", walk.meter().pk), told)

    def test_a_replacement_and_the_usage_across_it(self, walk: Walk) -> None:
        for _press in range(2):
            assert self.replace(walk, new_serial="B2").status_code == 302
        walk.read("2026-02-28", 21)
        shown = text_of(walk.client.get(walk.url("meter", walk.meter().pk)))
        assert walk.totals() == [100, 130, 158]
        assert "B2" in shown

    def test_an_odd_last_figure_is_asked_about_once(self, walk: Walk) -> None:
        answer = self.replace(walk, old_value="120")
        assert answer.status_code == 422
        assert 'data-doubt="below_last"' in text_of(answer)
        sure = re.search(r'name="sure" value="([^"]+)"', text_of(answer))
        assert sure
        assert self.replace(walk, old_value="119", sure=sure[1]).status_code == 422
        assert self.replace(walk, old_value="120", sure=sure[1]).status_code == 302
        assert MeterReplacement.objects.count() == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            {"old_value": ""},
            {"new_value": "x"},
            {"replaced_on": "2026-02-30"},
            {"digits": "2"},
            {"replaced_on": "2199-01-01"},
        ],
    )
    def test_what_is_wrong_is_named(self, walk: Walk, wrong: dict[str, str]) -> None:
        assert self.replace(walk, **wrong).status_code == 422
        assert not MeterReplacement.objects.exists()

    def test_number_and_digits(self, walk: Walk) -> None:
        address = walk.url("meter_device", walk.meter().pk)
        assert walk.client.post(address, {"serial": "A1", "digits": "5"}).status_code == 302
        assert (walk.meter().serial, walk.meter().digits) == ("A1", 5)
        assert walk.client.post(address, {"digits": "0"}).status_code == 422

    def test_a_reading_is_taken_back(self, walk: Walk) -> None:
        last = MeterReading.objects.latest("read_on")
        for _press in range(2):
            walk.client.post(walk.url("reading_remove", last.pk))
        assert walk.figures() == [100]
