"""Whatever two ledgers hold: the differences are those of an independent comparison of sets."""

import datetime
from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from payments.providers.base import BillLine, LineKind
from payments.reconciliation.comparison import Kind, compare, fee_due, fee_of

MORNING = datetime.datetime(2026, 1, 5, 9, tzinfo=datetime.UTC)
RATE = Decimal("0.006")
FEN = st.integers(1, 500)
NUMBERS = st.sampled_from([f"T{number}" for number in range(6)])
KEYS = st.one_of(
    st.tuples(st.just("payment"), NUMBERS, st.just("")),
    st.tuples(st.just("refund"), NUMBERS, st.sampled_from(["R1", "R2"])),
)


LEDGERS = given(
    theirs=st.lists(st.tuples(KEYS, FEN, st.sampled_from([0, 0, 0, 10])), max_size=12),
    ours=st.dictionaries(KEYS, FEN, max_size=12),
    other_days=st.sets(KEYS),
)


@LEDGERS
def test_differences_are_those_of_two_sets(theirs, ours, other_days):
    amounts = {key: Decimal(fen) / 100 for key, fen in ours.items()}
    today = set(amounts) - other_days
    found = compare([_line(*one) for one in theirs], amounts, today, RATE)
    assert Counter((one.kind, one.key) for one in found) == _oracle(theirs, ours, today)


@LEDGERS
def test_nothing_else_is_between_the_sums(theirs, ours, other_days):
    """there = here + here on another day + the differences, for payments, refunds and fees."""
    amounts = {key: Decimal(fen) / 100 for key, fen in ours.items()}
    today = set(amounts) - other_days
    lines = [_line(*one) for one in theirs]
    found = list(compare(lines, amounts, today, RATE))

    def effect(differences):
        return sum((one.theirs or 0) - (one.ours or 0) for one in differences)

    for kind in ("payment", "refund"):
        there = sum(line.amount for line in lines if line.kind == kind)
        listed = {key for key, _fen, _more in theirs}
        here = sum(amounts[key] for key in amounts if key in today | listed and key[0] == kind)
        differ = [one for one in found if one.kind != Kind.FEE and one.key[0] == kind]
        assert there - here == effect(differ)
    fees = sum(line.fee - fee_due(line, RATE) for line in lines)
    assert fees == effect(one for one in found if one.kind == Kind.FEE)


def _oracle(theirs, ours, today):
    """By sets of keys and of (key, fen), in fen, without looking at lines in their order."""
    first = {}
    for key, fen, more in reversed(theirs):
        first[key] = (fen, more)
    expected = Counter()
    expected.update((Kind.NOT_HERE, key) for key in set(first) - set(ours))
    expected.update((Kind.NOT_THERE, key) for key in today - set(first))
    both = set(first) & set(ours)
    agree = {(key, fen) for key, (fen, _more) in first.items()} & set(ours.items())
    expected.update((Kind.AMOUNT, key) for key in both - {key for key, _fen in agree})
    expected.update((Kind.FEE, key) for key, _fen, more in theirs if more)
    for key, count in Counter(key for key, _fen, _more in theirs).items():
        expected[(Kind.TWICE, key)] += count - 1
    return +expected


def _line(key, fen, more):
    kind, number, refund = key
    amount = Decimal(fen) / 100
    fee = fee_of(amount, RATE, refund=kind == "refund") + Decimal(more) / 100
    return BillLine(LineKind(kind), number, f"X{number}", amount, fee, MORNING, refund)


def test_a_fee_is_rounded_half_up_and_a_refunds_may_be_a_fen_off():
    assert fee_of(Decimal("42.00"), RATE, refund=False) == Decimal("0.25")
    assert fee_of(Decimal("0.75"), Decimal("0.02"), refund=True) == Decimal("-0.02")
    key = ("refund", "T1", "R1")
    off = BillLine(LineKind.REFUND, "T1", "X", Decimal("42"), Decimal("-0.24"), MORNING, "R1")
    assert not list(compare([off], {key: Decimal("42.00")}, [key], RATE))
