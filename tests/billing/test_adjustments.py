"""Adjustments: two people, one posting, never more than there is; every step from every state."""

import datetime
import itertools
import threading
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from billing.models import Account, Adjustment, Bill, Charge, CreditEntry
from billing.services.accounts import adjustments
from billing.services.accounts.adjustment_requests import (
    request_adjustment,
    request_extra_charge,
    request_late_fee_waiver,
)
from billing.services.accounts.adjustments import TooMuch, approve, reject, withdraw
from billing.services.accounts.late_fees import accrued, standings
from billing.services.accounts.posting import Credit, Portion, post_credits
from community.models import today
from community.services.decisions import AlreadyDecided, NotOwn, ReasonMissing, SamePerson
from tests.factories.billing import AccountFactory, FeeItemFactory, LateFeePolicyFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.races import PATIENCE, errors_in, together

pytestmark = pytest.mark.django_db
State, Kind = Adjustment.State, Adjustment.Kind


@pytest.fixture
def clerk():
    return StaffUserFactory()


@pytest.fixture
def manager():
    return StaffUserFactory()


@pytest.fixture
def bill():
    return make_bill("100.00", "40.00")


def line(bill, position=1):
    return bill.charges.get(fee_item__position=position)


def ask(bill, by, yuan="30.00", kind=Kind.WAIVER, **changed):
    wanted = {
        "kind": kind,
        "charge": line(bill),
        "amount": Decimal(yuan),
        "reason": "电梯停运",
        "by": by,
        "form_token": uuid.uuid4(),
        "evidence_note": "档案 2026-14",
    }
    return request_adjustment(**(wanted | changed))


def pay(account, yuan, day=datetime.date(2026, 2, 1)):
    post_credits([Credit(account.pk, CreditEntry.Kind.PAYMENT, day, (Portion(Decimal(yuan)),))])


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def credit(account):
    return Account.objects.with_balance().get(pk=account.pk).credit


@pytest.mark.parametrize("kind", [Kind.WAIVER, Kind.DISCOUNT, Kind.WRITE_OFF])
def test_approved_it_settles_exactly_that_line(bill, clerk, manager, kind):
    asked = ask(bill, clerk, kind=kind)
    assert still_open(bill) == Decimal("140.00"), "asking posts nothing"
    done = approve(adjustment=asked, by=manager)
    (entry,) = done.credit_entries.all()
    assert (entry.kind, entry.amount, entry.charge) == (kind, Decimal("30.00"), line(bill))
    assert Charge.objects.with_open().get(pk=line(bill).pk).open_amount == Decimal("70.00")
    assert (done.state, done.decided_by) == (State.APPROVED, manager)


def test_of_a_paid_line_the_money_becomes_credit(bill, clerk, manager):
    pay(bill.account, "110.00")
    approve(adjustment=ask(bill, clerk, "100.00"), by=manager)
    assert still_open(bill) == Decimal("30.00"), "the other line is as it was"
    assert credit(bill.account) == Decimal("100.00")


def test_of_a_partly_paid_line_what_is_open_goes_first(bill, clerk, manager):
    pay(bill.account, "60.00")
    approve(adjustment=ask(bill, clerk, "55.00"), by=manager)
    entries = CreditEntry.objects.filter(kind=CreditEntry.Kind.WAIVER).order_by("amount")
    assert [(e.amount, e.value_date) for e in entries] == [
        (Decimal("15.00"), datetime.date(2026, 2, 1)),
        (Decimal("40.00"), today()),
    ]
    assert credit(bill.account) == Decimal("15.00")
    assert still_open(bill) == Decimal("40.00")


def test_waiving_what_was_paid_in_time_brings_no_late_fee(bill, clerk, manager):
    LateFeePolicyFactory(community=bill.account.community)
    pay(bill.account, "140.00", bill.due_on)
    approve(adjustment=ask(bill, clerk, "100.00"), by=manager)
    assert accrued(bill_ids=[bill.pk], on=today()) == {}


def test_never_more_than_the_line_was(bill, clerk, manager):
    with pytest.raises(TooMuch) as refused:
        ask(bill, clerk, "100.01")
    assert refused.value.left == Decimal("100.00")
    first = ask(bill, clerk, "60.00")
    with pytest.raises(TooMuch) as refused:
        ask(bill, clerk, "40.01")
    assert refused.value.left == Decimal("40.00"), "what waits counts as taken"
    approve(adjustment=first, by=manager)
    approve(adjustment=ask(bill, clerk, "40.00"), by=manager)
    assert Charge.objects.with_open().get(pk=line(bill).pk).open_amount == 0


def test_a_write_off_never_gives_money_back(bill, clerk, manager):
    asked = ask(bill, clerk, "100.00", kind=Kind.WRITE_OFF)
    pay(bill.account, "1.00")
    with pytest.raises(TooMuch) as refused:
        approve(adjustment=asked, by=manager)
    assert refused.value.left == Decimal("99.00")
    asked.refresh_from_db()
    assert asked.state == State.REQUESTED
    assert still_open(bill) == Decimal("139.00")


def test_an_extra_charge_stands_beside_the_bills(clerk, manager):
    account = AccountFactory()
    item = FeeItemFactory(community=account.community, name="门禁卡补办")
    due = today() + datetime.timedelta(days=10)
    asked = request_extra_charge(
        account=account,
        fee_item=item,
        amount=Decimal("25.00"),
        due_on=due,
        reason="补办两张",
        by=clerk,
        form_token=uuid.uuid4(),
        evidence_note="档案 2026-14",
    )
    assert not account.charges.exists()
    done = approve(adjustment=asked, by=manager)
    charge = account.charges.get()
    assert (charge.kind, charge.amount, charge.due_on) == (Charge.Kind.EXTRA, Decimal("25.00"), due)
    assert done.charge == charge
    with pytest.raises(ValueError, match="another community"):
        request_extra_charge(
            account=account,
            fee_item=FeeItemFactory(),
            amount=Decimal("25.00"),
            due_on=due,
            reason="x",
            by=clerk,
            form_token=uuid.uuid4(),
        )


def test_the_late_fee_of_today_is_posted_then_waived(bill, clerk, manager):
    LateFeePolicyFactory(community=bill.account.community)
    late = accrued(bill_ids=[bill.pk], on=today())[bill.pk]
    asked = request_late_fee_waiver(
        bill=bill,
        amount=late,
        reason="住院",
        by=clerk,
        form_token=uuid.uuid4(),
        evidence_note="出院小结",
    )
    assert asked.lessens.kind == Charge.Kind.LATE_FEE
    assert still_open(bill) == Decimal("140.00") + late
    approve(adjustment=asked, by=manager)
    assert still_open(bill) == Decimal("140.00")
    assert accrued(bill_ids=[bill.pk], on=today()) == {}, "waived, it does not come again"
    with pytest.raises(TooMuch):
        request_late_fee_waiver(
            bill=bill, amount=late, reason="x", by=clerk, form_token=uuid.uuid4()
        )


def test_what_was_waived_of_a_late_fee_is_not_taken_back_once_more(clerk, manager):
    bill = make_bill("1000.00", "1.00")
    LateFeePolicyFactory(community=bill.account.community)
    late = accrued(bill_ids=[bill.pk], on=today())[bill.pk]
    asked = request_late_fee_waiver(
        bill=bill,
        amount=late,
        reason="住院",
        by=clerk,
        form_token=uuid.uuid4(),
        evidence_note="出院小结",
    )
    approve(adjustment=asked, by=manager)
    # The transfer of the due date is found later: no late fee was right at all.
    pay(bill.account, "1001.00", bill.due_on)
    assert still_open(bill) == 0
    assert credit(bill.account) == 0
    assert standings(bill_ids=[bill.pk], on=today())[bill.pk].posted == late


def test_waiving_the_rest_of_a_bill_posts_its_late_fee(bill, clerk, manager):
    """A closed bill hides nothing: what accrued stands as a line, to be paid or waived."""
    LateFeePolicyFactory(community=bill.account.community)
    late = accrued(bill_ids=[bill.pk], on=today())[bill.pk]
    for position, yuan in ((1, "100.00"), (2, "40.00")):
        asked = ask(bill, clerk, yuan, charge=line(bill, position))
        approve(adjustment=asked, by=manager)
    assert still_open(bill) == late


def test_who_asked_does_not_decide_by_the_service_and_by_the_database(bill, clerk):
    asked = ask(bill, clerk)
    for step in (approve, partial(reject, words="nein")):
        with pytest.raises(SamePerson):
            step(adjustment=asked, by=clerk, **({"words": ""} if step is approve else {}))
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjustment.objects.filter(pk=asked.pk).update(state=State.APPROVED, decided_by=clerk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Adjustment.objects.filter(pk=asked.pk).update(state=State.APPROVED)


def test_what_was_asked_for_cannot_be_changed_before_it_is_approved(bill, clerk):
    asked = ask(bill, clerk)
    for changed in ({"amount": Decimal("99.00")}, {"requested_by": StaffUserFactory()}):
        with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
            Adjustment.objects.filter(pk=asked.pk).update(**changed)


def test_only_who_asked_takes_back(bill, clerk, manager):
    asked = ask(bill, clerk)
    with pytest.raises(NotOwn):
        withdraw(adjustment=asked, by=manager)
    assert withdraw(adjustment=asked, by=clerk).state == State.WITHDRAWN
    with pytest.raises(AlreadyDecided):
        approve(adjustment=asked, by=manager)


def test_reasons_are_needed(bill, clerk, manager):
    with pytest.raises(ReasonMissing):
        ask(bill, clerk, reason="  ")
    with pytest.raises(ReasonMissing):
        reject(adjustment=ask(bill, clerk), by=manager, words=" ")


def test_two_presses_of_one_form_ask_once(bill, clerk):
    token = uuid.uuid4()
    assert ask(bill, clerk, form_token=token) == ask(bill, clerk, form_token=token)
    assert Adjustment.objects.count() == 1


STEPS = {
    State.APPROVED: lambda adjustment, clerk, manager: approve(adjustment=adjustment, by=manager),
    State.REJECTED: lambda adjustment, clerk, manager: reject(
        adjustment=adjustment, by=manager, words="不符合"
    ),
    State.WITHDRAWN: lambda adjustment, clerk, manager: withdraw(adjustment=adjustment, by=clerk),
}


@pytest.mark.parametrize(("start", "goal"), [*itertools.product(State, STEPS)])
def test_every_step_from_every_state(bill, clerk, manager, start, goal):
    adjustment = ask(bill, clerk)
    if start in STEPS:
        STEPS[start](adjustment, clerk, manager)
    posted = CreditEntry.objects.count()
    if start == goal or goal in Adjustment.TRANSITIONS[start]:
        assert STEPS[goal](adjustment, clerk, manager).state == goal
    else:
        with pytest.raises(AlreadyDecided) as refused:
            STEPS[goal](adjustment, clerk, manager)
        assert refused.value.state == start
    adjustment.refresh_from_db()
    expected = goal if goal in Adjustment.TRANSITIONS[start] else start
    assert adjustment.state == expected
    if start != State.REQUESTED:
        assert CreditEntry.objects.count() == posted


@pytest.mark.django_db(transaction=True)
def test_two_approve_at_one_moment_and_it_is_posted_once(clerk):
    bill = make_bill("100.00")
    asked = ask(bill, clerk, "100.00")
    outcomes = together(
        *(partial(approve, adjustment=asked, by=StaffUserFactory()) for _ in range(2))
    )
    assert errors_in(outcomes) == []
    assert CreditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_approves_and_one_rejects_at_one_moment(clerk):
    bill = make_bill("100.00")
    asked = ask(bill, clerk, "100.00")
    outcomes = together(
        partial(approve, adjustment=asked, by=StaffUserFactory()),
        partial(reject, adjustment=asked, by=StaffUserFactory(), words="nein"),
    )
    (error,) = errors_in(outcomes)
    assert isinstance(error, AlreadyDecided)
    asked.refresh_from_db()
    assert CreditEntry.objects.count() == (asked.state == State.APPROVED)


@pytest.mark.django_db(transaction=True)
def test_a_payment_and_an_approval_at_one_moment_leave_true_books(clerk, manager):
    bill = make_bill("100.00")
    asked = ask(bill, clerk, "100.00")

    def money():
        with transaction.atomic():
            pay(bill.account, "100.00")

    outcomes = together(partial(approve, adjustment=asked, by=manager), money)
    assert errors_in(outcomes) == []
    assert still_open(bill) == 0
    assert credit(bill.account) == Decimal("100.00")


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_two_approvals_would_both_post(clerk, monkeypatch):
    """The proof that the lock is what holds: taken away, what was asked once is posted twice."""
    bill = make_bill("100.00")
    asked = ask(bill, clerk, "50.00")
    both = threading.Barrier(2)

    def unlocked(adjustment, **decision):
        found = Adjustment.objects.select_related("account", "lessens").get(pk=adjustment.pk)
        both.wait(PATIENCE)
        return found, True

    monkeypatch.setattr(adjustments, "_locked", unlocked)
    outcomes = together(
        *(partial(approve, adjustment=asked, by=StaffUserFactory()) for _ in range(2))
    )
    assert errors_in(outcomes) == []
    assert CreditEntry.objects.count() == 2
