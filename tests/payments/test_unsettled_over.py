"""Money paid twice asks for somebody while its refund does, and no longer."""

from typing import Any

import pytest
from django.utils import timezone, translation

from payments.models import PaymentOrder, Refund
from payments.services.giving_back import refund_steps, refunds
from payments.services.online import original_refunds, paid_twice
from payments.services.online.looking import looked_at
from payments.unsettled import orders as unsettled
from payments.unsettled import reasons
from portal.services.figures import exceptions_waiting
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.payments.test_unsettled import refused

pytestmark = pytest.mark.django_db
State = Refund.State


@pytest.fixture(autouse=True)
def in_english() -> Any:
    with translation.override("en"):
        yield


@pytest.fixture
def order(bill: Any) -> PaymentOrder:
    made = make_order(bill, state="paid", problem=paid_twice.ASKED)
    make_payment(bill)
    make_payment(bill, order=made, method="wechat")
    return made


def ask(order: PaymentOrder, **of_refund: Any) -> Refund:
    of_it: dict[str, Any] = {
        "payment": order.payment,
        "method": Refund.Method.ORIGINAL,
        "by": None,
    }
    account = order.lines.get().bill.account
    return make_refund(account, order.amount, **(of_it | of_refund))


def reasons_of(order: PaymentOrder) -> list[str]:
    """Why it waits, as the accountant reads it; nothing where it does not."""
    waiting = unsettled.unsettled_orders(order.community).select_related("payment")
    assert exceptions_waiting(order.community)["payments"] == len(waiting)
    return [str(reason.plain) for one in unsettled.explain(waiting) for reason in one.reasons]


def approve(refund: Refund) -> Refund:
    return refunds.approve(refund.pk, by=StaffUserFactory.create())


def test_once_its_refund_is_under_way_and_paid_out_nothing_asks(order: PaymentOrder) -> None:
    refund = ask(order)
    assert "please approve or reject" in reasons_of(order)[0]
    approve(refund)
    assert reasons_of(order) == []
    refund = original_refunds._claim(refund.pk)[0]
    assert reasons_of(order) == []
    refund_steps.pay(refund, by=None, day=timezone.localdate())
    assert reasons_of(order) == []
    assert list(unsettled.looked_at_orders(order.community)) == []


@pytest.mark.parametrize("end", ["reject", "withdraw"])
def test_kept_by_decision_it_asks_nobody(order: PaymentOrder, end: str) -> None:
    refund = ask(order)
    getattr(refunds, end)(refund.pk, by=StaffUserFactory.create(), words="抵下期")
    assert reasons_of(order) == []


def test_one_that_the_provider_could_not_do_asks_until_it_went_another_way(
    order: PaymentOrder,
) -> None:
    refund = original_refunds._claim(approve(ask(order)).pk)[0]
    original_refunds._note(refund.pk, "it cannot reach the payer", stop=True)
    (why,) = reasons_of(order)
    assert "approve" not in why
    assert "what is left to do" in why
    refunds.fail(refund.pk, by=StaffUserFactory.create(), words="账户已注销")
    assert len(reasons_of(order)) == 1
    refund.refresh_from_db()
    way: dict[str, Any] = {
        "payment": None,
        "method": "transfer",
        "payee_account": "62170000",
        "by": StaffUserFactory.create(),
        "instead_of": refund,
    }
    other = ask(order, **way)
    assert "approve or reject" in reasons_of(order)[0]
    approve(other)
    assert len(reasons_of(order)) == 1, "the bank has to be told"
    day = timezone.localdate()
    refunds.record_transfer(other.pk, by=StaffUserFactory.create(), day=day, reference="T1")
    assert reasons_of(order) == []


def test_what_was_kept_asks_until_somebody_asked_for_it_and_it_was_decided(
    order: PaymentOrder,
) -> None:
    PaymentOrder.objects.filter(pk=order.pk).update(problem=paid_twice.KEPT)
    assert "ask the payer" in reasons_of(order)[0]
    refund = ask(order, by=StaffUserFactory.create())
    assert "ask the payer" not in reasons_of(order)[0]
    approve(refund)
    assert reasons_of(order) == []


def test_a_message_that_does_not_fit_asks_all_the_same(order: PaymentOrder) -> None:
    approve(ask(order))
    refused(order, "it says paid, 60.00 yuan; asked 344.12")
    assert len(reasons_of(order)) == 2
    by, now = StaffUserFactory.create(), timezone.now()
    looked_at(order=order, by=by, words="查过", problem="", seen_at=now)
    assert reasons_of(order) == []


def test_other_problems_are_not_over_with_a_refund(order: PaymentOrder) -> None:
    PaymentOrder.objects.filter(pk=order.pk).update(problem="paid after it was closed")
    approve(ask(order))
    assert len(reasons_of(order)) == 1
    assert reasons.meaning_of("paid after it was closed", order).kind == "late"
