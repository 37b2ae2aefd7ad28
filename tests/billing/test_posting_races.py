"""Two settle one bill at one moment: the service's lock orders them, the triggers stand behind."""

import datetime
import threading
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from billing.models import Account, Allocation, Bill, CreditEntry
from billing.services.accounts import posting, settling
from tests.factories.billing import AccountFactory, CreditEntryFactory, make_bill
from tests.races import PATIENCE, errors_in, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bill():
    return make_bill("100.00", account=AccountFactory())


@pytest.fixture
def two_entries(bill):
    return [CreditEntryFactory(account=bill.account, amount=Decimal("100.00")) for _ in range(2)]


def allocate(entry):
    with transaction.atomic():
        return posting.allocate(credit_entry=entry)


def pay(account):
    with transaction.atomic():
        entry = posting.post_credit(
            account=account,
            kind=CreditEntry.Kind.PAYMENT,
            amount=Decimal("60.00"),
            value_date=datetime.date(2026, 2, 1),
        )
        posting.allocate(credit_entry=entry)


def test_the_service_settles_once_and_never_meets_the_trigger(bill, two_entries):
    outcomes = together(*(partial(allocate, entry) for entry in two_entries))
    assert errors_in(outcomes) == []
    assert sorted(len(made) for made in outcomes) == [0, 1]
    assert Bill.objects.with_open().get(pk=bill.pk).open_amount == 0


def test_without_the_lock_both_would_settle_and_the_trigger_refuses_one(
    bill, two_entries, monkeypatch
):
    """Both threads have read that 100 is open before either writes."""
    both_have_read = threading.Barrier(2)
    write = settling._write

    def write_together(plan, posted):
        both_have_read.wait(PATIENCE)
        return write(plan, posted)

    monkeypatch.setattr(posting, "lock_accounts", lambda account_ids: None)
    monkeypatch.setattr(settling, "_write", write_together)
    outcomes = together(*(partial(allocate, entry) for entry in two_entries))
    (error,) = errors_in(outcomes)
    assert isinstance(error, IntegrityError)
    assert "settled by more than its amount" in str(error)
    assert Allocation.objects.count() == 1


def test_many_payments_at_once_leave_true_books(bill):
    account = bill.account
    second = make_bill("70.00", account=account, quarter=2)
    outcomes = together(*(partial(pay, account) for _ in range(6)))
    assert errors_in(outcomes) == []
    now = Account.objects.with_balance().get(pk=account.pk)
    assert now.owed == 0
    assert now.credit == Decimal("190.00")
    assert Bill.objects.with_open().get(pk=second.pk).open_amount == 0


def test_credit_is_used_once_by_two_runs(bill):
    CreditEntryFactory(account=bill.account, amount=Decimal("30.00"))

    def use():
        with transaction.atomic():
            return posting.use_credit(account_ids=[bill.account_id])

    outcomes = together(use, use)
    assert errors_in(outcomes) == []
    assert sum(outcomes) == Decimal("30.00")
