"""The visitors of the sweep, and what belongs to whom."""

from dataclasses import dataclass
from enum import StrEnum

from community.models import Building, Community, Occupancy, Party, Role, Unit, User
from tests.factories.community import (
    BindingFactory,
    BuildingFactory,
    CommunityFactory,
    MembershipFactory,
    OccupancyFactory,
    UnitFactory,
    UserFactory,
)


class Visitor(StrEnum):
    """Who knocks. All but the last two know nothing of the other community."""

    ANONYMOUS = "anonymous"
    OWNER = "owner"  # the resident to whom the objects belong
    NEIGHBOUR = "neighbour"  # a resident of the same community, another unit
    UNBOUND = "unbound"  # signed in, no unit yet
    CLERK = "clerk"
    ACCOUNTANT = "accountant"
    MANAGER = "manager"
    FOREIGN_OWNER = "foreign_owner"
    FOREIGN_MANAGER = "foreign_manager"


STAFF = {Visitor.CLERK: Role.CLERK, Visitor.ACCOUNTANT: Role.ACCOUNTANT}
STAFF[Visitor.MANAGER] = Role.MANAGER


@dataclass(frozen=True)
class Side:
    """One community with one resident's things. Rows hang their objects on these."""

    community: Community
    building: Building
    unit: Unit
    party: Party
    occupancy: Occupancy
    owner: User  # bound to `party`
    clerk: User
    accountant: User
    manager: User


@dataclass(frozen=True)
class World:
    """Two communities that have nothing to do with each other."""

    own: Side
    foreign: Side
    users: dict[Visitor, User | None]


def make_side() -> Side:
    community = CommunityFactory.create()
    building = BuildingFactory.create(community=community)
    unit = UnitFactory.create(building=building)
    occupancy = OccupancyFactory.create(unit=unit)
    staff = {role: MembershipFactory.create(community=community, role=role).user for role in Role}
    return Side(
        community=community,
        building=building,
        unit=unit,
        party=occupancy.party,
        occupancy=occupancy,
        owner=BindingFactory.create(party=occupancy.party).user,
        clerk=staff[Role.CLERK],
        accountant=staff[Role.ACCOUNTANT],
        manager=staff[Role.MANAGER],
    )


def make_world() -> World:
    own, foreign = make_side(), make_side()
    neighbour = OccupancyFactory.create(unit=UnitFactory.create(building=own.building))
    return World(
        own=own,
        foreign=foreign,
        users={
            Visitor.ANONYMOUS: None,
            Visitor.OWNER: own.owner,
            Visitor.NEIGHBOUR: BindingFactory.create(party=neighbour.party).user,
            Visitor.UNBOUND: UserFactory.create(),
            Visitor.CLERK: own.clerk,
            Visitor.ACCOUNTANT: own.accountant,
            Visitor.MANAGER: own.manager,
            Visitor.FOREIGN_OWNER: foreign.owner,
            Visitor.FOREIGN_MANAGER: foreign.manager,
        },
    )
