"""What somebody owes since when, for the tests of arrears."""

import datetime
from decimal import Decimal
from typing import Any

from billing.models import Account, Allocation, Charge
from community.models import Community
from tests.factories.billing import (
    AccountFactory,
    ChargeFactory,
    CreditEntryFactory,
)
from tests.factories.community import (
    BuildingFactory,
    UnitFactory,
)

ON = datetime.date(2026, 11, 1)


def days(number: int) -> datetime.timedelta:
    return datetime.timedelta(days=number)


def account_in(community: Community, building: str) -> Account:
    house = BuildingFactory.create(community=community, code=building)
    made: Account = AccountFactory.create(unit=UnitFactory.create(building=house))
    return made


def owes(account: Account, amount: str, due_on: datetime.date, **more: Any) -> Charge:
    made: Charge = ChargeFactory.create(
        account=account,
        kind=Charge.Kind.OPENING,
        amount=Decimal(amount),
        starts_on=due_on - days(30),
        ends_on=due_on - days(1),
        due_on=due_on,
        **more,
    )
    return made


def pays(charge: Charge, amount: str, value_date: datetime.date, *, undone: bool = False) -> None:
    entry = CreditEntryFactory.create(
        account=charge.account, amount=Decimal(amount), value_date=value_date
    )
    made = Allocation.objects.create(credit_entry=entry, charge=charge, amount=Decimal(amount))
    if undone:
        Allocation.objects.create(
            credit_entry=entry, charge=charge, amount=-Decimal(amount), undoes=made
        )
