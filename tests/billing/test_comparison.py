"""A bill beside the last one, on the page and in words."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from billing.explanation import Comparison, compare_bill, explain_bill
from billing.models import (
    Allocation,
    Bill,
    BillRun,
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
from community.models import Community, Occupancy, Vacancy
from tests.billing.small import Q2, issue, small_community
from tests.factories.billing import make_run
from tests.factories.community import BindingFactory, PartyFactory

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


def dearer(price: str = "2.60", **more: Any) -> Tariff:
    """A new version of the property fee from April on."""
    old = Tariff.objects.get(fee_item__name="物业服务费", ends_on=None)
    Tariff.objects.filter(pk=old.pk).update(ends_on=APRIL - datetime.timedelta(days=1))
    old.pk, old.starts_on, old.price = None, APRIL, Decimal(price)
    for name, value in more.items():
        setattr(old, name, value)
    old.save()
    return old


def bills() -> list[Bill]:
    found = Bill.objects.select_related("account__unit", "run__period", "account__community")
    return list(found.order_by("run__period__starts_on", "pk"))


def changes(comparison: Comparison | None) -> dict[str, Decimal]:
    assert comparison is not None
    assert sum(change.amount for change in comparison.changes) == comparison.amount
    return {change.label: change.amount for change in comparison.changes}


def test_a_new_price(community: Community, django_assert_max_num_queries: Any) -> None:
    dearer()
    issue(community, **Q2)
    first, second = bills()
    assert compare_bill(first) is None
    with django_assert_max_num_queries(3):
        found = compare_bill(second)
    assert found is not None
    assert changes(found) == {"price": Decimal("75.00")}
    assert found.bill == first
    assert found.changes[0].details == ("物业服务费: 2.35 → 2.6 yuan, +75.00",)


def test_nothing_changed(community: Community) -> None:
    issue(community, **Q2)
    assert changes(compare_bill(bills()[1])) == {}


def test_vacancy_a_new_item_and_a_waiver_of_the_last_time(community: Community) -> None:
    unit = community.units.get()
    Vacancy.objects.create(unit=unit, starts_on=APRIL, ends_on=datetime.date(2026, 6, 30))
    item = FeeItem.objects.create(community=community, name="电梯费", position=9)
    Tariff.objects.create(
        fee_item=item, unit_kind="dwelling", method="household", price=10, starts_on=APRIL
    )
    waive(Charge.objects.get(fee_item__name="物业服务费"), "5.00")
    issue(community, **Q2)
    found = compare_bill(bills()[1])
    assert changes(found) == {
        "vacancy": Decimal("-235.50"),  # 0.3 of 705, and the waste fee that an empty flat spares
        "waivers, discounts and extra charges": Decimal("5.00"),
        "other fee items": Decimal("30.00"),
    }
    assert found is not None
    assert found.changes[-1].details == ("电梯费: not on the earlier bill, +30.00",)


def waive(charge: Charge, amount: str, kind: str = "waiver") -> CreditEntry:
    entry = CreditEntry.objects.create(
        account=charge.account,
        kind=kind,
        amount=Decimal(amount),
        value_date=datetime.date(2026, 2, 1),
        charge=charge,
    )
    Allocation.objects.create(credit_entry=entry, charge=charge, amount=Decimal(amount))
    return entry


def sold(community: Community, day: datetime.date) -> Occupancy:
    old = Occupancy.objects.get()
    old.ends_on = day - datetime.timedelta(days=1)
    old.save()
    return Occupancy.objects.create(
        unit=old.unit,
        party=PartyFactory.create(community=community),
        role=old.role,
        is_payer=True,
        starts_on=day,
    )


def test_a_new_payer_sees_price_and_days_of_the_unit_only(
    community: Community, client: Client
) -> None:
    """The old owner's flat was vacant and had a waiver: nothing of that is the new owner's."""
    first = Charge.objects.get(fee_item__name="物业服务费")
    waive(first, "123.00")
    dearer()
    new = sold(community, datetime.date(2026, 5, 1))
    issue(community, **Q2)
    bill = Bill.objects.select_related("account__unit", "run__period").get(account__party=new.party)
    found = compare_bill(bill)
    assert found is not None
    assert found.bill is None
    assert changes(found) == {"days billed": Decimal("-243.00"), "price": Decimal("50.00")}
    assert "29 days fewer" in found.changes[1].details[0]
    client.force_login(BindingFactory.create(party=new.party).user)
    page = client.get(reverse("billing:bill", args=[bill.pk])).content.decode()
    assert "123" not in page.split("data-difference")[1].split("</section>")[0]
    earlier = first.bill
    assert earlier is not None
    assert client.get(reverse("billing:bill", args=[earlier.pk])).status_code == 404


def test_the_old_owners_last_bill_has_fewer_days(community: Community) -> None:
    old = Occupancy.objects.get().party
    sold(community, datetime.date(2026, 5, 1))
    issue(community, **Q2)
    last = Bill.objects.select_related("account__unit", "run__period").get(
        account__party=old, run__period__starts_on=APRIL
    )
    found = compare_bill(last)
    assert changes(found) == {"days billed": Decimal("-486.00")}


def test_pages_show_the_difference(community: Community, client: Client) -> None:
    dearer()
    issue(community, **Q2)
    first, second = bills()
    client.force_login(BindingFactory.create(party=second.account.party).user)
    page = client.get(reverse("billing:bill", args=[second.pk])).content.decode()
    assert 'data-difference="75.00"' in page
    assert reverse("billing:bill", args=[first.pk]) in page
    assert (
        "data-difference"
        not in client.get(reverse("billing:bill", args=[first.pk])).content.decode()
    )


def correction(bill: Bill, price: str) -> Bill:
    """What a correction run does: the old line is taken back whole, a new bill takes its place."""
    run = BillRun.objects.create(
        period=make_run(bill.account.community).period,
        kind=BillRun.Kind.CORRECTION,
        corrects=bill.run,
        state=BillRun.State.ISSUED,
        due_on=bill.due_on,
        issued_at=bill.issued_at,
    )
    old = bill.charges.get(fee_item__name="物业服务费")
    with transaction.atomic():
        entry = CreditEntry.objects.create(
            account=bill.account,
            kind=CreditEntry.Kind.REVERSAL,
            amount=old.amount,
            value_date=datetime.date(2026, 3, 1),
            charge=old,
            run=run,
        )
        Allocation.objects.create(credit_entry=entry, charge=old, amount=old.amount)
    made = Bill.objects.create(
        account=bill.account,
        run=run,
        due_on=bill.due_on,
        amount=Decimal(price),
        issued_at=bill.issued_at,
    )
    old.pk, old.bill, old.amount = None, made, Decimal(price)
    old.quantity = Decimal("98.000")
    old.save()
    return made


def test_a_corrected_period_counts_as_it_stands(community: Community) -> None:
    new = correction(bills()[0], "690.90")  # 98 m² instead of 100
    issue(community, **Q2)
    assert compare_bill(new) is None
    assert compare_bill(bills()[0]) is None
    found = compare_bill(bills()[-1])
    assert changes(found) == {"area on record": Decimal("14.10")}


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
