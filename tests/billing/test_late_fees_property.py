"""Late fees after any payments and disputes are what a calendar counts, day by day."""

from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import BillingSettings, Charge, DisputeHold
from tests.billing.late_fees import (
    DUE,
    after,
    credit,
    late_lines,
    owed,
    pay,
    still_open,
    taken_back,
)
from tests.factories.billing import AccountFactory, LateFeePolicyFactory, make_bill

from .late_fee_oracle import late_fee_by_day

pytestmark = pytest.mark.django_db


yuan = st.integers(1, 60_000).map(lambda n: Decimal(n).scaleb(-2))
payments = st.lists(st.tuples(st.integers(-10, 90), yuan), max_size=6)
disputes = st.lists(st.tuples(st.integers(-5, 80), st.none() | st.integers(0, 30)), max_size=2)


@given(
    amounts=st.lists(yuan, min_size=1, max_size=3),
    grace=st.integers(0, 20),
    cap=st.none() | st.integers(0, 500).map(lambda n: Decimal(n).scaleb(-4)),
    rate=st.integers(1, 10_000).map(lambda n: Decimal(n).scaleb(-6)),
    late_first=st.booleans(),
    paid=payments,
    held=disputes,
    on=st.integers(90, 120),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_after_any_payments_it_is_what_the_calendar_says(
    amounts, grace, cap, rate, late_first, paid, held, on
):
    """In any order of value dates; then what is owed on a day closes the bill to the fen."""
    with transaction.atomic():
        account = AccountFactory()
        LateFeePolicyFactory(
            community=account.community, grace_days=grace, cap=cap, daily_rate=rate
        )
        BillingSettings.objects.create(community=account.community, late_fee_first=late_first)
        bill = make_bill(*amounts, account=account)
        spans = [(after(first), None if n is None else after(first + n)) for first, n in held]
        for n, (first, last) in enumerate(spans):
            DisputeHold.objects.create(
                bill=bill, starts_on=first, ends_on=last, source=f"ticket {n}"
            )
        for day, part in paid:
            pay(account, part, after(day), bill)
            check(bill, rate, grace, cap, spans)
        due = owed(bill, after(on))
        before = credit(account)
        if due:
            pay(account, due, after(on), bill)
        check(bill, rate, grace, cap, spans)
        assert still_open(bill) == 0
        assert credit(account) == before
        assert sum(late_lines(bill)) - taken_back(bill) == by_hand(
            bill, rate, grace, cap, spans, after(on)
        )
        transaction.set_rollback(True)


def by_hand(bill, rate, grace, cap, spans, on):
    fees = bill.charges.filter(kind=Charge.Kind.FEE)
    return late_fee_by_day(
        due_on=DUE,
        amount=bill.amount,
        rate=rate,
        grace=grace,
        cap=cap,
        settled=[
            (allocation.credit_entry.value_date, allocation.amount)
            for charge in fees
            for allocation in charge.allocations.select_related("credit_entry")
        ],
        held=spans,
        on=on,
    )


def check(bill, rate, grace, cap, spans):
    """What is posted is never more than the days up to the last posting make."""
    lines = Charge.objects.filter(bill=bill, kind=Charge.Kind.LATE_FEE)
    if lines:
        until = max(line.ends_on for line in lines)
        posted = sum(late_lines(bill)) - taken_back(bill)
        assert 0 <= posted <= by_hand(bill, rate, grace, cap, spans, until)
