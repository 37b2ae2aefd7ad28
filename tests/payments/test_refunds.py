"""Refunds: asked by one, approved by another, paid once."""

import datetime
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from billing.models import CreditEntry
from billing.services.accounts.posting import allocate, post_credit, use_credit
from community.models import today
from core import books
from core.encryption import decrypt
from payments.models import PayoutVoucher, Receipt, Refund
from payments.services.giving_back import refunds
from payments.services.receiving.record import KeyConflict
from payments.signals import refund_changed
from tests.factories.billing import AccountFactory, CreditEntryFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_deposit, make_refund
from tests.payments.credit import account_with_credit, credit

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    return account_with_credit()


@pytest.fixture
def by():
    return StaffUserFactory.create()


# --- credit --------------------------------------------------------------------------------


def test_approved_it_is_taken_at_once_paid_it_has_a_voucher(account, by):
    refund = make_refund(account, "60.00")
    assert (refund.state, credit(account)) == ("requested", 100)
    refund = refunds.approve(refund.pk, by=by)
    assert (refund.state, credit(account)) == ("approved", 40)
    assert (refund.entry.amount, refund.entry.kind) == (Decimal("-60.00"), "refund")
    receipts = list(Receipt.objects.values())
    refund = refunds.pay_in_cash(refund.pk, by=by)
    assert (refund.state, refund.paid_on, credit(account)) == ("paid", today(), 40)
    assert refund.voucher.amount == Decimal("60.00")
    assert refund.voucher.code == f"F{today().year}000001"
    assert refund.voucher.approver_name == refund.voucher.handler_name == by.get_short_name()
    assert list(Receipt.objects.values()) == receipts
    assert books.verify().breaks == []


@pytest.mark.parametrize(
    ("undo", "state"),
    [
        (lambda pk, by: refunds.fail(pk, by=by, words="户名不符"), "failed"),
        (lambda pk, by: refunds.withdraw(pk, by=by, words="住户改主意"), "withdrawn"),
    ],
)
def test_what_falls_through_is_the_accounts_again(account, by, undo, state):
    refund = make_refund(account, "100.00", approved=True)
    assert credit(account) == 0
    refund = undo(refund.pk, by)
    assert (refund.state, credit(account)) == (state, 100)
    assert refund.given_back.reverses == refund.entry
    assert refunds.refundable(account.pk) == 100
    # It can be spent, and be asked for again.
    bill = make_bill("30.00", account=account, quarter=2)
    use_credit(account_ids=[account.pk])
    assert type(bill).objects.with_open().get(pk=bill.pk).open_amount == 0
    refunds.pay_in_cash(make_refund(account, "70.00", approved=True).pk, by=by)
    assert credit(account) == 0
    assert books.verify().breaks == []


def test_more_than_there_is_cannot_be_asked_for_nor_approved(account, by):
    with pytest.raises(refunds.NotEnough) as refused:
        make_refund(account, "100.01")
    assert refused.value.available == 100
    first, second = make_refund(account, "60.00"), make_refund(account, "60.00")
    refunds.approve(first.pk, by=by)
    with pytest.raises(refunds.NotEnough) as refused:
        refunds.approve(second.pk, by=by)
    assert refused.value.available == 40
    assert Refund.objects.get(pk=second.pk).state == "requested"


def test_what_was_never_paid_does_not_go_back(account):
    """A discount that is left over lessens the next bill, but nobody paid it."""
    CreditEntryFactory(account=account, kind=CreditEntry.Kind.DISCOUNT, amount=Decimal("30.00"))
    assert credit(account) == 130
    assert refunds.refundable(account.pk) == 100
    with pytest.raises(refunds.NotEnough):
        make_refund(account, "100.01")


def test_a_refund_lessens_the_credit_whichever_payment_it_came_from(account, by):
    """What an entry still has is not what may be spent: the account's credit bounds it."""
    refunds.approve(make_refund(account, "90.00").pk, by=by)
    bill = make_bill("50.00", account=account, quarter=2)
    (entry,) = CreditEntry.objects.filter(kind="payment")
    allocate(credit_entry=entry, bill_ids=[bill.pk])
    assert type(bill).objects.with_open().get(pk=bill.pk).open_amount == 40
    assert timezone.localdate(entry.created_at) == today()


def test_opening_credit_goes_back():
    account = AccountFactory()
    post_credit(
        account=account,
        kind=CreditEntry.Kind.OPENING,
        amount=Decimal("80.00"),
        value_date=today(),
    )
    assert refunds.refundable(account.pk) == 80


def test_who_asked_does_not_decide_not_even_by_sql(account):
    refund = make_refund(account)
    for decide in (refunds.approve, partial(refunds.reject, words="不")):
        with pytest.raises(refunds.SamePerson):
            decide(refund.pk, by=refund.requested_by)
    with (
        pytest.raises(IntegrityError, match="refund_decided_by_another"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE payments_refund SET state = 'rejected', decided_at = now(), "
            "decided_by_id = requested_by_id"
        )
    assert Refund.objects.get(pk=refund.pk).state == "requested"


@pytest.mark.parametrize("field", ["amount", "account_id", "reason", "method", "requested_by_id"])
def test_what_was_asked_is_never_changed(account, field):
    refund = make_refund(account)
    other = {
        "amount": 1,
        "account_id": AccountFactory().pk,
        "reason": "x",
        "method": "transfer",
        "requested_by_id": StaffUserFactory.create().pk,
    }
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Refund.objects.filter(pk=refund.pk).update(**{field: other[field]})


# --- transfers -----------------------------------------------------------------------------


def transfer(account, amount="50.00", **more):
    return make_refund(
        account,
        amount,
        method=Refund.Method.TRANSFER,
        payee_bank="建设银行",
        payee_account="6217 0000 1234 5678",
        **more,
    )


def test_a_transfer_is_recorded_with_the_banks_number(account, by):
    refund = transfer(account, approved=True)
    assert "6217" not in refund.payee_account
    assert decrypt(refund.payee_account) == "6217 0000 1234 5678"
    with pytest.raises(ValueError, match="cash"):
        refunds.pay_in_cash(refund.pk, by=by)
    with pytest.raises(ValueError, match="reference"):
        refunds.record_transfer(refund.pk, by=by, day=today(), reference=" ")
    for day in (today() + datetime.timedelta(days=1), today() - datetime.timedelta(days=1)):
        with pytest.raises(ValueError, match="between"):
            refunds.record_transfer(refund.pk, by=by, day=day, reference="T1")
    done = refunds.record_transfer(refund.pk, by=by, day=today(), reference="T1")
    assert (done.state, done.reference, done.voucher.amount) == ("paid", "T1", Decimal("50.00"))
    again = refunds.record_transfer(refund.pk, by=by, day=today(), reference="T1")
    assert again.voucher == done.voucher
    with pytest.raises(refunds.WrongState):
        refunds.record_transfer(refund.pk, by=by, day=today(), reference="T2")


def test_one_transfer_of_the_bank_pays_one_refund(account, by):
    first, second = (transfer(account, approved=True) for _ in range(2))
    refunds.record_transfer(first.pk, by=by, day=today(), reference="T1")
    with pytest.raises(refunds.ReferenceTaken):
        refunds.record_transfer(second.pk, by=by, day=today(), reference="T1")
    assert Refund.objects.get(pk=second.pk).state == "approved"
    assert PayoutVoucher.objects.count() == 1
    assert books.verify().breaks == []


def test_cash_is_no_transfer(account, by):
    refund = make_refund(account, approved=True)
    with pytest.raises(ValueError, match="reference"):
        refunds.record_transfer(refund.pk, by=by, day=today(), reference="T1")


# --- deposits ------------------------------------------------------------------------------


def test_a_deposit_goes_back_in_part_and_the_rest_is_kept_for_a_reason(account, by):
    deposit = make_deposit(account, "1000.00")
    refund = make_refund(account, "800.00", deposit=deposit, withheld="200.00")
    assert refunds.held_of(deposit) == 1000
    refunds.approve(refund.pk, by=by)
    assert refunds.held_of(deposit) == 0
    assert credit(account) == 100
    refund = refunds.pay_in_cash(refund.pk, by=by)
    assert refund.voucher.amount == 800
    assert refund.entry is None


def test_a_deposit_that_is_kept_whole_needs_no_pay_out(account, by):
    deposit = make_deposit(account, "1000.00")
    refund = make_refund(account, "0.00", deposit=deposit, withheld="1000.00")
    refund = refunds.approve(refund.pk, by=by)
    assert (refund.state, refunds.held_of(deposit)) == ("paid", 0)
    assert not PayoutVoucher.objects.exists()
    assert refunds.approve(refund.pk, by=by).state == "paid"


def test_a_deposit_whose_return_failed_is_held_again(account, by):
    deposit = make_deposit(account, "1000.00")
    refund = make_refund(account, "800.00", deposit=deposit, withheld="200.00", approved=True)
    refunds.fail(refund.pk, by=by, words="账号有误")
    assert refunds.held_of(deposit) == 1000
    assert books.verify().breaks == []


def test_more_than_is_held_is_refused(account, by):
    deposit = make_deposit(account, "1000.00")
    with pytest.raises(refunds.NotEnough):
        make_refund(account, "900.00", deposit=deposit, withheld="100.01")
    other = make_deposit(AccountFactory(), "1000.00")
    with pytest.raises(ValueError, match="another"):
        make_refund(account, "900.00", deposit=other)


# --- wrong input, twice --------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0.00"},
        {"amount": "-1.00"},
        {"amount": "1.005"},
        {"reason": " "},
        {"withheld": "1.00"},
        {"method": Refund.Method.TRANSFER},
    ],
)
def test_what_makes_no_sense_is_refused(account, wrong):
    with pytest.raises(ValueError, match=r"\w"):
        make_refund(account, **wrong)
    assert not Refund.objects.exists()


def test_the_same_form_twice_is_one_request(account):
    token, told = uuid.uuid4(), []

    def listen(sender, refund, **kwargs):
        told.append(refund.state)

    refund_changed.connect(listen)
    try:
        first = make_refund(account, token=token)
        assert make_refund(account, token=token) == first
    finally:
        refund_changed.disconnect(listen)
    assert told == ["requested"]
    with pytest.raises(KeyConflict):
        make_refund(account, "51.00", token=token)
