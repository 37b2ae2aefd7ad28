"""Every pair of a refund's states, and any events in any order: no fen is lost."""

from decimal import Decimal

import pytest
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

from billing.models import Account
from billing.services.accounts.posting import use_credit
from core import books
from payments.models import Refund
from payments.services.giving_back import refunds
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_payment, make_refund
from tests.payments.credit import account_with_credit, credit

pytestmark = pytest.mark.django_db
State = Refund.State


@pytest.fixture
def account():
    return account_with_credit()


@pytest.fixture
def by():
    return StaffUserFactory.create()


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
