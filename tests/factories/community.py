"""People, communities and units for tests.

What hangs together follows by itself: `OccupancyFactory.create(unit=unit)` makes its party in the
unit's community, `UnitFactory.create(building=building)` stands in the building's.

Write `.create(…)`, not a bare call: only then do the type checker and the reader know that a model
instance comes out.
"""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from community.models import (
    Binding,
    BindingRequest,
    Building,
    Community,
    Membership,
    Occupancy,
    Party,
    Role,
    Unit,
    User,
)

PASSWORD = "correct-horse-8"


class UserFactory(DjangoModelFactory[User]):
    """A resident: signs in with a verified phone and has no password."""

    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"resident-{n}")
    phone: Any = factory.Sequence(lambda n: f"139{n:08d}")
    phone_verified = True
    password = factory.django.Password(None)


class StaffUserFactory(UserFactory):
    """Somebody who works for the company: signs in with his user name and `PASSWORD`."""

    username = factory.Sequence(lambda n: f"staff-{n}")
    name = factory.Sequence(lambda n: f"员工{n}")
    phone = ""
    phone_verified = False
    password = factory.django.Password(PASSWORD)


class CommunityFactory(DjangoModelFactory[Community]):
    class Meta:
        model = Community

    code = factory.Sequence(lambda n: f"community-{n}")
    name = factory.Sequence(lambda n: f"云栖苑{n}期")
    company = "安居物业服务有限公司"
    hotline = "0571-88880000"


class InCommunity(DjangoModelFactory[Any]):
    """Takes the community from the first given object that has one."""

    class Meta:
        abstract = True

    @classmethod
    def _generate(cls, strategy: Any, params: dict[str, Any]) -> Any:
        for given in list(params.values()):
            if isinstance(given, Building | Unit | Party):
                params.setdefault("community", given.community)
        return super()._generate(strategy, params)


class BuildingFactory(DjangoModelFactory[Building]):
    class Meta:
        model = Building
        django_get_or_create = ("community", "code")

    community = factory.SubFactory(CommunityFactory)
    code = "3"


class UnitFactory(InCommunity):
    """A dwelling of 100 m², `3-1-0001`, `3-1-0002` … unless told otherwise."""

    class Meta:
        model = Unit

    community = factory.SubFactory(CommunityFactory)
    building = factory.SubFactory(BuildingFactory, community=factory.SelfAttribute("..community"))
    entrance = "1"
    room = factory.Sequence(lambda n: f"{n:04d}")
    code = factory.LazyAttribute(
        lambda unit: Unit.make_code(
            building=unit.building.code, entrance=unit.entrance, room=unit.room
        )
    )
    kind = Unit.Kind.DWELLING
    area = "100.00"


class PartyFactory(DjangoModelFactory[Party]):
    class Meta:
        model = Party

    community = factory.SubFactory(CommunityFactory)
    name = factory.Sequence(lambda n: f"王小{n}")
    phone = factory.Sequence(lambda n: f"138{n:08d}")


class OccupancyFactory(InCommunity):
    """The owner of a unit since the beginning of the records, who also pays."""

    class Meta:
        model = Occupancy
        exclude = ("community",)

    community = factory.SubFactory(CommunityFactory)
    unit = factory.SubFactory(UnitFactory, community=factory.SelfAttribute("..community"))
    party = factory.SubFactory(PartyFactory, community=factory.SelfAttribute("..community"))


class MembershipFactory(DjangoModelFactory[Membership]):
    """A clerk at the front desk; `role=Role.MANAGER` for somebody else."""

    class Meta:
        model = Membership

    user = factory.SubFactory(StaffUserFactory)
    community = factory.SubFactory(CommunityFactory)
    role = Role.CLERK


class BindingFactory(DjangoModelFactory[Binding]):
    """A user who stands for a party. `OccupancyFactory.create(party=…)` gives the party a unit."""

    class Meta:
        model = Binding

    user = factory.SubFactory(UserFactory)
    party = factory.SubFactory(PartyFactory)


class BindingRequestFactory(DjangoModelFactory[BindingRequest]):
    class Meta:
        model = BindingRequest

    user = factory.SubFactory(UserFactory)
    unit = factory.SubFactory(UnitFactory)
    claimed_name = "王小明"
