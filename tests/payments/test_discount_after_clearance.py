"""An early-payment discount comes with the money that earns it, never behind a clearance."""

from datetime import date
from decimal import Decimal

import pytest

from billing.models import Account, OfferUse
from community.models import today
from community.services import moving
from core import books
from payments.services.giving_back import moving_out, refunds
from tests.billing.small import Q2, issue, small_community
from tests.factories.billing import OfferFactory
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_refund

from .test_moving_out import MIDDLE, pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    """Billed 705.00 + 24.00 for the first quarter; 5 % off the first whoever pays by today."""
    community = small_community()
    issue(community)
    return Account.objects.get(unit__code="1-1-101")


def offer(account, *, ends_on=date(2026, 3, 31), **more):
    item = account.community.fee_items.get(name="物业服务费")
    OfferFactory(community=account.community, ends_on=ends_on, pay_by=today(), items=[item], **more)


def test_taking_days_back_earns_nothing_and_the_note_stays_true(account):
    pay(account, "729.00")
    offer(account)
    by = StaffUserFactory.create()
    clearance = moving_out.begin(account=account, day=MIDDLE, by=by)
    assert not OfferUse.objects.filter(account=account).exists()
    now = moving_out.position(account)
    refunds.pay_in_cash(make_refund(account, now.refundable, approved=True).pk, by=by)
    note = moving_out.clear(clearance.pk, by=by).snapshot
    assert (note["owed"], note["credit"]) == ("0.00", "0.00")
    issue(account.community, **Q2)
    pay(account, "10.00")  # by mistake: it earns nothing
    left = Account.objects.with_balance().get(pk=account.pk)
    assert (left.owed, left.credit) == (0, Decimal("10.00"))
    assert books.verify().breaks == []


def test_who_pays_the_final_bill_in_time_earns_of_what_stands(account):
    offer(account)
    by = StaffUserFactory.create()
    moving_out.begin(account=account, day=MIDDLE, by=by)
    now = moving_out.position(account)
    # 5 % of 352.50: half of the quarter was taken back.
    assert now.discount == Decimal("17.63")
    pay(account, now.to_pay)
    assert OfferUse.objects.get(account=account).credit_entry.amount == Decimal("17.63")
    assert moving_out.position(account).is_clear


def test_who_is_cleared_and_comes_back_earns_for_the_days_after(account):
    pay(account, "729.00")
    by = StaffUserFactory.create()
    clearance = moving_out.begin(account=account, day=date(2026, 3, 31), by=by)
    moving_out.clear(clearance.pk, by=by)
    moving.take_back(unit=account.unit, moved=clearance.moved)
    issue(account.community, **Q2)
    for ends_on in (date(2026, 3, 31), date(2026, 6, 30)):
        offer(account, starts_on=date(2026, ends_on.month - 2, 1), ends_on=ends_on)
    pay(account, "729.00")
    (use,) = OfferUse.objects.filter(account=account)
    assert use.offer.ends_on == date(2026, 6, 30), "the note speaks of the quarter before"
    assert books.verify().breaks == []
