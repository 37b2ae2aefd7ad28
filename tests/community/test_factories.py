"""The factories give what hangs together."""

import pytest

from community.models import Unit
from tests.factories.community import (
    BindingFactory,
    BindingRequestFactory,
    BuildingFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
    UnitFactory,
)

pytestmark = pytest.mark.django_db


def test_what_is_given_decides_the_community() -> None:
    building = BuildingFactory.create(code="7")
    unit = UnitFactory.create(building=building)
    assert unit.community == building.community
    assert unit.code.startswith("7-1-")

    occupancy = OccupancyFactory.create(unit=unit)
    assert occupancy.party.community == unit.community
    party = PartyFactory.create()
    assert OccupancyFactory.create(party=party).unit.community == party.community
    alone = OccupancyFactory.create()
    assert alone.unit.community == alone.unit.building.community == alone.party.community


def test_a_bound_resident_sees_his_unit_and_no_other() -> None:
    occupancy = OccupancyFactory.create()
    OccupancyFactory.create(unit=UnitFactory.create(building=occupancy.unit.building))
    user = BindingFactory.create(party=occupancy.party).user
    assert list(Unit.objects.visible_to(user)) == [occupancy.unit]


def test_staff_and_requests_can_be_made() -> None:
    assert MembershipFactory.create().user.check_password("correct-horse-8")
    assert not BindingRequestFactory.create().user.has_usable_password()
