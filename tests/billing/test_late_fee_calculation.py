"""The late fee of a bill: the domain's rule and figure, and against a calendar kept by hand."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.calculation.late_fee import LateFeeRule, Principal, Stretch, late_fee
from core.money import from_fen, to_fen

from .late_fee_oracle import late_fee_by_day

DUE = datetime.date(2026, 2, 15)
RATE = Decimal("0.0005")


def after(days):
    return DUE + datetime.timedelta(days=days)


def fee(days, *, yuan="2520.24", settled=(), held=(), **rule):
    wanted = {"daily_rate": RATE} | rule
    principal = Principal(
        DUE, to_fen(Decimal(yuan)), [(day, to_fen(Decimal(y))) for day, y in settled], held
    )
    return late_fee(principal, LateFeeRule(**wanted), after(days))


def test_the_figure_of_the_domain():
    found = fee(45)
    assert from_fen(found.fen) == Decimal("56.71")
    assert found.days == 45
    assert found.stretches == (Stretch(252024, 45),)
    assert found.starts_on == after(1)


def test_nothing_before_due_date_and_grace_are_over():
    assert fee(0).fen == 0
    assert fee(10, grace_days=10).fen == 0
    assert fee(11, grace_days=10).days == 1
    assert fee(55, grace_days=10).fen == 5671


def test_money_counts_from_the_day_after_its_value_date():
    assert fee(45, settled=[(after(20), "1520.24")]).stretches == (
        Stretch(252024, 20),
        Stretch(100000, 25),
    )
    # Paid on the due date: nothing was open at any later day's start.
    assert fee(45, settled=[(DUE, "2520.24")]).fen == 0


def test_days_in_dispute_never_count_and_overlapping_disputes_count_once():
    held = [(after(5), after(9)), (after(8), after(12)), (after(40), None)]
    found = fee(45, held=held)
    assert found.held_days == 8 + 6
    assert found.days == 45 - 14


def test_the_cap_is_a_share_of_the_principal():
    found = fee(4000, yuan="100.00", cap=Decimal("0.2"))
    assert (found.fen, found.capped) == (2000, True)
    assert not fee(1, yuan="100.00", cap=Decimal("0.2")).capped


def test_half_a_fen_is_rounded_up_once():
    # 30.00 × 0.0005 × 1 = 0.015; two such days are 0.03, not 0.04.
    assert fee(1, yuan="30.00").fen == 2
    assert fee(2, yuan="30.00").fen == 3


days = st.integers(-20, 150).map(after)
shares = st.lists(st.tuples(days, st.integers(1, 9)), max_size=5)
spans = st.lists(st.tuples(days, st.none() | st.integers(0, 60)), max_size=4)


@given(
    fen=st.integers(0, 5_000_000),
    rate=st.integers(0, 10_000).map(lambda n: Decimal(n).scaleb(-6)),
    grace=st.integers(0, 40),
    cap=st.none() | st.integers(0, 10_000).map(lambda n: Decimal(n).scaleb(-4)),
    paid=shares,
    disputes=spans,
    on=st.integers(-5, 160).map(after),
)
@settings(max_examples=1500, deadline=None)
def test_a_calendar_kept_by_hand_says_the_same(fen, rate, grace, cap, paid, disputes, on):
    settled = [(day, fen * share // 45) for day, share in paid]
    held = [
        (first, None if n is None else first + datetime.timedelta(days=n)) for first, n in disputes
    ]
    found = late_fee(Principal(DUE, fen, settled, held), LateFeeRule(rate, grace, cap), on)
    assert from_fen(found.fen) == late_fee_by_day(
        due_on=DUE,
        amount=from_fen(fen),
        rate=rate,
        grace=grace,
        cap=cap,
        settled=[(day, from_fen(part)) for day, part in settled],
        held=held,
        on=on,
    )


@pytest.mark.parametrize("on", [after(-100), DUE])
def test_before_it_is_due_there_is_nothing_to_explain(on):
    found = late_fee(Principal(DUE, 100), LateFeeRule(RATE), on)
    assert (found.fen, found.days, found.starts_on) == (0, 0, None)
