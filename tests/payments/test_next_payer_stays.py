"""Who comes next was billed already: the final bill of who leaves lets that be."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import Account
from community.models import Occupancy
from community.services.transfers import import_transfers
from core import books
from payments.services.giving_back import moving_out
from tests.billing.small import issue, small_community, table
from tests.factories.community import StaffUserFactory

pytestmark = pytest.mark.django_db

MIDDLE = date(2026, 2, 14)


def owed():
    found = Account.objects.with_balance().filter(unit__code="1-1-101").order_by("pk")
    return {account.party.name: account.owed for account in found}


def test_who_was_billed_for_the_days_after_keeps_his_bill():
    community = small_community()
    import_transfers(
        source=table("楼栋,单元,房号,过户日期,新业主姓名,手机号", "1,1,101,2026-02-15,李四,"),
        community=community,
    )
    issue(community)
    before = owed()
    account = Account.objects.get(unit__code="1-1-101", party__name="业主0")
    clearance = moving_out.begin(account=account, day=MIDDLE, by=StaffUserFactory.create())
    assert clearance.runs == []
    assert owed() == before
    assert books.verify().breaks == []


def test_who_was_billed_for_the_leavers_days_gets_those_back_and_keeps_his_own():
    """The transfer was entered a month too early: he paid to the 14th of March."""
    community = small_community()
    import_transfers(
        source=table("楼栋,单元,房号,过户日期,新业主姓名,手机号", "1,1,101,2026-02-15,李四,"),
        community=community,
    )
    issue(community)
    first, second = Occupancy.objects.filter(unit__code="1-1-101").order_by("starts_on")
    second.starts_on = date(2026, 3, 15)
    second.save()
    first.ends_on = date(2026, 3, 14)
    first.save()
    account = Account.objects.get(unit__code="1-1-101", party__name="业主0")
    moving_out.begin(account=account, day=date(2026, 3, 14), by=StaffUserFactory.create())
    # Two months and 14/31 of 243 yuan, each item rounded; 17/31 are the next payer's.
    leaver = Decimal("576.13") + Decimal("19.61")
    assert owed() == {"业主0": leaver, "李四": Decimal("729.00") - leaver}
    assert books.verify().breaks == []
