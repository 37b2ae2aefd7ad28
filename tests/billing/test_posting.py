"""What lessens an account and what settles what: by the rules, under any sequence."""

import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Account, Allocation, Bill, Charge, CreditEntry
from billing.services.accounts.posting import (
    Credit,
    Portion,
    allocate,
    credit_of,
    post_credit,
    post_credits,
    use_credit,
)
from tests.factories.billing import (
    AccountFactory,
    ChargeFactory,
    CreditEntryFactory,
    FeeItemFactory,
    make_bill,
)

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 2, 1)


def pay(account, yuan, **choice):
    entry = post_credit(
        account=account, kind=CreditEntry.Kind.PAYMENT, amount=Decimal(yuan), value_date=DAY
    )
    return allocate(credit_entry=entry, **choice)


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def figures(account):
    return Account.objects.with_balance().get(pk=account.pk)


def test_money_settles_the_oldest_bill_first_and_the_rest_is_credit():
    account = AccountFactory()
    newer = make_bill("30.00", account=account, quarter=2)
    older = make_bill("20.00", account=account, quarter=1)
    pay(account, "25.00")
    assert still_open(older) == 0
    assert still_open(newer) == Decimal("25.00")
    pay(account, "40.00")
    assert still_open(newer) == 0
    assert figures(account).credit == Decimal("15.00")


def test_the_payer_may_choose_bills_and_the_rest_stays_credit():
    account = AccountFactory()
    older = make_bill("20.00", account=account, quarter=1)
    newer = make_bill("30.00", account=account, quarter=2)
    pay(account, "35.00", bill_ids=[newer.pk])
    assert still_open(newer) == 0
    assert still_open(older) == Decimal("20.00")
    assert figures(account).credit == Decimal("5.00")


def test_the_payer_may_choose_lines():
    account = AccountFactory()
    bill = make_bill("20.00", "30.00", account=account)
    second = bill.charges.get(fee_item__position=2)
    pay(account, "30.00", charge_ids=[second.pk])
    assert [c.open_amount for c in bill.charges.with_open().order_by("fee_item__position")] == [
        Decimal("20.00"),
        Decimal("0.00"),
    ]


def test_an_empty_choice_settles_nothing():
    account = AccountFactory()
    bill = make_bill("20.00", account=account)
    assert pay(account, "20.00", bill_ids=[]) == []
    assert still_open(bill) == Decimal("20.00")
    assert figures(account).credit == Decimal("20.00")


def test_within_a_bill_principal_before_late_fee_and_lines_by_fee_item():
    account = AccountFactory()
    bill = make_bill("10.00", "20.00", "30.00", account=account)
    late = ChargeFactory(
        account=account,
        bill=bill,
        kind=Charge.Kind.LATE_FEE,
        amount=Decimal("5.00"),
        fee_item=FeeItemFactory(community=account.community, name="违约金", position=0),
    )
    made = pay(account, "62.00")
    assert [a.charge.amount for a in made] == [Decimal(10), Decimal(20), Decimal(30), Decimal(5)]
    assert Charge.objects.with_open().get(pk=late.pk).open_amount == Decimal("3.00")


def test_an_upper_bound_is_kept():
    account = AccountFactory()
    bill = make_bill("50.00", account=account)
    pay(account, "50.00", amount=Decimal("20.00"))
    assert still_open(bill) == Decimal("30.00")


def test_another_payers_charges_are_never_touched():
    account = AccountFactory()
    successor = AccountFactory(unit=account.unit)
    bill = make_bill("50.00", account=successor)
    assert pay(account, "80.00", bill_ids=[bill.pk]) == []
    assert still_open(bill) == Decimal("50.00")


def test_credits_posted_together_settle_as_one_after_the_other():
    """What `post_credits` does in five queries is what `post_credit` and `allocate` would do."""
    one, other = AccountFactory(), AccountFactory()
    older, newer = (make_bill("20.00", "4.00", account=one, quarter=q) for q in (1, 2))
    foreign = make_bill("9.00", account=other)

    def credit(account, *portions):
        return Credit(account.pk, CreditEntry.Kind.PAYMENT, DAY, tuple(portions))

    with CaptureQueriesContext(connection) as queries:
        results = post_credits(
            [
                credit(one, Portion(Decimal("30.00"), (newer.pk,)), Portion(Decimal("5.00"))),
                credit(other, Portion(Decimal("9.50"), (foreign.pk, older.pk))),
                credit(one, Portion(Decimal("25.00")), Portion(Decimal("1.00"), ())),
            ]
        )
    assert len(queries) <= 5
    assert [entry.amount for entry, _ in results] == [35, Decimal("9.50"), 26]
    assert [[a.amount for a in made] for _, made in results] == [[20, 4, 5], [9], [15, 4]]
    assert [still_open(bill) for bill in (older, newer, foreign)] == [0, 0, 0]
    assert figures(one).credit == Decimal("13.00")
    assert post_credits([]) == []


def test_fractions_of_a_fen_are_refused():
    with pytest.raises(ValueError, match="fen"):
        pay(AccountFactory(), "10.005")


def test_a_refund_may_not_take_more_than_the_credit():
    account = AccountFactory()
    make_bill("80.00", account=account)
    pay(account, "100.00")
    with pytest.raises(IntegrityError), transaction.atomic():
        post_credit(
            account=account, kind=CreditEntry.Kind.REFUND, amount=Decimal("-20.01"), value_date=DAY
        )
    post_credit(
        account=account, kind=CreditEntry.Kind.REFUND, amount=Decimal("-20.00"), value_date=DAY
    )
    assert figures(account).credit == 0


def test_credit_is_used_at_issue_oldest_first_and_never_what_was_refunded():
    account = AccountFactory()
    CreditEntryFactory(account=account, amount=Decimal("60.00"))
    CreditEntryFactory(account=account, kind=CreditEntry.Kind.REFUND, amount=Decimal("-15.00"))
    CreditEntryFactory(account=account, amount=Decimal("5.00"))
    other = CreditEntryFactory(amount=Decimal("7.00")).account
    bills = [make_bill("30.00", account=account, quarter=q) for q in (1, 2)]
    unrelated = make_bill("9.00", account=other)

    assert use_credit(account_ids=[account.pk]) == Decimal("50.00")
    assert [still_open(bill) for bill in bills] == [0, Decimal("10.00")]
    assert still_open(unrelated) == Decimal("9.00")
    assert credit_of([account.pk, other.pk]) == {other.pk: Decimal("7.00")}
    assert use_credit(account_ids=[account.pk]) == 0


def test_using_no_credit_costs_one_query_for_thousands_of_accounts():
    accounts = [make_bill("10.00").account_id for _ in range(3)]
    CreditEntryFactory()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert use_credit(account_ids=accounts + list(range(10**9, 10**9 + 1_500))) == 0
    assert len(queries) == 1


fen = st.integers(1, 30_000).map(lambda n: Decimal(n).scaleb(-2))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), fen, st.integers(1, 4)),
        st.tuples(st.just("pay"), fen, st.sets(st.integers(1, 4))),
        st.tuples(st.just("pay any"), fen, st.none()),
        st.tuples(st.just("refund"), fen, st.none()),
        st.tuples(st.just("use credit"), st.none(), st.none()),
    ),
    max_size=12,
)


@given(steps)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_books_hold_after_any_sequence(sequence):
    with transaction.atomic():
        account = AccountFactory()
        bills = {q: make_bill("0.00", account=account, quarter=q) for q in range(1, 5)}
        for what, amount, choice in sequence:
            take_step(account, bills, what, amount, choice)
            check_books(account)
        transaction.set_rollback(True)


def take_step(account, bills, what, amount, choice):
    if what == "charge":
        bill = bills[choice]
        ChargeFactory(account=account, bill=bill, amount=amount)
    elif what == "pay":
        pay(account, amount, bill_ids=[bills[q].pk for q in choice])
    elif what == "pay any":
        credit = Credit(account.pk, CreditEntry.Kind.PAYMENT, DAY, (Portion(amount),))
        post_credits([credit])
    elif what == "refund":
        credit = figures(account).credit
        if credit > 0:
            post_credit(
                account=account,
                kind=CreditEntry.Kind.REFUND,
                amount=-min(amount, credit),
                value_date=DAY,
            )
    else:
        use_credit(account_ids=[account.pk])
        now = figures(account)
        assert now.credit == 0 or now.owed == 0


def check_books(account):
    charges = Charge.objects.filter(account=account).with_open()
    assert all(0 <= charge.open_amount <= charge.amount for charge in charges)
    entries = CreditEntry.objects.filter(account=account).with_unused()
    assert all(0 <= entry.unused <= entry.amount for entry in entries if entry.amount > 0)
    now = figures(account)
    assert now.credit >= 0
    assert now.balance == now.owed - now.credit
    assert now.balance == sum(c.amount for c in charges) - sum(e.amount for e in entries)
    assert now.allocated == sum(
        a.amount for a in Allocation.objects.filter(charge__account=account)
    )
