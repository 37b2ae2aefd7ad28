"""What the calculation is told of hand-picked tariffs, one-offs, arrears and meters, from rows."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import (
    Charge,
    FeeItem,
    MeterReading,
    RunException,
    SharedCost,
    Tariff,
    TariffUnit,
)
from billing.services.meters.readings import import_readings
from billing.services.standards.tariffs import import_tariffs
from community.models import Unit

from .small import TARIFFS, issue, preview, small_community, table

pytestmark = pytest.mark.django_db

READINGS = "楼栋,单元,房号,费目,抄表日期,读数"


def amounts(item):
    found = Charge.objects.filter(fee_item__name=item).order_by("account__unit__sort_key")
    return [str(amount) for amount in found.values_list("amount", flat=True)]


def days(item):
    return set(Charge.objects.filter(fee_item__name=item).values_list("starts_on", "ends_on"))


def reasons(run):
    return list(run.exceptions.values_list("unit__code", "fee_item__name", "reason"))


def metered(*readings):
    community = small_community(units=1)
    source = table(TARIFFS, "自来水费,住宅,,用量,2,1,2020-01-01,,整期")
    import_tariffs(source=source, community=community)
    rows = (f"1,1,101,自来水费,{day},{value}" for day, value in readings)
    import_readings(source=table(READINGS, *rows), community=community)
    return community


def test_a_hand_picked_tariff_holds_for_its_units():
    community = small_community(units=2)
    picked = Tariff.objects.create(
        fee_item=FeeItem.objects.get(name="物业服务费"),
        unit_kind="dwelling",
        picked=True,
        method="area",
        price=Decimal(1),
        starts_on=date(2026, 1, 1),
    )
    TariffUnit.objects.create(tariff=picked, unit=Unit.objects.get(room="102"))
    issue(community)
    assert amounts("物业服务费") == ["705.00", "300.00"]


def test_a_one_off_is_billed_in_the_period_of_its_first_day():
    community = small_community(units=1)
    item = FeeItem.objects.create(community=community, name="门禁卡", position=9)
    Tariff.objects.create(
        fee_item=item,
        unit_kind="dwelling",
        method="once",
        price=Decimal("20.005"),
        starts_on=date(2026, 3, 5),
    )
    issue(community)
    assert amounts("门禁卡") == ["20.01"]
    assert days("门禁卡") == {(date(2026, 3, 5), date(2026, 3, 5))}


def test_an_item_in_arrears_bills_the_days_costs_and_payers_of_the_period_before():
    community = metered(("2025-09-30", 5), ("2025-12-31", 25), ("2026-03-31", 99))
    light = FeeItem.objects.create(community=community, name="公共照明", position=9)
    FeeItem.objects.filter(name__in=("自来水费", "公共照明")).update(in_arrears=True)
    Tariff.objects.create(
        fee_item=light,
        unit_kind="dwelling",
        method="shared_area",
        starts_on=date(2025, 12, 1),
        ends_on=date(2025, 12, 31),
    )
    for month, amount in ((12, 70), (3, 30)):
        year = 2025 if month == 12 else 2026
        SharedCost.objects.create(
            fee_item=light,
            starts_on=date(year, month, 1),
            ends_on=date(year, month, 31),
            amount=Decimal(amount),
        )
    run = issue(community).run
    assert amounts("自来水费") == ["40.00"]
    assert days("自来水费") == {(date(2025, 10, 1), date(2025, 12, 31))}
    assert amounts("公共照明") == ["70.00"]
    assert amounts("物业服务费") == ["705.00"]
    assert reasons(run) == []


def test_a_meter_is_one_series_through_devices_and_corrected_estimates():
    community = metered(("2025-12-31", 90), ("2026-03-31", 12))
    readings = MeterReading.objects
    readings.filter(read_on=date(2026, 3, 31)).update(shift=Decimal(100))
    issue(community)
    assert amounts("自来水费") == ["44.00"]


def test_a_corrected_estimate_stands_for_what_was_read():
    community = metered(("2025-12-31", 90), ("2026-03-31", 120))
    MeterReading.objects.filter(read_on=date(2025, 12, 31)).update(
        is_estimated=True, corrected_value=Decimal(80)
    )
    issue(community)
    assert amounts("自来水费") == ["80.00"]


def test_high_usage_is_measured_against_all_that_the_meter_has_counted():
    community = metered(
        ("2024-12-31", 0), ("2025-06-30", 1), ("2025-12-31", 10), ("2026-03-31", 100)
    )
    run = preview(community).run
    assert reasons(run) == [("1-1-101", "自来水费", RunException.Reason.HIGH_USAGE)]
    assert run.exceptions.get().detail == "1.000 > 3 × 0.027 m³/d"
    assert Decimal(run.summary["amount"]) == 705 + 24 + 180


def test_a_unit_that_no_tariff_reaches_is_named():
    community = small_community(units=2)
    Unit.objects.filter(room="101").update(kind="storage")
    assert reasons(preview(community).run) == [("1-1-101", None, RunException.Reason.NO_TARIFF)]
