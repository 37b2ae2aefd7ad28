"""Makes the demo: everything or nothing, and once."""

from dataclasses import dataclass

from django.db import transaction

from billing.services.meters.readings import import_readings
from billing.services.standards.shared_costs import import_shared_costs
from billing.services.standards.tariffs import import_tariffs
from community.models import BindingRequest, Community, Role, Unit, User, today
from community.services.register import import_register
from community.services.transfers import import_transfers
from community.services.vacancies import import_vacancies
from portal.demo import people
from portal.demo.calendar import Quarter, quarters_before
from portal.demo.channels import Channels
from portal.demo.dealings import Dealings
from portal.demo.files import Office
from portal.demo.money import Money
from portal.demo.past import move_to_the_past
from portal.demo.service import Desk
from portal.demo.standards import Standards, late_fee_policy

FIRST, SECOND = "yunqi-demo", "hetang-demo"
UNITS, UNITS_OF_SECOND = 400, 30
QUARTERS, QUARTERS_OF_SECOND = 6, 2
SEED = 20260101


@dataclass(frozen=True)
class About:
    """What a community says of itself."""

    code: str
    name: str
    company: str
    address: str
    hotline: str
    bank_account: str


YUNQI = About(
    FIRST,
    "云栖苑",
    "杭州安居物业服务有限公司",
    "杭州市西湖区云栖路 18 号",
    "0571-88880000",
    "3305 0161 4827 0000 1234",
)
HETANG = About(
    SECOND,
    "荷塘里",
    "杭州安居物业服务有限公司",
    "杭州市余杭区荷塘街 6 号",
    "0571-88880001",
    "3305 0161 4827 0000 5678",
)


def exists() -> bool:
    """Whether the demo was made before."""
    return Community.objects.filter(code=FIRST).exists()


@transaction.atomic
def build_demo(*, units: int = UNITS) -> Community:
    """The demo's two communities with all they have behind them, in one transaction."""
    quarters = quarters_before(today(), QUARTERS)
    first = _register(YUNQI, units=units, quarters=quarters, seed=SEED)
    staff = people.staff(first)
    residents = people.residents(first)
    _ask_for_a_unit(first, residents[people.STRANGER.phone])
    late_fee_policy(first, quarters)
    _money(first, staff, quarters, seed=SEED)
    Desk(first, staff=staff, residents=residents, seed=SEED).open_all()
    dealings = Dealings(first, staff=staff, residents=residents, quarters=quarters, seed=SEED + 3)
    dealings.deal()
    Standards(first, staff=staff, residents=residents, quarters=quarters, seed=SEED + 2).lay_down()
    move_to_the_past(community=first, quarters=quarters, clerk=staff[Role.CLERK])
    dealings.finish()
    Channels(first, accountant=staff[Role.ACCOUNTANT]).settle()

    later = quarters[-QUARTERS_OF_SECOND:]
    second = _register(HETANG, units=UNITS_OF_SECOND, quarters=later, seed=SEED + 1, known=False)
    people.staff_of_second(second, staff)
    _money(second, staff, later, seed=SEED + 1)
    move_to_the_past(community=second, quarters=later, clerk=staff[Role.CLERK])
    return first


def _register(
    about: About, *, units: int, quarters: list[Quarter], seed: int, known: bool = True
) -> Community:
    """A community with its register, tariffs, readings and shared costs, as if from files."""
    office = Office(units=units, quarters=quarters, seed=seed, known=known)
    import_register(source=office.register(), community_code=about.code, community_name=about.name)
    community = Community.objects.get(code=about.code)
    community.company, community.address = about.company, about.address
    community.hotline = about.hotline
    community.bank_name, community.bank_account_name = "中国建设银行杭州西湖支行", about.company
    community.bank_account_number = about.bank_account
    community.save()
    import_vacancies(source=office.vacancies(), community=community)
    import_transfers(source=office.transfers(), community=community)
    import_tariffs(source=office.tariffs(), community=community)
    import_readings(source=office.readings(), community=community)
    import_shared_costs(source=office.shared_costs(), community=community)
    return community


def _money(
    community: Community, staff: dict[Role, User], quarters: list[Quarter], *, seed: int
) -> None:
    """Bills and payments of all quarters."""
    money = Money(community, clerk=staff[Role.CLERK], manager=staff[Role.MANAGER], seed=seed)
    money.bill_and_collect(quarters)


def _ask_for_a_unit(community: Community, user: User) -> None:
    """Somebody whose phone is not on the register waits for the front desk."""
    unit = Unit.objects.filter(community=community, kind=Unit.Kind.DWELLING)[10]
    BindingRequest.objects.create(user=user, unit=unit, claimed_name=user.name)
