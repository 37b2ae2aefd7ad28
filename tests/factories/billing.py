"""Fee items, accounts, issued bills and their charges for tests."""

import datetime
from decimal import Decimal
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from billing.models import (
    Account,
    Bill,
    BillingPeriod,
    BillRun,
    Charge,
    CreditEntry,
    EarlyPaymentOffer,
    FeeItem,
    LateFeePolicy,
)
from tests.factories.community import (
    CommunityFactory,
    InCommunity,
    PartyFactory,
    StaffUserFactory,
    UnitFactory,
)


class FeeItemFactory(DjangoModelFactory[FeeItem]):
    class Meta:
        model = FeeItem
        django_get_or_create = ("community", "name")

    community = factory.SubFactory(CommunityFactory)
    name = "物业服务费"
    position = 1


class AccountFactory(InCommunity):
    """A payer at a unit; `AccountFactory(unit=…)` stands in the unit's community."""

    class Meta:
        model = Account

    community = factory.SubFactory(CommunityFactory)
    unit = factory.SubFactory(UnitFactory, community=factory.SelfAttribute("..community"))
    party = factory.SubFactory(PartyFactory, community=factory.SelfAttribute("..community"))


class ChargeFactory(DjangoModelFactory[Charge]):
    """A line of 302.12 yuan without a bill; `make_bill` makes whole bills."""

    class Meta:
        model = Charge

    account = factory.SubFactory(AccountFactory)
    fee_item = factory.SubFactory(
        FeeItemFactory, community=factory.SelfAttribute("..account.community")
    )
    starts_on = datetime.date(2026, 1, 1)
    ends_on = datetime.date(2026, 3, 31)
    quantity = factory.LazyAttribute(lambda charge: Decimal("1.000"))
    unit_price = factory.LazyAttribute(lambda charge: Decimal(charge.amount) / 3)
    months = Decimal(3)
    factor = Decimal(1)
    amount = Decimal("302.12")


class CreditEntryFactory(DjangoModelFactory[CreditEntry]):
    class Meta:
        model = CreditEntry

    account = factory.SubFactory(AccountFactory)
    kind = CreditEntry.Kind.PAYMENT
    amount = Decimal("100.00")
    value_date = datetime.date(2026, 2, 1)


class LateFeePolicyFactory(DjangoModelFactory[LateFeePolicy]):
    """0.05 % a day for every bill, no days of grace, no cap."""

    class Meta:
        model = LateFeePolicy

    community = factory.SubFactory(CommunityFactory)
    daily_rate = Decimal("0.0005")
    starts_on = datetime.date(2000, 1, 1)


class OfferFactory(DjangoModelFactory[EarlyPaymentOffer]):
    """An approved offer of 5 % off the fees of a year, for `items`."""

    class Meta:
        model = EarlyPaymentOffer
        skip_postgeneration_save = True

    community = factory.SubFactory(CommunityFactory)
    name = "全年预缴优惠"
    starts_on = datetime.date(2026, 1, 1)
    ends_on = datetime.date(2026, 12, 31)
    pay_by = datetime.date(2026, 3, 31)
    percent = Decimal(5)
    state = EarlyPaymentOffer.State.APPROVED
    created_by = factory.SubFactory(StaffUserFactory)
    approved_by = factory.SubFactory(StaffUserFactory)

    @factory.post_generation
    def items(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.fee_items.set(extracted or [])


def make_run(
    community: Any,
    *,
    starts_on: datetime.date = datetime.date(2026, 1, 1),
    ends_on: datetime.date = datetime.date(2026, 3, 31),
    due_on: datetime.date = datetime.date(2026, 2, 15),
) -> BillRun:
    """The issued run of a period; the same one when asked again."""
    now = timezone.now()
    period, _made = BillingPeriod.objects.get_or_create(
        community=community, starts_on=starts_on, ends_on=ends_on, defaults={"issued_at": now}
    )
    run, _made = BillRun.objects.get_or_create(
        period=period,
        defaults={"state": BillRun.State.ISSUED, "due_on": due_on, "issued_at": now},
    )
    return run


def make_bill(
    *amounts: str | Decimal,
    account: Any = None,
    quarter: int = 1,
    year: int = 2026,
    issued_at: datetime.datetime | None = None,
    **of_account: Any,
) -> Bill:
    """A bill issued for a quarter, with a line of each of `amounts` for fee items 1, 2, 3 …

    It is due in the middle of the quarter's second month.
    """
    account = account or AccountFactory(**of_account)
    first = datetime.date(year, 3 * quarter - 2, 1)
    last = (first + datetime.timedelta(days=93)).replace(day=1) - datetime.timedelta(days=1)
    run = make_run(
        account.community,
        starts_on=first,
        ends_on=last,
        due_on=first.replace(month=first.month + 1, day=15),
    )
    lines = [Decimal(amount) for amount in amounts or ("302.12",)]
    bill = Bill.objects.create(
        account=account,
        run=run,
        due_on=run.due_on,
        amount=sum(lines),
        issued_at=issued_at or timezone.now(),
    )
    for position, amount in enumerate(lines, start=1):
        item = FeeItemFactory(
            community=account.community,
            name="物业服务费" if position == 1 else f"费目{position}",
            position=position,
        )
        ChargeFactory(
            account=account, bill=bill, fee_item=item, amount=amount, starts_on=first, ends_on=last
        )
    return bill
