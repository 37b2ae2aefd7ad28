"""What a bill says beneath a line: corrections, meters, estimates, late fees."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import translation

from billing.explanation import compare_bill, explain_bill
from billing.models import (
    Charge,
    CreditEntry,
    FeeItem,
    LateFeePolicy,
    Meter,
    MeterReading,
    MeterReplacement,
    Tariff,
)
from billing.services.accounts.late_fees import post_late_fees
from billing.services.accounts.posting import allocate, post_credit
from community.models import Community
from tests.billing.bills import bills, correction
from tests.billing.small import issue, small_community

pytestmark = pytest.mark.django_db

APRIL = datetime.date(2026, 4, 1)


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def community() -> Community:
    made = small_community(units=1)
    issue(made)
    return made


def test_a_correction_says_what_it_replaces(community: Community) -> None:
    bill = bills()[0]
    new = correction(bill, "690.90")
    (line,) = explain_bill(new)
    assert line.equations == ("98 m² × 2.35 yuan/m²·month × 3 months = 690.90 yuan",)
    assert line.notes == (
        f"This takes the place of 物业服务费 ¥705.00 for Jan. 1, 2026 – March 31, 2026 of bill "
        f"No. {bill.pk}.",
    )
    fee, waste = explain_bill(bill)
    assert "taken back" in fee.notes[0]
    assert waste.notes == ()


@pytest.fixture
def metered(community: Community) -> Meter:
    item = FeeItem.objects.create(community=community, name="水费", position=5)
    Tariff.objects.create(
        fee_item=item,
        unit_kind="dwelling",
        method="usage",
        price="3.45",
        starts_on=datetime.date(2020, 1, 1),
    )
    return Meter.objects.create(unit=community.units.get(), fee_item=item, digits=5)


def read(meter: Meter, month: int, day: int, value: str, **more: Any) -> MeterReading:
    reading: MeterReading = meter.readings.create(
        read_on=datetime.date(2026, month, day), value=value, **more
    )
    return reading


def notes_of_water(meter: Meter, used: int) -> tuple[str, ...]:
    """What a line over so many m³ of the first quarter says."""
    bill = bills()[0]
    Charge.objects.create(
        account=bill.account,
        bill=bill,
        fee_item=meter.fee_item,
        tariff=meter.fee_item.tariffs.get(),
        starts_on=datetime.date(2026, 1, 1),
        ends_on=datetime.date(2026, 3, 31),
        quantity=used,
        unit_price="3.45",
        factor=1,
        amount=used * Decimal("3.45"),
    )
    return explain_bill(bill)[-1].notes


def test_a_replaced_meter_is_explained(metered: Meter) -> None:
    read(metered, 1, 1, "90")
    MeterReplacement.objects.create(
        meter=metered, replaced_on=datetime.date(2026, 2, 10), old_value=100, new_value=3
    )
    read(metered, 3, 31, "8", shift=97)
    said = notes_of_water(metered, 15)
    assert said[0].endswith("used 15 m³.")
    assert said[1] == (
        "The meter was replaced on 2026-02-10: the old one showed 100, the new one began at 3."
    )
    assert len(said) == 2


def test_a_rolled_over_meter_is_explained(metered: Meter) -> None:
    read(metered, 1, 1, "99990")
    read(metered, 3, 31, "5", shift=100000)
    said = notes_of_water(metered, 15)
    assert said[1] == "The meter passed its highest number and began again at 0."


def test_an_estimate_is_called_one(metered: Meter) -> None:
    read(metered, 1, 1, "20")
    estimate = read(metered, 3, 31, "50", is_estimated=True)
    said = notes_of_water(metered, 30)
    assert "is an estimate" in said[1]
    MeterReading.objects.filter(pk=estimate.pk).update(corrected_value=45)
    line = explain_bill(bills()[-1])[-1]
    assert line.notes[0].endswith("used 30 m³.")
    assert "was estimated as 50; a real reading put it right to 45" in line.notes[1]


def test_a_one_off_charge(community: Community) -> None:
    item = FeeItem.objects.create(community=community, name="门禁卡工本费", position=7)
    tariff = Tariff.objects.create(
        fee_item=item, unit_kind="dwelling", method="once", price="25", starts_on=APRIL
    )
    bill = bills()[0]
    Charge.objects.create(
        account=bill.account,
        bill=bill,
        fee_item=item,
        tariff=tariff,
        starts_on=APRIL,
        ends_on=APRIL,
        quantity=1,
        unit_price=25,
        factor=1,
        amount="25.00",
    )
    line = explain_bill(bill)[-1]
    assert line.equations == ("25 yuan/unit × 1 unit = 25.00 yuan",)


def test_late_fees_on_a_bill_say_how_they_came_about(
    community: Community, django_assert_max_num_queries: Any
) -> None:
    LateFeePolicy.objects.create(
        community=community, daily_rate=Decimal("0.0005"), starts_on=datetime.date(2020, 1, 1)
    )
    bill = bills()[0]  # 729.00 due on 15 February
    with transaction.atomic():
        post_late_fees(account_ids=[bill.account_id], on=datetime.date(2026, 2, 25))
        entry = post_credit(
            account=bill.account,
            kind=CreditEntry.Kind.PAYMENT,
            amount=Decimal("700.00"),
            value_date=datetime.date(2026, 2, 25),
        )
        allocate(credit_entry=entry)
        post_late_fees(account_ids=[bill.account_id], on=datetime.date(2026, 3, 17))
    with django_assert_max_num_queries(7):
        lines = [e for e in explain_bill(bill) if e.charge.kind == Charge.Kind.LATE_FEE]
    first, second = sorted(lines, key=lambda line: line.charge.ends_on)
    assert first.charge.amount == Decimal("3.65")  # 3.645
    assert first.notes[0] == "Late fee: 729.00 yuan × 10 days × 0.05 % a day = 3.65 yuan."
    assert second.charge.amount == Decimal("0.29")
    assert second.notes[0].endswith(
        "(729.00 yuan × 10 days + 29.00 yuan × 20 days) × 0.05 % a day = 3.94 yuan."
    )
    assert second.notes[-1] == "¥3.65 of it was asked for before; the rest stands here."
    assert compare_bill(bill) is None
