"""The desk's one box: every way to say which unit is meant."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from community.models import Community, Unit
from community.names import pinyin
from portal.services.search import LIMIT, find
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    BuildingFactory,
    CommunityFactory,
    OccupancyFactory,
    PartyFactory,
    UnitFactory,
)
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return CommunityFactory.create()


def live(community: Community, code: str, name: str, phone: str = "") -> Unit:
    building, entrance, room = code.split("-")
    unit = UnitFactory.create(
        building=BuildingFactory.create(community=community, code=building),
        entrance=entrance,
        room=room,
    )
    full, initials = pinyin(name)
    party = PartyFactory.create(
        community=community, name=name, phone=phone, pinyin=full, pinyin_initials=initials
    )
    OccupancyFactory.create(unit=unit, party=party)
    return unit


def codes(community: Community, text: str) -> list[str]:
    return [hit.unit.code for hit in find(community=community, text=text)]


@pytest.fixture
def people(community: Community) -> None:
    live(community, "3-2-1502", "王小明", "13812345678")
    live(community, "3-2-1503", "张三", "13900001502")
    live(community, "3-1-1502", "欧阳娜", "13700000001")
    live(community, "10-1-101", "王小红", "13600000002")
    live(community, "2-1-101", "赵六", "13500009999")
    live(community, "B1-A-023", "钱七", "13500008888")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3-2-1502", ["3-2-1502"]),
        ("3栋2单元1502室", ["3-2-1502"]),
        ("03-02-1502", ["3-2-1502"]),
        ("3-2", ["3-2-1502", "3-2-1503"]),
        ("3-2-15", ["3-2-1502", "3-2-1503"]),
        ("3-1502", ["3-1-1502", "3-2-1502"]),  # the entrance left out
        ("10", ["10-1-101"]),
        ("13812345678", ["3-2-1502"]),
        ("138 1234 5678", ["3-2-1502"]),
        ("13812", ["3-2-1502"]),
        ("5678", ["3-2-1502"]),
        ("1502", ["3-1-1502", "3-2-1502", "3-2-1503"]),  # two rooms, and the end of a phone
        ("0002", ["10-1-101"]),  # building 2 is never written like this
        ("0001", ["3-1-1502"]),
        ("B1A023", ["B1-A-023"]),
        ("b1a23", ["B1-A-023"]),
        ("王小明", ["3-2-1502"]),
        ("王", ["3-2-1502", "10-1-101"]),
        ("wxm", ["3-2-1502"]),
        ("WX", ["3-2-1502", "10-1-101"]),
        ("zhang san", ["3-2-1503"]),
        ("ou yang na", ["3-1-1502"]),
        ("oyn", ["3-1-1502"]),
        ("李四", []),
        ("9-9-999", []),
        ("", []),
        ("%", []),
        ("x", []),
    ],
)
def test_readings(community: Community, text: str, found: list[str]) -> None:
    assert codes(community, text) == found


@pytest.mark.parametrize("typed", ["2101", "0101"])
def test_the_end_of_a_phone_comes_before_rooms_that_only_begin_so(
    community: Community, typed: str
) -> None:
    live(community, f"2-1-{typed}A", "王小明", "13500007777")
    live(community, "9-9-901", "张三", f"1350000{typed}")
    assert codes(community, typed)[0] == "9-9-901"
    live(community, f"8-1-{typed}", "李四", "13500006666")
    assert codes(community, typed)[0] == f"8-1-{typed}", "a room that is just this one"


@pytest.mark.usefixtures("people")
def test_another_community_is_not_searched(community: Community) -> None:
    assert codes(CommunityFactory.create(), "3-2-1502") == []


def test_a_former_owner_still_leads_to_the_unit(community: Community) -> None:
    unit = live(community, "1-1-101", "王小明", "13812345678")
    unit.occupancies.update(ends_on=datetime.date(2020, 1, 1))
    [hit] = find(community=community, text="王小明")
    assert hit.unit == unit
    assert hit.unit.residents == []


def test_a_receipt_number_leads_to_its_unit(community: Community) -> None:
    unit = live(community, "1-1-101", "王小明")
    receipt = make_payment(make_bill("302.12", account=AccountFactory.create(unit=unit))).receipt
    [hit] = find(community=community, text=receipt.code)
    assert (hit.unit, hit.receipt) == (unit, receipt)


def test_the_list_is_short_and_costs_few_queries(community: Community) -> None:
    for number in range(LIMIT + 5):
        live(community, f"{number + 1}-1-1502", "王伟", f"1380000{number:02d}{1502}"[-11:])
    with CaptureQueriesContext(connection) as queries:
        hits = find(community=community, text="1502")
    assert len(hits) == LIMIT
    assert len(queries) <= 12
