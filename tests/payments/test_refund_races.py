"""Two at one refund, or at one credit, at the same moment: the money is spent once."""

import threading
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from billing.models import Account, CreditEntry
from billing.services.accounts.posting import use_credit
from core import books
from payments.models import PayoutVoucher, Refund
from payments.services.giving_back import refunds
from tests.factories.billing import make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_deposit, make_refund
from tests.payments.credit import account_with_credit, credit
from tests.races import PATIENCE, errors_in, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    return account_with_credit()


@pytest.fixture
def by():
    return StaffUserFactory.create()


def test_two_approve_and_it_is_taken_once(account):
    refund = make_refund(account, "60.00")
    both = [StaffUserFactory.create() for _ in range(2)]
    outcomes = together(*(partial(refunds.approve, refund.pk, by=one) for one in both))
    assert errors_in(outcomes) == []
    assert credit(account) == 40
    assert CreditEntry.objects.filter(kind="refund").count() == 1


def test_one_approves_while_another_rejects(account, by):
    refund = make_refund(account, "60.00")
    outcomes = together(
        partial(refunds.approve, refund.pk, by=by),
        partial(refunds.reject, refund.pk, by=StaffUserFactory.create(), words="不"),
    )
    (error,) = errors_in(outcomes)
    assert isinstance(error, refunds.WrongState)
    state = Refund.objects.get(pk=refund.pk).state
    assert (state, credit(account)) in {("approved", 40), ("rejected", 100)}


def test_two_refunds_of_one_credit(account, by):
    asked = [make_refund(account, "60.00") for _ in range(2)]
    outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
    (error,) = errors_in(outcomes)
    assert isinstance(error, refunds.NotEnough)
    assert credit(account) == 40


def test_a_refund_against_the_next_bills_use_of_the_credit(account, by):
    """Whoever comes first has the credit; it is never spent twice."""
    bill = make_bill("100.00", account=account, quarter=2)
    refund = make_refund(account, "100.00")

    def use():
        with transaction.atomic():
            return use_credit(account_ids=[account.pk])

    outcomes = together(partial(refunds.approve, refund.pk, by=by), use)
    now = Account.objects.with_balance().get(pk=account.pk)
    assert now.credit == 0
    if errors_in(outcomes):
        assert now.owed == 0
        assert Refund.objects.get(pk=refund.pk).state == "requested"
    else:
        assert now.owed == bill.amount
    assert books.verify().breaks == []


def test_two_pay_out_and_there_is_one_voucher(account, by):
    refund = make_refund(account, "60.00", approved=True)
    outcomes = together(*[partial(refunds.pay_in_cash, refund.pk, by=by)] * 3)
    assert errors_in(outcomes) == []
    assert PayoutVoucher.objects.count() == 1


def test_one_pays_out_while_another_takes_it_back(account, by):
    refund = make_refund(account, "60.00", approved=True)
    outcomes = together(
        partial(refunds.pay_in_cash, refund.pk, by=by),
        partial(refunds.withdraw, refund.pk, by=by),
    )
    (error,) = errors_in(outcomes)
    assert isinstance(error, refunds.WrongState)
    state = Refund.objects.get(pk=refund.pk).state
    assert (state, credit(account)) in {("paid", 40), ("withdrawn", 100)}
    assert books.verify().breaks == []


def test_two_returns_of_one_deposit(account, by):
    deposit = make_deposit(account, "1000.00")
    asked = [make_refund(account, "600.00", deposit=deposit) for _ in range(2)]
    outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
    (error,) = errors_in(outcomes)
    assert isinstance(error, refunds.NotEnough)
    assert refunds.held_of(deposit) == 400


def test_without_the_locks_the_deposits_trigger_refuses_one(account, by, monkeypatch):
    """Both have read that 1000 is held before either takes."""
    deposit = make_deposit(account, "1000.00")
    asked = [make_refund(account, "600.00", deposit=deposit) for _ in range(2)]
    both_have_read = threading.Barrier(2)
    take = refunds.take_from_deposit

    def take_together(refund, deposit):
        both_have_read.wait(PATIENCE)
        take(refund, deposit)

    def unlocked(refund_id):
        return Refund.objects.select_related("deposit", "account").get(pk=refund_id)

    monkeypatch.setattr(refunds, "locked", unlocked)
    monkeypatch.setattr(refunds, "take_from_deposit", take_together)
    outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
    (error,) = errors_in(outcomes)
    assert isinstance(error, IntegrityError)
    assert "more would be taken from a deposit than is held" in str(error)
