"""What a run's page shows: sums, changes against the run before, and the oddest units."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import timezone

from billing import calculation as calc
from billing.models import BillRun, FeeItem
from billing.services.runs.run_summary import comparable_run
from billing.services.runs.run_totals import ODDEST, Totals
from community.models import Building, Unit

from .small import Q2, issue, preview, small_community


def unit(number, *, kind="dwelling", area="100"):
    return calc.Unit(number, kind, 1, Decimal(area), date(2020, 1, 1))


def totals_of(*sums):
    """Totals of units by (number, m², fen)."""
    totals = Totals()
    for number, area, fen in sums:
        totals.add(unit(number, area=area), [], [])
        totals.units["dwelling"].fen[-1] = fen
    return totals


def test_the_oddest_changed_most_in_proportion():
    totals = totals_of((1, "100", 1000), (2, "100", 3000), (3, "100", 900), (4, "100", 500))
    odd = totals.oddest_against({1: 1000, 2: 1000, 3: 1000, 5: 400})
    assert [(one.unit, one.fen, one.expected, one.reason) for one in odd] == [
        (2, 3000, 1000, "more"),
        (4, 500, 0, "new"),
        (5, 0, 400, "gone"),
        (3, 900, 1000, "less"),
    ]


def test_without_a_run_before_the_oddest_are_far_from_the_median_per_square_metre():
    totals = totals_of(
        (1, "100", 10000), (2, "50", 5000), (3, "100", 9999), (4, "100", 30000), (5, "100", 1000)
    )
    odd = totals.oddest_of_their_kind()
    assert [(one.unit, one.expected, one.reason) for one in odd] == [
        (4, 10000, "above"),
        (5, 10000, "below"),
    ]


def test_a_unit_of_unknown_area_is_not_compared_by_it():
    assert totals_of((1, "0", 800), (2, "0", 900)).oddest_of_their_kind() == []


def test_there_are_ten_at_most():
    totals = totals_of(*((n, "100", 1000 + n) for n in range(1, 50)))
    odd = totals.oddest_against(dict.fromkeys(range(1, 50), 1000))
    assert [one.unit for one in odd] == list(range(49, 49 - ODDEST, -1))


@pytest.mark.django_db
def test_a_first_run_has_sums_and_nothing_to_compare_with():
    community = small_community(units=2)
    Unit.objects.filter(room="102").update(area=300)
    summary = preview(community).run.summary
    assert summary["buildings"] == [{"building": "1", "amount": "2868.00"}]
    assert [(i["item"], i["amount"], i["before"]) for i in summary["items"]] == [
        ("物业服务费", "2820.00", None),
        ("生活垃圾清运费", "48.00", None),
    ]
    assert summary["compared_with"] is None
    assert [(o["code"], o["before"], o["usual"], o["reason"]) for o in summary["odd"]] == [
        ("1-1-102", None, "2187.00", "below")
    ]


@pytest.mark.django_db
def test_buildings_come_in_natural_order():
    community = small_community(units=2)
    other = Building.objects.create(community=community, code="10")
    Building.objects.filter(code="1").update(code="2")
    moved = Unit.objects.get(room="101")
    moved.building, moved.code = other, "10-1-101"
    moved.save()
    Unit.objects.get(room="102").save()
    summary = preview(community).run.summary
    assert [each["building"] for each in summary["buildings"]] == ["2", "10"]


@pytest.mark.django_db
def test_a_run_is_compared_with_the_one_before_of_as_many_months():
    community = small_community(units=3)
    first = issue(community).run
    assert "odd" in first.summary
    Unit.objects.filter(room="102").update(area=200)
    FeeItem.objects.create(community=community, name="停车费", position=1)
    previewed = preview(community, **Q2).run.summary
    summary = issue(community, **Q2).run.summary
    assert summary["compared_with"] == {
        "run": first.pk,
        "from": "2026-01-01",
        "to": "2026-03-31",
        "amount": "2187.00",
    }
    assert [(i["item"], i["amount"], i["before"]) for i in summary["items"]] == [
        ("物业服务费", "2820.00", "2115.00"),
        ("生活垃圾清运费", "72.00", "72.00"),
    ]
    assert [(o["code"], o["amount"], o["before"], o["reason"]) for o in summary["odd"]] == [
        ("1-1-102", "1434.00", "729.00", "more")
    ]
    assert summary == previewed


@pytest.mark.django_db
def test_a_month_is_not_compared_with_a_quarter_nor_with_what_was_reversed():
    community = small_community(units=1)
    quarter = issue(community).run
    april = {"starts_on": date(2026, 4, 1), "ends_on": date(2026, 4, 30)}
    month = preview(community, **april, due_on=date(2026, 5, 1)).run
    assert comparable_run(month) is None
    following = preview(community, **Q2).run
    assert comparable_run(following) == quarter
    BillRun.objects.filter(pk=quarter.pk).update(state="reversed", reversed_at=timezone.now())
    assert comparable_run(following) is None
