"""A fact that comes after the bills is noted, whoever records it; looking at it clears the note."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.models import F

from billing.models import (
    BillingPeriod,
    BillRun,
    FeeItem,
    LateFact,
    Meter,
    MeterReading,
    SharedCost,
    Tariff,
    TariffUnit,
)
from billing.services.runs import late_facts
from billing.services.runs.corrections import preview_correction
from billing.services.runs.differences import Difference
from billing.services.runs.periods import close_run, drop_run
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Unit, Vacancy
from community.services.register import import_register
from community.services.transfers import import_transfers
from community.services.vacancies import import_vacancies
from tests.factories.community import UserFactory

from .small import Q2, REGISTER, TARIFFS, issue, preview, small_community, table

pytestmark = pytest.mark.django_db

VACANCIES = "楼栋,单元,房号,空置起,空置止"
TRANSFERS = "楼栋,单元,房号,过户日期,新业主姓名,手机号"
Q3 = {"starts_on": date(2026, 7, 1), "ends_on": date(2026, 9, 30), "due_on": date(2026, 8, 15)}


def due(community: Community) -> set[tuple[str, str]]:
    """The months of the runs and the units' rooms."""
    return {
        (f"{fact.run.period.starts_on:%m}", fact.unit.room)
        for fact in LateFact.objects.due()
        .filter(unit__community=community)
        .select_related("run__period", "unit")
    }


def unit(room: str) -> Unit:
    return Unit.objects.get(room=room)


def metered(*, in_arrears: bool, units: int = 2) -> Community:
    """Water by a meter that showed 0 at New Year and 10 m³ on the last day of March."""
    community = small_community(units=units)
    import_tariffs(
        source=table(TARIFFS, "水费,住宅,,用量,3,1,2020-01-01,,整期"), community=community
    )
    water = FeeItem.objects.get(name="水费")
    FeeItem.objects.filter(pk=water.pk).update(in_arrears=in_arrears)
    for one in Unit.objects.filter(community=community):
        meter = Meter.objects.create(unit=one, fee_item=water)
        for day, value in ((date(2025, 12, 31), 0), (date(2026, 3, 31), 10)):
            MeterReading.objects.create(meter=meter, read_on=day, value=value)
    return community


def read(room: str, day: date, value: int) -> None:
    MeterReading.objects.create(meter=Meter.objects.get(unit=unit(room)), read_on=day, value=value)


# What somebody records, and which rooms that touches.
FACTS: dict[str, tuple[Callable[[Community], object], set[str]]] = {
    "transfer": (
        lambda c: import_transfers(source=table(TRANSFERS, "1,1,101,2026-03-31,新,"), community=c),
        {"101"},
    ),
    "vacancy": (
        lambda c: import_vacancies(
            source=table(VACANCIES, "1,1,102,2026-03-31,2026-06-30"), community=c
        ),
        {"102"},
    ),
    "area": (
        lambda c: import_register(
            source=table(REGISTER, "1,1,101,住宅,90,2020-01-01,业主0,13900000000,"),
            community_code=c.code,
        ),
        {"101"},
    ),
    "handover": (
        lambda c: Unit.objects.filter(room="101").update(handover_date="2026-01-02"),
        {"101"},
    ),
    "new unit": (
        lambda c: import_register(
            source=table(REGISTER, "1,1,901,住宅,90,2026-03-31,业主9,,"), community_code=c.code
        ),
        {"901"},
    ),
    "payer gone": (lambda c: Occupancy.objects.filter(unit=unit("102")).delete(), {"102"}),
    "another party": (
        lambda c: Occupancy.objects.filter(unit=unit("102")).update(
            party=Occupancy.objects.get(unit=unit("101")).party
        ),
        {"102"},
    ),
    "reading": (lambda c: read("101", date(2026, 2, 1), 4), {"101"}),
    "reading that went": (
        lambda c: MeterReading.objects.filter(
            meter__unit__room="102", read_on="2026-03-31"
        ).delete(),
        {"102"},
    ),
    "first reading": (
        lambda c: MeterReading.objects.filter(meter__unit__room="102", value=0).update(value=1),
        {"102"},
    ),
    "end of a tariff": (
        lambda c: Tariff.objects.filter(method="area").update(ends_on=date(2026, 3, 30)),
        {"101", "102"},
    ),
    "tariff of a picked unit": (
        lambda c: TariffUnit.objects.create(
            unit=unit("102"),
            tariff=Tariff.objects.create(
                fee_item=FeeItem.objects.get(name="水费"),
                unit_kind="dwelling",
                picked=True,
                method="usage",
                price=5,
                starts_on=date(2026, 3, 1),
            ),
        ),
        {"102"},
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_a_fact_of_billed_days_is_noted(name):
    community = metered(in_arrears=False)
    issue(community)
    assert due(community) == set()
    record, rooms = FACTS[name]
    record(community)
    assert due(community) == {("01", room) for room in rooms}


HARMLESS: dict[str, Callable[[Community], object]] = {
    "a transfer after it": lambda c: import_transfers(
        source=table(TRANSFERS, "1,1,101,2026-04-01,新,"), community=c
    ),
    "a vacancy before it": lambda c: Vacancy.objects.create(
        unit=unit("101"), starts_on=date(2025, 1, 1), ends_on=date(2025, 12, 31)
    ),
    "a reading after it": lambda c: read("101", date(2026, 6, 30), 20),
    "the same register": lambda c: import_register(
        source=table(REGISTER, "1,1,101,住宅,100,2020-01-01,业主0,13900000000,"),
        community_code=c.code,
    ),
    "a tenant who does not pay": lambda c: Occupancy.objects.create(
        unit=unit("101"),
        party=Occupancy.objects.get(unit=unit("102")).party,
        role="tenant",
        is_payer=False,
        starts_on=date(2026, 1, 1),
    ),
    "a row written as it was": lambda c: MeterReading.objects.update(value=F("value")),
    "a unit to be handed over": lambda c: import_register(
        source=table(REGISTER, "1,1,901,住宅,90,2026-04-01,业主9,,"), community_code=c.code
    ),
    "another's community": lambda c: small_community(code="other"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_other_facts_are_not(name):
    community = metered(in_arrears=False)
    issue(community)
    HARMLESS[name](community)
    assert due(community) == set()


def test_a_shared_cost_touches_those_who_share_it():
    community = small_community()
    tariff = "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期"
    import_tariffs(source=table(TARIFFS, tariff), community=community)
    issue(community)
    for span in ("2026-01-01,2026-04-01", "2026-01-01,2026-03-31"):
        assert due(community) == set()
        cost = table("费目,楼栋,起,止,金额", f"公共照明分摊,,{span},100.00")
        import_shared_costs(source=cost, community=community)
    assert due(community) == {("01", "101"), ("01", "102")}
    LateFact.objects.all().delete()
    SharedCost.objects.update(note="lifts")
    assert due(community) == set()


def test_an_item_billed_afterwards_is_noted_for_the_run_that_billed_it():
    community = metered(in_arrears=True)
    issue(community)
    issue(community, **Q2)
    read("101", date(2026, 6, 30), 25)
    assert due(community) == set(), "these days are billed with the third quarter"
    read("102", date(2026, 2, 1), 3)
    assert due(community) == {("04", "102")}
    Vacancy.objects.create(unit=unit("101"), starts_on=date(2026, 4, 1), ends_on=date(2026, 4, 30))
    assert due(community) == {("04", "102"), ("04", "101")}


def test_an_estimate_that_a_real_reading_puts_right_is_noted_for_the_period_of_the_estimate():
    community = metered(in_arrears=False)
    estimate = MeterReading.objects.create(
        meter=Meter.objects.get(unit=unit("102")),
        read_on=date(2026, 6, 30),
        value=30,
        is_estimated=True,
    )
    issue(community, **Q2)
    estimate.corrected_value = Decimal(20)
    estimate.save()
    read("102", date(2026, 9, 29), 20)
    assert due(community) == {("04", "102")}
    assert late_facts.units_due(community) == 1


class TestLooking:
    def late(self) -> tuple[Community, BillRun]:
        """101 has another owner since February; what is new of 102 changes no amount."""
        community = small_community(units=3)
        run = issue(community).run
        rows = ("1,1,101,2026-02-01,新业主,",)
        import_transfers(source=table(TRANSFERS, *rows), community=community)
        Unit.objects.filter(room="102").update(handover_date=date(2025, 1, 1))
        LateFact.objects.create(run=run, unit=unit("102"), kind=LateFact.Kind.UNIT)
        assert due(community) == {("01", "101"), ("01", "102")}
        return community, run

    def test_it_clears_what_changes_nothing_and_keeps_the_rest_until_it_is_issued(self):
        community, run = self.late()
        correction = preview_correction(run=run)
        assert due(community) == {("01", "101")}
        issue_previewed(run=correction, by=UserFactory.create())
        assert due(community) == set()

    def test_a_preview_thrown_away_leaves_the_correction_due(self):
        community, run = self.late()
        drop_run(run=preview_correction(run=run))
        assert due(community) == {("01", "101")}

    def test_a_look_at_one_unit_clears_no_other(self):
        community, run = self.late()
        assert preview_correction(run=run, unit_ids=[unit("102").pk]) is None
        assert due(community) == {("01", "101")}
        issued = preview_correction(run=run, unit_ids=[unit("103").pk])
        assert issued is None
        assert due(community) == {("01", "101")}

    def test_what_a_look_finds_is_due_though_nobody_noted_it(self):
        community, run = self.late()
        LateFact.objects.all().delete()
        drop_run(run=preview_correction(run=run))
        assert {fact.kind for fact in LateFact.objects.due()} == {LateFact.Kind.FOUND}
        assert due(community) == {("01", "101")}

    def test_a_fact_that_comes_while_somebody_looks_outlives_the_look(self):
        _community, run = self.late()
        computation = Difference(run)
        read_later = LateFact.objects.create(run=run, unit=unit("103"), kind="reading")
        late_facts.looked_at(
            run=BillRun(corrects=run, period=run.period), notes=computation.notes, changed=set()
        )
        assert list(LateFact.objects.all()) == [read_later]

    def test_a_fact_between_preview_and_issue_is_billed_and_not_due(self):
        community = small_community()
        preview(community)
        Unit.objects.filter(room="101").update(area=50)
        assert LateFact.objects.count() == 1
        assert due(community) == set()
        issue(community)
        assert not LateFact.objects.exists()


def test_a_closed_period_is_announced_too_and_a_reversed_run_is_not():
    community = small_community()
    first, second = issue(community).run, issue(community, **Q2).run
    close_run(run=first)
    Unit.objects.filter(room="101").update(area=50)
    assert due(community) == {("01", "101"), ("04", "101")}
    assert late_facts.units_due(community) == 1
    reverse_run(run=second, by=None, reason="wrong")
    assert [(each.run, each.units) for each in late_facts.due_by_run(community)] == [(first, 1)]


def test_nobody_waits_for_the_note(transactional_db):
    """A run that is being corrected for minutes is locked; a reading is recorded all the same."""
    community = metered(in_arrears=False)
    run = issue(community).run
    with transaction.atomic():
        BillRun.objects.select_for_update(of=("self",)).get(pk=run.pk)
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
                cursor.execute(
                    "UPDATE billing_meterreading SET value = 11 WHERE read_on = '2026-03-31'"
                )
        finally:
            other.close()
    assert due(community) == {("01", "101"), ("01", "102")}
    assert BillingPeriod.objects.count() == 1
