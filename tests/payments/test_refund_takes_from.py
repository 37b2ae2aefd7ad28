"""A refund of a payment takes what that payment brought: later money settles, and can go back."""

from decimal import Decimal
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from billing.models import CreditEntry
from billing.services.accounts.posting import use_credit
from core import books
from payments.models import OrderBill, Refund
from payments.services.giving_back import refunds
from payments.services.giving_back.undoing import refundable_of
from payments.services.receiving.record import Share
from payments.services.using_credit import free_credit_of
from tests.factories.billing import AccountFactory, CreditEntryFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import PaymentOrderFactory, make_payment, make_refund

pytestmark = pytest.mark.django_db

migration = import_module("payments.migrations.0023_refunds_name_what_they_take_from")


def prepaid(bill, amount):
    """An online payment that is all credit."""
    shares = [Share(bill.account_id, Decimal(amount), ())]
    community = bill.account.community
    order = PaymentOrderFactory.create(community=community, amount=amount, state="paid")
    OrderBill.objects.create(order=order, bill=bill, amount=amount)
    return make_payment(bill, amount=amount, shares=shares, method="wechat", order=order)


def approved(payment, amount):
    account = payment.postings.get().credit_entry.account
    of_it = {"payment": payment, "method": Refund.Method.ORIGINAL}
    return make_refund(account, amount, approved=True, **of_it)


def used_of(payment):
    allocations = payment.postings.get().credit_entry.allocations
    return sum(allocations.values_list("amount", flat=True))


@pytest.fixture
def bill():
    return make_bill("50.00")


def test_a_later_payment_can_go_back_after_an_earlier_one_went(bill):
    first = prepaid(bill, "100.00")
    approved(first, "100.00")
    second = prepaid(bill, "50.00")
    assert use_credit(account_ids=[bill.account_id]) == 50
    assert (used_of(first), used_of(second)) == (0, 50)
    assert refundable_of(second, bill.account_id) == 50
    approved(second, "50.00")
    assert not bill.charges.get().allocations.filter(undoes=None, undone_by=None).exists()
    assert books.verify().breaks == []


def test_what_stays_of_the_earlier_one_settles_first(bill):
    first = prepaid(bill, "100.00")
    approved(first, "70.00")
    second = prepaid(bill, "50.00")
    use_credit(account_ids=[bill.account_id])
    assert (used_of(first), used_of(second)) == (30, 20)
    assert refundable_of(first, bill.account_id) == 30
    assert refundable_of(second, bill.account_id) == 50


def test_what_a_refund_gave_back_settles_again(bill):
    first = prepaid(bill, "100.00")
    refund = approved(first, "100.00")
    second = prepaid(bill, "50.00")
    refunds.withdraw(refund.pk, by=StaffUserFactory.create())
    use_credit(account_ids=[bill.account_id])
    assert (used_of(first), used_of(second)) == (50, 0)
    assert refundable_of(first, bill.account_id) == 100
    assert refundable_of(second, bill.account_id) == 50


def test_refunds_from_before_are_named_by_the_migration(bill):
    first = prepaid(bill, "100.00")
    kept = approved(first, "60.00")
    back = refunds.withdraw(approved(first, "40.00").pk, by=StaffUserFactory.create())
    of_credit = make_refund(bill.account, "5.00", approved=True)
    named = set(CreditEntry.objects.exclude(takes_from=None))
    assert named == {kept.entry, back.entry, back.given_back}
    with pgtrigger.ignore("billing.CreditEntry:append_only"):
        CreditEntry.objects.update(takes_from=None)
    assert len(books.verify().breaks) == 2
    migration.name_what_they_take_from(apps, None)
    assert books.verify().breaks == []
    assert set(CreditEntry.objects.exclude(takes_from=None)) == named
    of_credit.entry.refresh_from_db()
    assert of_credit.entry.takes_from is None


def test_what_settled_after_it_went_frees_nothing_else_that_is_asked_back(bill):
    """As it could before refunds named what they take from."""
    first = prepaid(bill, "100.00")
    approved(first, "70.00")
    with pgtrigger.ignore("billing.CreditEntry:append_only"):
        CreditEntry.objects.update(takes_from=None)
    prepaid(bill, "50.00")
    use_credit(account_ids=[bill.account_id])
    assert used_of(first) == 50
    migration.name_what_they_take_from(apps, None)
    make_refund(bill.account, "30.00", payment=first, method=Refund.Method.ORIGINAL)
    assert free_credit_of([bill.account_id]) == {bill.account_id: 30}
    assert books.verify().breaks == []


def test_nothing_but_a_refund_takes_from_an_entry():
    entry = CreditEntryFactory.create(account=AccountFactory.create(), amount="9.00")
    with pytest.raises(IntegrityError, match="credit_entry_refund_takes"), transaction.atomic():
        CreditEntryFactory.create(account=entry.account, amount="1.00", takes_from=entry)
