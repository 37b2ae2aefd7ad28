"""Fee standards by hand: who may be charged without a proposal, and what overlaps."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import FeeItem, Tariff, TariffUnit
from billing.services.standards import tariff_versions as versions
from billing.services.standards.tariff_terms import TariffRefused, Terms
from community.models import Building, Community, Unit, User
from tests.billing.small import issue, small_community
from tests.factories.community import CommunityFactory, StaffUserFactory, UnitFactory

pytestmark = pytest.mark.django_db


def somebody() -> User:
    user: User = StaffUserFactory.create()
    return user


def terms(**other: Any) -> Terms:
    """Two yuan a unit and month for dwellings, from 2026-07-01."""
    usual: dict[str, Any] = {
        "item": "新费目",
        "unit_kind": "dwelling",
        "method": "household",
        "price": Decimal(2),
        "starts_on": date(2026, 7, 1),
    }
    return Terms(**(usual | other))


def create(community: Community, *, reason: str = "新增服务", **other: Any) -> Tariff:
    ends_on = other.pop("ends_on", None)
    return versions.create_first_version(
        community=community, terms=terms(**other), by=somebody(), reason=reason, ends_on=ends_on
    )


@pytest.fixture
def community() -> Community:
    return small_community(units=3)


@pytest.fixture
def units(community: Community) -> list[Unit]:
    return list(community.units.order_by("sort_key"))


def test_a_new_item_needs_a_reason_and_goes_behind_the_others(community: Community) -> None:
    with pytest.raises(TariffRefused):
        create(community, reason=" ")
    tariff = create(community)
    assert (tariff.fee_item.name, tariff.fee_item.position, tariff.reason) == (
        "新费目",
        3,
        "新增服务",
    )


def test_who_pays_already_learns_of_a_new_price_by_a_proposal(
    community: Community, units: list[Unit]
) -> None:
    """物业服务费 holds for all dwellings since 2020: neither they, nor a part, get a price so."""
    building = Building.objects.get(community=community)
    for narrower in ({}, {"building": building}, {"units": (units[0],)}):
        with pytest.raises(TariffRefused):
            create(community, item="物业服务费", **narrower)
    # Another type of unit pays nothing yet.
    assert create(community, item="物业服务费", unit_kind="shop").pk


def test_a_narrower_version_is_in_nobodys_way(community: Community, units: list[Unit]) -> None:
    picked = create(community, units=(units[0],))
    with pytest.raises(TariffRefused):
        create(community, units=(units[0], units[1]))
    assert create(community, units=(units[1],)).picked
    general = create(community)
    assert not general.picked
    assert set(picked.units.values_list("unit", flat=True)) == {units[0].pk}


def test_a_version_that_ended_leaves_its_units_free(community: Community) -> None:
    create(community, ends_on=date(2026, 7, 31))
    with pytest.raises(TariffRefused):
        create(community, starts_on=date(2026, 7, 31))
    assert create(community, starts_on=date(2026, 8, 1)).pk


def test_one_before_a_later_one_must_end_in_time(community: Community) -> None:
    create(community)
    with pytest.raises(TariffRefused):
        create(community, starts_on=date(2026, 6, 1))
    assert create(community, starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 30)).pk


def test_picked_units_are_of_the_type_and_the_community(
    community: Community, units: list[Unit]
) -> None:
    parking = UnitFactory.create(building=units[0].building, kind="parking")
    foreign = UnitFactory.create(community=CommunityFactory.create())
    for wrong in (parking, foreign):
        with pytest.raises(TariffRefused):
            create(community, units=(units[0], wrong))
    with pytest.raises(TariffRefused):
        create(community, units=(units[0],), building=units[0].building)


def test_the_database_refuses_a_unit_picked_twice_on_a_day(
    community: Community, units: list[Unit]
) -> None:
    create(community, units=(units[0],))
    other = versions.write_version(
        community=community, terms=terms(units=(units[1],)), by=somebody()
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        TariffUnit.objects.create(tariff=other, unit=units[0])


class TestEnding:
    def end(self, tariff: Tariff, day: date, reason: str = "停止服务") -> Tariff:
        return versions.end_version(tariff=tariff, ends_on=day, by=somebody(), reason=reason)

    def test_a_last_day_and_an_earlier_one(self, community: Community) -> None:
        tariff = create(community)
        self.end(tariff, date(2026, 12, 31))
        ended = self.end(tariff, date(2026, 9, 30), "提前停止")
        assert (ended.ends_on, ended.end_reason) == (date(2026, 9, 30), "提前停止")

    def test_twice_is_once(self, community: Community) -> None:
        tariff = create(community)
        first = self.end(tariff, date(2026, 12, 31), "一")
        again = self.end(tariff, date(2026, 12, 31), "二")
        assert again.end_reason == first.end_reason == "一"

    @pytest.mark.parametrize(
        ("day", "reason"),
        [(date(2026, 6, 30), "x"), (date(2027, 1, 1), "x"), (date(2026, 9, 1), "  ")],
    )
    def test_refused(self, community: Community, day: date, reason: str) -> None:
        tariff = create(community, ends_on=date(2026, 12, 31))
        with pytest.raises(TariffRefused):
            self.end(tariff, day, reason)
        tariff.refresh_from_db()
        assert tariff.ends_on == date(2026, 12, 31)


class TestPicking:
    def test_others_come_and_go_until_something_is_billed(
        self, community: Community, units: list[Unit]
    ) -> None:
        tariff = create(community, units=units[:2], starts_on=date(2026, 1, 1))
        assert versions.pick_units(tariff=tariff, units=units[1:]) == (1, 1)
        assert versions.pick_units(tariff=tariff, units=units[1:]) == (0, 0)
        issue(community)
        # Whether the run billed by it or by another: it has no line of this tariff yet.
        assert versions.billed_until(tariff) == date(2026, 3, 31)

    def test_refused(self, community: Community, units: list[Unit]) -> None:
        general = create(community, item="另一费目")
        with pytest.raises(TariffRefused):
            versions.pick_units(tariff=general, units=units)
        tariff = create(community, units=units[:1])
        create(community, units=units[1:2])
        for wrong in ([], units[:2]):
            with pytest.raises(TariffRefused):
                versions.pick_units(tariff=tariff, units=wrong)
        assert tariff.units.count() == 1

    def test_not_once_bills_were_issued_by_it(self, community: Community) -> None:
        issue(community)
        tariff = Tariff.objects.get(fee_item__name="物业服务费")
        assert versions.is_billed(tariff)


def test_items_close_ranks(community: Community) -> None:
    create(community)
    first, second, third = FeeItem.objects.filter(community=community)
    versions.set_item(item=third, position=1, in_arrears=True)
    versions.set_item(item=third, position=1, in_arrears=True)
    found = FeeItem.objects.filter(community=community).order_by("position")
    assert [(each.pk, each.position) for each in found] == [
        (third.pk, 1),
        (first.pk, 2),
        (second.pk, 3),
    ]
    assert [each.in_arrears for each in found] == [True, False, False]
