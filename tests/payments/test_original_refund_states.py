"""Refunds the way the money came: every pair of states."""

import pytest

from core import books
from payments.models import Refund
from payments.providers.base import (
    ProviderRefund,
    RefundState,
)
from payments.services.giving_back import refunds
from payments.services.online import original_refunds
from tests.factories.community import StaffUserFactory
from tests.payments.online import paid
from tests.payments.sent_refunds import asked, now

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = Refund.State


@pytest.fixture
def payment(merchant, bill):
    return paid(merchant, bill)


def done(pk, state):
    number = Refund.objects.get(pk=pk).out_refund_no
    return original_refunds.record(pk, ProviderRefund(number, state))


MOVES = {
    State.APPROVED: lambda pk, by: refunds.approve(pk, by=by),
    State.REJECTED: lambda pk, by: refunds.reject(pk, by=by, words="不退"),
    State.WITHDRAWN: lambda pk, by: refunds.withdraw(pk, by=by),
    State.PROCESSING: lambda pk, by: original_refunds.send(pk),
    State.PAID: lambda pk, by: done(pk, RefundState.DONE),
    State.FAILED: lambda pk, by: done(pk, RefundState.FAILED),
}
WAYS = {
    State.REQUESTED: [],
    State.APPROVED: [State.APPROVED],
    State.REJECTED: [State.REJECTED],
    State.WITHDRAWN: [State.WITHDRAWN],
    State.PROCESSING: [State.APPROVED, State.PROCESSING],
    State.PAID: [State.APPROVED, State.PROCESSING, State.PAID],
    State.FAILED: [State.APPROVED, State.PROCESSING, State.FAILED],
}
# What a provider says of a refund that was never sent is refused, though PAID and FAILED may follow
# APPROVED where a person pays out; what is over stays over, whatever it says later.
REFUSED = {(State.APPROVED, State.PAID), (State.APPROVED, State.FAILED)}
QUIET = {(State.PAID, State.FAILED), (State.FAILED, State.PAID)} | {
    (start, State.PROCESSING) for start in State if start not in (State.APPROVED, State.PROCESSING)
}


@pytest.mark.parametrize("goal", MOVES)
@pytest.mark.parametrize("start", WAYS)
def test_every_pair_of_states(merchant, payment, monkeypatch, start, goal):
    monkeypatch.setattr(refunds, "ring", lambda *args: None)  # not sent by itself
    merchant.faults(hold_refunds=True)
    by = StaffUserFactory()
    refund = asked(payment, "7.00", approved=False)
    for step in WAYS[start]:
        MOVES[step](refund.pk, by)
    assert now(refund) == start
    if goal == start or (start, goal) in QUIET:
        assert MOVES[goal](refund.pk, by).state == start
    elif goal in Refund.TRANSITIONS[start] and (start, goal) not in REFUSED:
        assert MOVES[goal](refund.pk, by).state == goal
    else:
        with pytest.raises(refunds.WrongState):
            MOVES[goal](refund.pk, by)
        assert now(refund) == start
    assert books.verify().breaks == []
