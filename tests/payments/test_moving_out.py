"""Moving out: settled on a day, money either way, a note when nothing is left."""

import datetime
import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Account, Bill
from billing.services.accounts import posting
from community.models import Occupancy, today
from community.services import moving
from community.services.transfers import import_transfers
from core import books
from payments.models import Clearance, Payment
from payments.services.giving_back import moving_out, refunds
from payments.services.receiving.counter import collect
from payments.services.using_credit import use_credit_now
from tests.billing.small import Q2, issue, small_community, table
from tests.factories.community import OccupancyFactory, PartyFactory, StaffUserFactory
from tests.factories.payments import make_deposit, make_refund
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db

MIDDLE = date(2026, 2, 14)


@pytest.fixture
def account():
    """Somebody who was billed 729 yuan for the first quarter, 243 a month."""
    community = small_community()
    issue(community)
    return Account.objects.get(unit__code="1-1-101")


@pytest.fixture
def by():
    return StaffUserFactory.create()


def pay(account, amount):
    import uuid

    return collect(
        community=account.community,
        account=account,
        bill_ids=account.bills.values_list("pk", flat=True),
        amount=Decimal(amount),
        method=Payment.Method.CASH,
        token=uuid.uuid4(),
        clerk=StaffUserFactory.create(),
        prepay=True,
    )


def payers(account):
    found = Occupancy.objects.payers().filter(unit=account.unit).order_by("starts_on")
    return list(found.values_list("party__name", "starts_on", "ends_on"))


# --- who pays ------------------------------------------------------------------------------


def test_he_pays_to_the_last_day_and_the_next_from_the_day_after(account, by):
    moving_out.begin(
        account=account, day=MIDDLE, by=by, successor=moving.Successor("李四", "13800000009")
    )
    assert payers(account) == [
        ("业主0", Occupancy.BEGINNING, MIDDLE),
        ("李四", MIDDLE + datetime.timedelta(days=1), None),
    ]


def test_nobody_may_follow_and_a_family_goes_with_the_owner_but_not_a_tenant(account, by):
    family, tenant = (
        OccupancyFactory.create(
            unit=account.unit,
            party=PartyFactory.create(community=account.community),
            role=role,
            is_payer=False,
        )
        for role in (Occupancy.Role.FAMILY, Occupancy.Role.TENANT)
    )
    moving_out.begin(account=account, day=MIDDLE, by=by)
    family.refresh_from_db()
    tenant.refresh_from_db()
    assert (family.ends_on, tenant.ends_on) == (MIDDLE, None)
    assert payers(account) == [("业主0", Occupancy.BEGINNING, MIDDLE)]


def test_a_tenant_who_paid_leaves_alone_and_the_owner_pays_again(account, by):
    owner = account.unit.occupancies.get()
    owner.is_payer = False
    owner.save()
    tenant = OccupancyFactory.create(
        unit=account.unit,
        party=PartyFactory.create(community=account.community, name="租客"),
        role=Occupancy.Role.TENANT,
        starts_on=date(2026, 1, 1),
    )
    moved = moving.move_out(
        unit=account.unit,
        party=tenant.party,
        day=MIDDLE,
        successor=moving.Successor(owner.party.name, owner.party.phone),
    )
    assert [name for name, _start, _end in payers(account)] == ["租客", "业主0"]
    assert account.unit.occupancies.current().get().is_payer
    moving.take_back(unit=account.unit, moved=moved.as_json())
    owner.refresh_from_db()
    assert (owner.ends_on, payers(account)) == (None, [("租客", date(2026, 1, 1), None)])


def test_what_the_register_says_already_is_not_changed(account, by):
    import_transfers(
        source=table("楼栋,单元,房号,过户日期,新业主姓名,手机号", "1,1,101,2026-02-15,李四,"),
        community=account.community,
    )
    before = payers(account)
    clearance = moving_out.begin(account=account, day=MIDDLE, by=by)
    assert payers(account) == before
    assert clearance.moved == {"ended": [], "began": None}


def test_somebody_else_is_on_the_register_already(account, by):
    import_transfers(
        source=table("楼栋,单元,房号,过户日期,新业主姓名,手机号", "1,1,101,2026-02-15,李四,"),
        community=account.community,
    )
    with pytest.raises(moving.MoveRefused):
        moving_out.begin(account=account, day=MIDDLE, by=by, successor=moving.Successor("王五"))
    with pytest.raises(moving.MoveRefused):
        moving_out.begin(account=account, day=date(2026, 2, 16), by=by)
    assert not Clearance.objects.exists()


# --- what is billed ------------------------------------------------------------------------


def test_days_after_the_last_are_taken_back_and_not_owed(account, by):
    clearance = moving_out.begin(account=account, day=MIDDLE, by=by)
    now = moving_out.position(account)
    # 1 + 14/28 months of 235 and 8 yuan.
    assert now.to_pay == Decimal("352.50") + Decimal("12.00")
    assert Bill.objects.filter(run__in=clearance.runs, account=account).exists()
    assert books.verify().breaks == []


def test_what_was_paid_for_later_days_goes_back(account, by):
    pay(account, "729.00")
    clearance = moving_out.begin(account=account, day=MIDDLE, by=by)
    now = moving_out.position(account)
    assert (now.to_pay, now.refundable) == (0, Decimal("364.50"))
    refund = make_refund(account, now.refundable, by=by)
    assert moving_out.position(account).refunds == (refund,)
    with pytest.raises(moving_out.NotClear):
        moving_out.clear(clearance.pk, by=by)
    other = StaffUserFactory.create()
    refunds.approve(refund.pk, by=other)
    with pytest.raises(moving_out.NotClear):
        moving_out.clear(clearance.pk, by=by)
    refunds.pay_in_cash(refund.pk, by=by)
    done = moving_out.clear(clearance.pk, by=by)
    assert done.state == "cleared"
    assert done.snapshot["refunds"][0]["amount"] == "364.50"
    assert (done.snapshot["owed"], done.snapshot["credit"]) == ("0.00", "0.00")
    assert books.verify().breaks == []


def test_days_that_are_on_no_bill_yet_are_billed_at_once_and_not_again(account, by):
    pay(account, "729.00")
    clearance = moving_out.begin(account=account, day=date(2026, 4, 15), by=by)
    assert moving_out.position(account).to_pay == Decimal("121.50")
    pay(account, "121.50")
    assert moving_out.clear(clearance.pk, by=by).snapshot["settled"] == "850.50"
    issue(account.community, **Q2)
    assert moving_out.position(account).is_clear
    assert books.verify().breaks == []


def test_a_deposit_is_in_the_way_until_it_went_back(account, by):
    pay(account, "729.00")
    deposit = make_deposit(account, "1000.00")
    clearance = moving_out.begin(account=account, day=date(2026, 3, 31), by=by)
    now = moving_out.position(account)
    assert (now.to_pay, now.refundable, now.held, now.goes_back) == (0, 0, 1000, 1000)
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    assert refused.value.position.held == 1000
    refund = make_refund(account, "900.00", deposit=deposit, withheld="100.00", approved=True)
    refunds.pay_in_cash(refund.pk, by=by)
    assert moving_out.clear(clearance.pk, by=by).state == "cleared"


def test_credit_settles_what_is_open(account, by):
    posting.post_credit(
        account=account, kind="opening", amount=Decimal("400.00"), value_date=MIDDLE
    )
    moving_out.begin(account=account, day=MIDDLE, by=by)
    now = moving_out.position(account)
    assert (now.to_pay, now.refundable, now.has_both) == (0, Decimal("35.50"), False)
    assert use_credit_now(account_ids=[account.pk], by=by, token=uuid.uuid4()) == []


# --- twice, wrong, back --------------------------------------------------------------------


def test_begun_twice_is_once_and_another_day_is_refused(account, by):
    first = moving_out.begin(account=account, day=MIDDLE, by=by)
    bills = Bill.objects.count()
    assert moving_out.begin(account=account, day=MIDDLE, by=by) == first
    assert Bill.objects.count() == bills
    with pytest.raises(moving_out.AlreadyBegun) as refused:
        moving_out.begin(account=account, day=date(2026, 2, 10), by=by)
    assert refused.value.clearance == first


def test_too_far_ahead(account, by):
    day = today() + datetime.timedelta(days=moving_out.MOST_DAYS_AHEAD + 1)
    with pytest.raises(ValueError, match="ahead"):
        moving_out.begin(account=account, day=day, by=by)


def test_taken_back_the_register_is_as_before_and_the_next_run_is_right(account, by):
    before = payers(account)
    pay(account, "729.00")
    clearance = moving_out.begin(
        account=account, day=date(2026, 4, 15), by=by, successor=moving.Successor("李四")
    )
    pay(account, "121.50")
    moving_out.take_back(clearance.pk, by=by)
    assert payers(account) == before
    assert moving_out.take_back(clearance.pk, by=by).state == "withdrawn"
    with pytest.raises(moving_out.Ended):
        moving_out.clear(clearance.pk, by=by)
    issue(account.community, **Q2)
    charged = Account.objects.with_balance().get(pk=account.pk)
    assert charged.owed == Decimal("729.00") - Decimal("121.50")
    # He may leave another day.
    moving_out.begin(account=account, day=date(2026, 5, 31), by=by)
    assert books.verify().breaks == []


def test_what_was_cleared_is_never_taken_back_nor_changed(account, by):
    pay(account, "729.00")
    clearance = moving_out.begin(account=account, day=date(2026, 3, 31), by=by)
    moving_out.clear(clearance.pk, by=by)
    assert moving_out.clear(clearance.pk, by=by).state == "cleared"
    with pytest.raises(moving_out.Ended):
        moving_out.take_back(clearance.pk, by=by)
    for sql in ("day = day + 1", "account_id = account_id + 1"):
        with (
            pytest.raises(DatabaseError, match="Cannot update"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE payments_clearance SET {sql}")
    with pytest.raises(IntegrityError), transaction.atomic():
        Clearance.objects.filter(pk=clearance.pk).update(snapshot={})


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_two_begin_and_it_is_billed_once(self, account, by):
        def begin():
            return moving_out.begin(account=account, day=MIDDLE, by=by)

        outcomes = together(begin, begin)
        assert errors_in(outcomes) == []
        assert outcomes[0] == outcomes[1]
        assert moving_out.position(account).to_pay == Decimal("364.50")
        assert books.verify().breaks == []

    def test_it_is_cleared_while_somebody_pays_ahead(self, account, by):
        """Whoever comes first: a note is never given out over money that is his."""
        pay(account, "729.00")
        clearance = moving_out.begin(account=account, day=date(2026, 3, 31), by=by)
        outcomes = together(
            lambda: moving_out.clear(clearance.pk, by=by), lambda: pay(account, "50.00")
        )
        errors = errors_in(outcomes)
        found = Clearance.objects.get(pk=clearance.pk)
        assert all(isinstance(error, moving_out.NotClear) for error in errors)
        assert found.state == ("open" if errors else "cleared")
        assert not errors or found.snapshot == {}


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    day=st.dates(date(2026, 1, 1), date(2026, 8, 31)),
    paid=st.integers(0, 200_000),
    held=st.integers(0, 100_000),
)
def test_whatever_day_and_money_it_ends_at_zero(day, paid, held):
    """Charged to the day, paid or paid back: nothing is left, to the fen."""
    with transaction.atomic():
        community = small_community(code="random")
        issue(community)
        account = Account.objects.get(community=community, unit__code="1-1-101")
        by = StaffUserFactory.create()
        if paid:
            pay(account, Decimal(paid) / 100)
        deposit = make_deposit(account, Decimal(held) / 100) if held else None
        clearance = moving_out.begin(account=account, day=day, by=by)
        now = moving_out.position(account)
        assert not (now.to_pay and now.refundable)
        if now.to_pay:
            pay(account, now.to_pay)
        if now.refundable:
            refund = make_refund(account, now.refundable, approved=True)
            refunds.pay_in_cash(refund.pk, by=by)
        if deposit:
            refund = make_refund(account, deposit.amount, deposit=deposit, approved=True)
            refunds.pay_in_cash(refund.pk, by=by)
        done = moving_out.clear(clearance.pk, by=by)
        assert done.snapshot["owed"] == done.snapshot["credit"] == "0.00"
        assert books.verify("random").breaks == []
        transaction.set_rollback(True)
