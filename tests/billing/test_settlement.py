"""Pairing money with charges: every fen once, in order."""

from hypothesis import given
from hypothesis import strategies as st

from billing.calculation.settlement import Settled, settle

purses = st.lists(st.integers(0, 500), max_size=6).map(lambda fen: list(enumerate(fen, start=100)))
debts = st.lists(st.integers(0, 500), max_size=6).map(lambda fen: list(enumerate(fen, start=900)))


def test_money_settles_in_order_and_stops_when_it_is_used_up():
    assert settle(credits=[(1, 50), (2, 70)], charges=[(7, 60), (8, 30), (9, 100)]) == [
        Settled(1, 7, 50),
        Settled(2, 7, 10),
        Settled(2, 8, 30),
        Settled(2, 9, 30),
    ]


def test_nothing_is_settled_without_money_or_without_debt():
    assert settle(credits=[], charges=[(7, 60)]) == []
    assert settle(credits=[(1, 60)], charges=[]) == []
    assert settle(credits=[(1, 60)], charges=[(7, 60)], limit=0) == []


@given(purses, debts, st.none() | st.integers(0, 2000))
def test_every_fen_is_used_once_and_in_order(credits, charges, limit):
    settled = settle(credits=credits, charges=charges, limit=limit)
    money, owed = sum(fen for _, fen in credits), sum(fen for _, fen in charges)
    assert sum(s.fen for s in settled) == min(money, owed, *([limit] if limit is not None else []))
    assert all(s.fen > 0 for s in settled)
    for index, pairs, wanted in ((0, settled, credits), (1, settled, charges)):
        used = {pk: sum(s.fen for s in pairs if s[index] == pk) for pk, _ in wanted}
        assert all(used[pk] <= fen for pk, fen in wanted)
        touched = [pk for pk, _ in wanted if used[pk]]
        # All but the last one touched are used up (or paid off) completely.
        assert all(used[pk] == dict(wanted)[pk] for pk in touched[:-1])
        assert [s[index] for s in settled] == sorted(s[index] for s in settled)
