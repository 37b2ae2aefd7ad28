import pytest

from community.models import Community
from community.services.unit_codes import find_units
from tests.factories.community import BuildingFactory, CommunityFactory, UnitFactory


@pytest.fixture
def community(db: None) -> Community:
    community = CommunityFactory.create(name="云栖苑")
    for building, entrance, room in [
        ("3", "2", "1502"),
        ("3", "21", "502"),
        ("32", "1", "502"),
        ("12", "2", "101"),
        ("S", "", "01"),
        ("B1", "A", "023"),
    ]:
        UnitFactory.create(
            building=BuildingFactory.create(community=community, code=building),
            entrance=entrance,
            room=room,
        )
    UnitFactory.create(entrance="2", room="1502")  # the same code in another community
    return community


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("3-2-1502", "3-2-1502"),
        ("３－２－１５０２", "3-2-1502"),
        ("3栋2单元1502室", "3-2-1502"),
        ("3幢2单元1502", "3-2-1502"),
        ("3号楼 2单元 1502号", "3-2-1502"),
        ("三栋二单元1502室", "3-2-1502"),
        ("十二栋二单元101", "12-2-101"),
        ("03-02-1502", "3-2-1502"),
        ("3#2-1502", "3-2-1502"),
        ("3/2/1502", "3-2-1502"),
        ("云栖苑3栋2单元1502", "3-2-1502"),
        ("3-21-502", "3-21-502"),
        ("32-1-502", "32-1-502"),
        ("s-01", "S-01"),
        ("S01", "S-01"),
        ("S-1", "S-01"),
        ("b1a023", "B1-A-023"),
        ("B1-A-23", "B1-A-023"),
    ],
)
def test_any_spelling_finds_the_unit(community: Community, typed: str, code: str) -> None:
    assert [unit.code for unit in find_units(community=community, text=typed)] == [code]


@pytest.mark.parametrize("typed", ["", "---", "3-1502", "1502", "3-2-150", "33-2-1502", "'; --"])
def test_what_is_cut_off_or_unknown_finds_nothing(community: Community, typed: str) -> None:
    assert not find_units(community=community, text=typed).exists()
