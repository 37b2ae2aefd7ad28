"""A payment that goes back takes along the discount that it earned, and not before it is gone."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from billing.models import CreditEntry, OfferUse
from community.models import today
from core import books
from payments.models import Refund
from payments.services.online import original_refunds
from tests.factories.billing import OfferFactory, make_bill
from tests.factories.payments import make_payment, make_refund
from tests.payments.online import paid

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def bill():
    """302.12 + 42.00 yuan, 5 % off the first line for who pays by today."""
    made = make_bill("302.12", "42.00")
    OfferFactory.create(
        community=made.account.community,
        items=[made.account.community.fee_items.get(name="物业服务费")],
        ends_on=datetime.date(2026, 3, 31),
        pay_by=today(),
    )
    return made


def refund_of(payment, amount):
    account = payment.postings.get().credit_entry.account
    of_it = {"payment": payment, "method": Refund.Method.ORIGINAL}
    refund = make_refund(account, amount, approved=True, **of_it)
    return Refund.objects.get(pk=refund.pk)


def sweep():
    past = timezone.now() - datetime.timedelta(seconds=1)
    Refund.objects.filter(check_at__isnull=False).update(check_at=past)
    original_refunds.sweep_refunds()


def standing(bill):
    """(the discount, what is open of the bill), with books that hold."""
    assert books.verify().breaks == []
    entries = CreditEntry.objects.filter(account=bill.account, kind="discount")
    total = sum((entry.amount for entry in entries), Decimal(0))
    assert OfferUse.objects.get(account=bill.account).standing_amount == total
    return total, sum(bill.charges.open().values_list("open_amount", flat=True))


def test_whole_it_takes_the_discount_along_and_paid_again_in_time_it_is_back(merchant, bill):
    payment = paid(merchant, bill)
    assert standing(bill) == (Decimal("15.11"), 0)
    refund = refund_of(payment, payment.amount)
    assert refund.state == Refund.State.PROCESSING
    assert standing(bill)[0] == Decimal("15.11"), "the money has not left yet"
    sweep()
    refund.refresh_from_db()
    assert refund.state == Refund.State.PAID
    assert standing(bill) == (0, Decimal("344.12"))
    make_payment(bill, amount="329.01")
    assert standing(bill) == (Decimal("15.11"), 0)


def test_a_refund_that_fails_leaves_it(merchant, bill):
    payment = paid(merchant, bill)
    merchant.faults(hold_refunds=True)
    refund = refund_of(payment, payment.amount)
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="CLOSED")
    sweep()
    refund.refresh_from_db()
    assert refund.state == Refund.State.FAILED
    assert standing(bill)[0] == Decimal("15.11")


def test_money_of_a_line_without_an_offer_leaves_it(merchant, bill):
    payment = paid(merchant, bill)
    refund_of(payment, "15.11")
    sweep()
    assert standing(bill) == (Decimal("15.11"), Decimal("15.11")), "of the 42.00 yuan"
