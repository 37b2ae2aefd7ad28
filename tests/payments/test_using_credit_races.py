"""Credit is used while somebody issues, pays, or takes it back: spent once, and the books hold."""

import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction

from billing.models import Account, Allocation
from billing.services.accounts.posting import use_credit
from core import books
from payments.models import CreditUse, Payment
from payments.services.giving_back import refunds
from payments.services.receiving.counter import collect
from payments.services.using_credit import prospects, use_credit_now
from tests.billing.small import Q2, issue, opening_balances, small_community
from tests.factories.billing import make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_payment, make_refund
from tests.payments.credit import account_with_credit, credit
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account():
    """100 yuan of credit beside an open bill of 80."""
    found = account_with_credit()
    make_bill("80.00", account=found, quarter=2)
    return found


@pytest.fixture
def by():
    return StaffUserFactory.create()


def press(account, by, token=None):
    return partial(use_credit_now, account_ids=[account.pk], by=by, token=token or uuid.uuid4())


def sound(account):
    assert books.verify().breaks == []
    return Account.objects.with_balance().get(pk=account.pk)


def test_two_presses_of_one_form_and_two_forms(account, by):
    token = uuid.uuid4()
    outcomes = together(press(account, by, token), press(account, by, token), press(account, by))
    assert errors_in(outcomes) == []
    assert CreditUse.objects.count() == 1
    assert sound(account).credit == 20


def test_the_button_while_the_desk_takes_the_money(account, by):
    """The bill takes 80 in all: from the drawer, or from the credit and nobody pays."""
    bill = account.bills.order_by("-pk").first()
    take = partial(
        collect,
        community=account.community,
        account=account,
        bill_ids=[bill.pk],
        amount=Decimal("80.00"),
        method=Payment.Method.CASH,
        token=uuid.uuid4(),
        clerk=by,
    )
    outcomes = together(press(account, by), take)
    now = sound(account)
    assert now.owed == 0
    # Either the credit was used and the desk refused the money, or the credit is as it was.
    assert (now.credit, len(errors_in(outcomes))) in {(20, 1), (100, 0)}


def test_the_button_while_the_rules_use_it(account, by):
    def at_issue():
        with transaction.atomic():
            return use_credit(account_ids=[account.pk])

    outcomes = together(press(account, by), at_issue)
    assert errors_in(outcomes) == []
    assert sound(account).credit == 20
    assert sum(one.amount for one in Allocation.objects.filter(charge__bill__due_on__month=5)) == 80


def test_the_button_while_a_run_is_issued(by):
    community = small_community()
    issue(community)
    account = Account.objects.get(unit__code="1-1-101")
    opening = "1,1,101,业主0,,预存,2024-01-01,2024-12-31,2024-02-15,-900.00"
    opening_balances(community, opening, new_items=["预存"])
    outcomes = together(press(account, by), partial(issue, community, **Q2))
    assert errors_in(outcomes) == []
    now = sound(account)
    assert (now.credit, now.owed) == (0, 729 * 2 - 900)


def test_the_button_while_a_refund_is_approved(account, by):
    """What is asked back stays whole, whoever comes first."""
    refund = make_refund(account, "60.00")
    outcomes = together(press(account, by), partial(refunds.approve, refund.pk, by=by))
    assert errors_in(outcomes) == []
    assert sound(account).owed == 40
    assert credit(account) == 0


def test_the_button_while_a_refund_is_asked_for(account, by):
    outcomes = together(press(account, by), partial(make_refund, account, "60.00"))
    now = sound(account)
    refused = [type(error) for error in errors_in(outcomes)]
    assert (refused, now.credit) in [([refunds.NotEnough], 20), ([], 60)]


def test_a_page_does_not_wait_for_whoever_holds_the_account(account):
    """Another connection holds the lock longer than a page waits: it says what is certain."""
    held = Account.objects.with_balance().select_related("unit").get(pk=account.pk)

    def look():
        return prospects([held])

    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        ((found,),) = together(look)
    assert (found.free, found.used, found.left) == (100, None, None)
    ((found,),) = together(look)
    assert (found.used, found.left, found.stays) == (80, 0, 20)


def test_money_paid_twice_at_the_same_moment_as_the_button(account, by):
    bill = account.bills.order_by("-pk").first()
    outcomes = together(press(account, by), partial(make_payment, bill))
    assert errors_in(outcomes) == []
    now = sound(account)
    assert (now.owed, now.credit) == (0, 100)
