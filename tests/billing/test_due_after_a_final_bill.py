"""A final bill leaves no correction due of what it took in itself, and keeps what it did not."""

from datetime import date, timedelta
from typing import Any

import pytest

from billing.models import LateFact
from billing.services.runs import bill_computing
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.run_approval import issue_previewed
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Unit
from community.services import moving
from tests.factories.community import UserFactory

from .small import Q2, TARIFFS, issue, small_community, table
from .test_late_facts import due, metered, read

pytestmark = pytest.mark.django_db
DAY = date(2026, 2, 10)


def leave(day: date = DAY, successor: moving.Successor | None = None) -> int:
    """The owner of 101 leaves; how many runs his final bill took."""
    unit = Unit.objects.get(room="101")
    party = Occupancy.objects.get(unit=unit, ends_on=None, is_payer=True).party
    moving.move_out(unit=unit, party=party, day=day, successor=successor)
    return len(bill_unit_until(unit=unit, day=day, by=None))


def test_nothing_is_due_once_he_is_billed_up_to_his_day():
    community = small_community()
    issue(community)
    issue(community, **Q2)
    assert leave() == 2
    assert due(community) == set()
    assert not LateFact.objects.exists()


def test_what_the_next_payer_owes_stays_due_until_he_is_billed():
    community = small_community()
    run = issue(community).run
    leave(successor=moving.Successor("新业主"))
    assert due(community) == {("01", "101")}
    correction = preview_correction(run=run)
    issue_previewed(run=correction, by=UserFactory.create())
    assert due(community) == set()


def test_another_units_notes_and_those_of_other_runs_stay():
    community = small_community(units=3)
    issue(community)
    Unit.objects.filter(room="102").update(area=50)
    leave()
    assert due(community) == {("01", "102")}


def test_what_may_change_neighbours_bills_stays_until_somebody_looks_at_all():
    community = small_community()
    issue(community)
    Unit.objects.filter(room="101").update(area=100, handover_date=date(2025, 1, 1))
    LateFact.objects.create(
        run=community.periods.get().runs.get(), unit=Unit.objects.get(room="101"), kind="unit"
    )
    leave()
    assert due(community) == {("01", "101")}


def test_a_share_that_the_final_bill_does_not_touch_stays_due():
    """A transfer of January comes to light: February's share is the new owner's, not the old's."""
    community = small_community()
    tariff = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, tariff), community=community)
    cost = table("费目,楼栋,起,止,金额", "公共照明分摊,,2026-01-01,2026-02-28,100.00")
    import_shared_costs(source=cost, community=community)
    issue(community)
    unit = Unit.objects.get(room="101")
    Occupancy.objects.filter(unit=unit).update(ends_on=date(2026, 1, 15))
    other = Occupancy.objects.get(unit__room="102").party
    Occupancy.objects.create(unit=unit, party=other, starts_on=date(2026, 1, 16))
    assert due(community) == {("01", "101")}
    leave(date(2026, 3, 10))
    assert due(community) == {("01", "101")}


def test_a_reading_that_it_bills_is_not_due_any_more():
    community = metered(in_arrears=False)
    issue(community)
    read("101", DAY + timedelta(days=1), 4)
    assert due(community) == {("01", "101")}
    assert leave() == 1
    assert due(community) == set()


def test_it_looks_at_the_unit_alone(
    django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
):
    """A shared cost concerns everybody; his leaving does not."""
    monkeypatch.setattr(bill_computing, "FIRST_CHUNK", 2)
    monkeypatch.setattr(bill_computing, "CHUNK", 2)

    def queries(units: int, code: str) -> int:
        community: Community = small_community(units=units, code=code)
        tariff = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"
        import_tariffs(source=table(TARIFFS, tariff), community=community)
        cost = table("费目,楼栋,起,止,金额", "公共照明分摊,,2026-01-01,2026-02-28,100.00")
        import_shared_costs(source=cost, community=community)
        issue(community)
        unit = Unit.objects.get(community=community, room="101")
        moving.move_out(unit=unit, party=Occupancy.objects.get(unit=unit).party, day=DAY)
        with django_assert_max_num_queries(120) as asked:
            bill_unit_until(unit=unit, day=DAY, by=None)
        assert due(community) == set()
        return len(asked)

    assert queries(2, "few") == queries(30, "many")
