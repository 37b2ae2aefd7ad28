"""A bill beside the last one, on the page and in words."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from billing.explanation import Comparison, compare_bill
from billing.models import Allocation, Bill, Charge, CreditEntry, FeeItem, Tariff
from community.models import Community, Occupancy, Vacancy
from tests.billing.bills import bills, correction
from tests.billing.small import Q2, issue, small_community
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


def test_a_corrected_period_counts_as_it_stands(community: Community) -> None:
    new = correction(bills()[0], "690.90")  # 98 m² instead of 100
    issue(community, **Q2)
    assert compare_bill(new) is None
    assert compare_bill(bills()[0]) is None
    found = compare_bill(bills()[-1])
    assert changes(found) == {"area on record": Decimal("14.10")}
