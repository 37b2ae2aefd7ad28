"""Refunds: asked by one, approved by another, paid once; the money is spent once."""

import datetime
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from billing.models import Account, CreditEntry
from billing.services.accounts.posting import allocate, credit_of, post_credit, use_credit
from community.models import today
from core import books
from core.encryption import decrypt
from payments.models import PayoutVoucher, Receipt, Refund
from payments.services import refunds
from payments.services.record import KeyConflict
from payments.signals import refund_changed
from tests.factories.billing import AccountFactory, CreditEntryFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_deposit, make_payment, make_refund
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = Refund.State


@pytest.fixture
def account():
    """100 yuan of credit."""
    bill = make_bill("20.00")
    make_payment(bill, amount="120.00")
    return bill.account


@pytest.fixture
def by():
    return StaffUserFactory.create()


def credit(account):
    return credit_of([account.pk]).get(account.pk, 0)


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


# --- every pair of states ------------------------------------------------------------------

MOVES = {
    State.APPROVED: lambda pk, by: refunds.approve(pk, by=by),
    State.REJECTED: lambda pk, by: refunds.reject(pk, by=by, words="不退"),
    State.WITHDRAWN: lambda pk, by: refunds.withdraw(pk, by=by),
    State.FAILED: lambda pk, by: refunds.fail(pk, by=by, words="账号有误"),
    State.PAID: lambda pk, by: refunds.pay_in_cash(pk, by=by),
}
WAYS = {
    State.REQUESTED: [],
    State.APPROVED: [State.APPROVED],
    State.REJECTED: [State.REJECTED],
    State.WITHDRAWN: [State.WITHDRAWN],
    State.FAILED: [State.APPROVED, State.FAILED],
    State.PAID: [State.APPROVED, State.PAID],
}


@pytest.mark.parametrize("goal", MOVES)
@pytest.mark.parametrize("start", WAYS)
def test_every_pair_of_states(account, by, start, goal):
    refund = make_refund(account)
    for step in WAYS[start]:
        MOVES[step](refund.pk, by)
    before = credit(account)
    if goal == start:  # done already: quietly nothing
        assert MOVES[goal](refund.pk, by).state == goal
        assert credit(account) == before
    elif goal in Refund.TRANSITIONS[start]:
        assert MOVES[goal](refund.pk, by).state == goal
    else:
        with pytest.raises(refunds.WrongState) as refused:
            MOVES[goal](refund.pk, by)
        assert refused.value.state == start
        assert Refund.objects.get(pk=refund.pk).state == start
        assert credit(account) == before
    assert books.verify().breaks == []


# --- at the same moment --------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    def test_two_approve_and_it_is_taken_once(self, account):
        refund = make_refund(account, "60.00")
        both = [StaffUserFactory.create() for _ in range(2)]
        outcomes = together(*(partial(refunds.approve, refund.pk, by=one) for one in both))
        assert errors_in(outcomes) == []
        assert credit(account) == 40
        assert CreditEntry.objects.filter(kind="refund").count() == 1

    def test_one_approves_while_another_rejects(self, account, by):
        refund = make_refund(account, "60.00")
        outcomes = together(
            partial(refunds.approve, refund.pk, by=by),
            partial(refunds.reject, refund.pk, by=StaffUserFactory.create(), words="不"),
        )
        (error,) = errors_in(outcomes)
        assert isinstance(error, refunds.WrongState)
        state = Refund.objects.get(pk=refund.pk).state
        assert (state, credit(account)) in {("approved", 40), ("rejected", 100)}

    def test_two_refunds_of_one_credit(self, account, by):
        asked = [make_refund(account, "60.00") for _ in range(2)]
        outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
        (error,) = errors_in(outcomes)
        assert isinstance(error, refunds.NotEnough)
        assert credit(account) == 40

    def test_a_refund_against_the_next_bills_use_of_the_credit(self, account, by):
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

    def test_two_pay_out_and_there_is_one_voucher(self, account, by):
        refund = make_refund(account, "60.00", approved=True)
        outcomes = together(*[partial(refunds.pay_in_cash, refund.pk, by=by)] * 3)
        assert errors_in(outcomes) == []
        assert PayoutVoucher.objects.count() == 1

    def test_one_pays_out_while_another_takes_it_back(self, account, by):
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

    def test_two_returns_of_one_deposit(self, account, by):
        deposit = make_deposit(account, "1000.00")
        asked = [make_refund(account, "600.00", deposit=deposit) for _ in range(2)]
        outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
        (error,) = errors_in(outcomes)
        assert isinstance(error, refunds.NotEnough)
        assert refunds.held_of(deposit) == 400

    def test_without_the_locks_the_deposits_trigger_refuses_one(self, account, by, monkeypatch):
        """Both have read that 1000 is held before either takes."""
        import threading

        from tests.races import PATIENCE

        deposit = make_deposit(account, "1000.00")
        asked = [make_refund(account, "600.00", deposit=deposit) for _ in range(2)]
        both_have_read = threading.Barrier(2)
        take = refunds._take_from_deposit

        def take_together(refund, deposit):
            both_have_read.wait(PATIENCE)
            take(refund, deposit)

        def unlocked(refund_id):
            return Refund.objects.select_related("deposit", "account").get(pk=refund_id)

        monkeypatch.setattr(refunds, "_locked", unlocked)
        monkeypatch.setattr(refunds, "_take_from_deposit", take_together)
        outcomes = together(*(partial(refunds.approve, one.pk, by=by) for one in asked))
        (error,) = errors_in(outcomes)
        assert isinstance(error, IntegrityError)
        assert "more would be taken from a deposit than is held" in str(error)


# --- any events in any order ---------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Payments, bills and refunds in any order: no fen is lost, none is spent twice."""

    @initialize()
    def begin(self):
        self.account = AccountFactory()
        self.asked, self.quarter = [], 0
        self.paid_in = self.paid_out = 0
        self.by = StaffUserFactory.create()

    @rule(fen=st.integers(1, 20_000))
    def pay(self, fen):
        amount = Decimal(fen) / 100
        self.quarter += 1
        bill = make_bill("0.01", account=self.account, year=2000 + self.quarter)
        make_payment(bill, amount=amount)
        self.paid_in += amount

    @rule(fen=st.integers(1, 20_000))
    def bill(self, fen):
        self.quarter += 1
        make_bill(Decimal(fen) / 100, account=self.account, year=2000 + self.quarter)
        use_credit(account_ids=[self.account.pk])

    @rule(fen=st.integers(1, 20_000))
    def ask(self, fen):
        amount = Decimal(fen) / 100
        try:
            self.asked.append(make_refund(self.account, amount).pk)
        except refunds.NotEnough:
            return

    @rule(which=st.integers(0, 50), move=st.sampled_from(list(MOVES)))
    def go_on(self, which, move):
        if not self.asked:
            return
        pk = self.asked[which % len(self.asked)]
        before = Refund.objects.get(pk=pk)
        try:
            after = MOVES[move](pk, self.by)
        except (refunds.WrongState, refunds.NotEnough):
            return
        if after.state == "paid" and before.state != "paid":
            self.paid_out += after.amount

    @invariant()
    def nothing_is_lost(self):
        if not hasattr(self, "account"):
            return
        now = Account.objects.with_balance().get(pk=self.account.pk)
        waiting = sum(r.amount for r in Refund.objects.filter(account=now, state="approved"))
        assert now.credit >= 0
        assert now.credited == self.paid_in - self.paid_out - waiting
        assert books.verify().breaks == []


class TestAnyOrder(TestCase):
    def test_any_events_in_any_order(self):
        run_state_machine_as_test(
            AnyOrder, settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
        )


def test_a_refund_lessens_the_credit_whichever_payment_it_came_from(account, by):
    """What an entry still has is not what may be spent: the account's credit bounds it."""
    refunds.approve(make_refund(account, "90.00").pk, by=by)
    bill = make_bill("50.00", account=account, quarter=2)
    (entry,) = CreditEntry.objects.filter(kind="payment")
    allocate(credit_entry=entry, bill_ids=[bill.pk])
    assert type(bill).objects.with_open().get(pk=bill.pk).open_amount == 40
    assert timezone.localdate(entry.created_at) == today()
