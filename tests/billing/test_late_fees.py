"""Late fees on accounts: posted when money settles a bill, to the fen, whatever the order."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import BillingSettings, Charge, CreditEntry, DisputeHold
from billing.services.accounts.late_fees import accrued, post_late_fees, standings
from billing.services.accounts.posting import (
    Credit,
    Portion,
    allocate,
    post_credit,
    post_credits,
    take_back_late_fees,
    use_credit,
)
from tests.billing.late_fees import DUE, PAYMENT, after, credit, late_lines, owed, pay, still_open
from tests.factories.billing import (
    AccountFactory,
    CreditEntryFactory,
    LateFeePolicyFactory,
    make_bill,
)

from .late_fee_oracle import late_fee_by_day

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    account = AccountFactory()
    LateFeePolicyFactory(community=account.community)
    return account


def test_what_is_owed_on_the_day_closes_the_bill_and_posts_the_domains_figure(account):
    bill = make_bill("2520.24", account=account)
    assert accrued(bill_ids=[bill.pk], on=after(45)) == {bill.pk: Decimal("56.71")}
    assert late_lines(bill) == [], "asking posts nothing"
    pay(account, owed(bill, after(45)), after(45), bill)
    assert late_lines(bill) == [Decimal("56.71")]
    assert still_open(bill) == 0
    assert credit(account) == 0
    assert accrued(bill_ids=[bill.pk], on=after(400)) == {}


def test_a_fen_less_leaves_a_fen_of_late_fee(account):
    bill = make_bill("2520.24", account=account)
    pay(account, Decimal("2576.94"), after(45), bill)
    assert still_open(bill) == Decimal("0.01")
    (late,) = Charge.objects.filter(kind=Charge.Kind.LATE_FEE).with_open()
    assert late.open_amount == Decimal("0.01")
    # There is no late fee on a late fee.
    assert accrued(bill_ids=[bill.pk], on=after(99)) == {}


def test_a_day_later_it_is_a_day_more(account):
    bill = make_bill("2520.24", account=account)
    pay(account, owed(bill, after(45)), after(46), bill)
    assert still_open(bill) == Decimal("57.97") - Decimal("56.71")


def test_partial_payments_never_add_roundings(account):
    # Each day alone makes 0.015 yuan: rounded apart, ten days would be 0.20.
    bill = make_bill("30.00", account=account)
    for day in range(1, 11):
        pay(account, "0.01", after(day), bill)
    right = late_fee_by_day(
        due_on=DUE,
        amount=30,
        rate="0.0005",
        grace=0,
        cap=None,
        settled=[(after(day), Decimal("0.01")) for day in range(1, 11)],
        held=[],
        on=after(10),
    )
    assert sum(late_lines(bill)) == right == Decimal("0.15")


def test_principal_first_unless_the_community_wants_it_round(account):
    bill = make_bill("1000.00", account=account)
    pay(account, "100.00", after(10), bill)
    principal = bill.charges.filter(kind=Charge.Kind.FEE).with_open().get()
    assert principal.open_amount == Decimal("900.00")

    BillingSettings.objects.create(community=account.community, late_fee_first=True)
    pay(account, "100.00", after(20), bill)
    late = Charge.objects.filter(bill=bill, kind=Charge.Kind.LATE_FEE).with_open()
    assert [each.open_amount for each in late] == [0, 0]
    principal = bill.charges.filter(kind=Charge.Kind.FEE).with_open().get()
    # 1000 × 10 days and 900 × 10 days: 5.00 and 4.50
    assert principal.open_amount == Decimal("809.50")


def test_only_bills_that_the_money_reaches_get_a_line(account):
    older = make_bill("100.00", account=account, quarter=1)
    newer = make_bill("100.00", account=account, quarter=2)
    pay(account, "50.00", datetime.date(2026, 12, 1))
    assert late_lines(older)
    assert late_lines(newer) == []


def test_two_payments_posted_together_are_as_one_after_the_other(account):
    bill = make_bill("1000.00", account=account)
    post_credits(
        [
            Credit(account.pk, PAYMENT, after(10), (Portion(Decimal("500.00")),)),
            Credit(account.pk, PAYMENT, after(20), (Portion(Decimal("507.50")),)),
        ]
    )
    assert late_lines(bill) == [Decimal("5.00"), Decimal("2.50")]
    assert still_open(bill) == 0


def test_money_of_an_earlier_day_matched_later_takes_the_excess_back(account):
    bill = make_bill("1000.00", account=account)
    pay(account, "100.00", after(30), bill)
    assert late_lines(bill) == [Decimal("15.00")]
    pay(account, "500.00", after(10), bill)
    # 1000 × 10 + 500 × 20 days = 10.00
    back = CreditEntry.objects.get(kind=CreditEntry.Kind.LATE_BACK)
    assert back.amount == Decimal("5.00")
    assert back.charge.kind == Charge.Kind.LATE_FEE
    assert standings(bill_ids=[bill.pk], on=after(30))[bill.pk].posted == Decimal("10.00")
    assert still_open(bill) == Decimal("410.00")
    assert owed(bill, after(40)) == Decimal("410.00") + Decimal("2.00")


def test_late_fee_that_was_paid_and_taken_back_goes_to_what_is_still_open(account):
    BillingSettings.objects.create(community=account.community, late_fee_first=True)
    bill = make_bill("1000.00", account=account)
    pay(account, "115.00", after(30), bill)
    pay(account, "500.00", after(10), bill)
    # 5.00 of the late fee paid on day 30 were too much; they settle principal of that day.
    assert credit(account) == 0
    assert standings(bill_ids=[bill.pk], on=after(30))[bill.pk].posted == Decimal("10.00")
    assert still_open(bill) == Decimal("395.00")


def test_money_of_a_day_before_the_due_date_takes_back_too(account):
    bill = make_bill("1000.00", account=account)
    pay(account, "100.00", after(30), bill)
    pay(account, "900.00", after(-1), bill)
    # Of 100 yuan 30 days.
    assert standings(bill_ids=[bill.pk], on=after(30))[bill.pk].posted == Decimal("1.50")


def test_a_dispute_stops_the_days_also_those_posted(account):
    bill = make_bill("1000.00", account=account)
    post_late_fees(account_ids=[account.pk], on=after(20))
    assert late_lines(bill) == [Decimal("10.00")]
    DisputeHold.objects.create(bill=bill, starts_on=after(11), source="ticket 1")
    take_back_late_fees([bill.pk])
    assert owed(bill, after(300)) == Decimal("1005.00")
    take_back_late_fees([bill.pk])
    assert CreditEntry.objects.filter(kind=CreditEntry.Kind.LATE_BACK).count() == 1


def test_posting_twice_on_a_day_posts_once(account):
    bill = make_bill("1000.00", account=account)
    for _ in range(2):
        post_late_fees(account_ids=[account.pk], on=after(20))
    assert late_lines(bill) == [Decimal("10.00")]
    post_late_fees(account_ids=[account.pk], on=after(21), bill_ids=[])
    assert late_lines(bill) == [Decimal("10.00")]


def test_the_policy_of_the_due_date_governs_the_bill_to_its_end():
    account = AccountFactory()
    LateFeePolicyFactory(community=account.community, ends_on=after(0))
    LateFeePolicyFactory(
        community=account.community, starts_on=after(1), daily_rate="0.001", grace_days=5
    )
    old = make_bill("1000.00", account=account, quarter=1)
    new = make_bill("1000.00", account=account, quarter=2)
    far = datetime.date(2026, 5, 25)  # ten days after the newer one's due date
    assert accrued(bill_ids=[old.pk, new.pk], on=far) == {
        old.pk: Decimal("49.50"),
        new.pk: Decimal("5.00"),
    }


def test_without_a_policy_there_is_no_late_fee():
    bill = make_bill("1000.00")
    assert accrued(bill_ids=[bill.pk], on=after(1000)) == {}
    pay(bill.account, "1000.00", after(1000))
    assert still_open(bill) == 0


def test_a_line_taken_back_never_bore_late_fee(account):
    bill = make_bill("600.00", "400.00", account=account)
    wrong = bill.charges.get(amount=Decimal("400.00"))
    post_late_fees(account_ids=[account.pk], on=after(20))
    entry = CreditEntry.objects.create(
        account=account,
        kind=CreditEntry.Kind.REVERSAL,
        amount=wrong.amount,
        value_date=after(30),
        charge=wrong,
    )
    allocate(credit_entry=entry, charge_ids=[wrong.pk])
    take_back_late_fees([bill.pk])
    assert standings(bill_ids=[bill.pk], on=after(20))[bill.pk].posted == Decimal("6.00")


def test_credit_that_was_there_before_the_due_date_spares_the_late_fee(account):
    bill = make_bill("1000.00", account=account)
    CreditEntryFactory(account=account, amount=Decimal("1000.00"), value_date=after(-3))
    use_credit(account_ids=[account.pk])
    assert still_open(bill) == 0
    assert accrued(bill_ids=[bill.pk], on=after(90)) == {}


def test_credit_used_late_brings_the_late_fee_of_its_day(account):
    bill = make_bill("1000.00", account=account)
    entry = post_credit(
        account=account, kind=PAYMENT, amount=Decimal("2000.00"), value_date=after(10)
    )
    allocate(credit_entry=entry, bill_ids=[bill.pk])
    assert late_lines(bill) == [Decimal("5.00")]
    assert still_open(bill) == 0
    assert credit(account) == Decimal("995.00")


def test_thousands_of_bills_cost_two_queries():
    account = AccountFactory()
    LateFeePolicyFactory(community=account.community)
    bills = [make_bill("100.00", account=account, quarter=q) for q in (1, 2, 3, 4)]
    with CaptureQueriesContext(connection) as queries:
        found = accrued(
            bill_ids=[bill.pk for bill in bills] + list(range(10**9, 10**9 + 3000)),
            on=datetime.date(2027, 6, 1),
        )
    assert len(queries) <= 2
    assert len(found) == 4
