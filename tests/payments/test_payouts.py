"""Which days a payout is for: one run of days without doubt, or a person decides."""

import datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from payments.reconciliation.payouts import (
    AccountDay,
    Payout,
    match,
    runs_that_fit,
    shares,
    working_days_after,
)

MONDAY = datetime.date(2026, 1, 5)
ACCOUNT = ("wechatpay", "")


def day(back, amount, account=ACCOUNT):
    return AccountDay(account, MONDAY - datetime.timedelta(days=back), Decimal(amount))


def payout(amount, number=1, on=MONDAY, provider="wechatpay"):
    return Payout(number, provider, on, Decimal(amount))


def test_one_day_and_several_together_fit():
    days = [day(1, "5"), day(2, "7"), day(3, "11")]
    assert match([payout("5")], days) == {1: (days[0],)}
    assert match([payout("18")], days) == {1: (days[2], days[1])}
    assert match([payout("16")], days) == {}  # days that do not follow each other
    assert match([payout("23")], days) == {1: tuple(reversed(days))}


def test_a_day_below_zero_waits_for_the_next():
    days = [day(2, "-3"), day(1, "10")]
    assert match([payout("7")], days) == {1: tuple(days)}


def test_neither_a_later_day_nor_one_long_ago_nor_another_channel():
    for days in ([day(0, "5")], [day(15, "5")], [day(1, "5", ("alipay", ""))]):
        assert not runs_that_fit(payout("5"), days)


def test_what_can_be_two_days_or_two_accounts_is_left_to_a_person():
    assert match([payout("5")], [day(1, "5"), day(2, "5")]) == {}
    assert match([payout("5")], [day(1, "5"), day(1, "5", ("wechatpay", "yunqi"))]) == {}


def test_two_payouts_that_want_one_day_are_left_to_a_person():
    assert match([payout("5", 1), payout("5", 2)], [day(1, "5")]) == {}


def test_equal_days_are_told_apart_when_each_has_its_payout():
    days = [day(2, "5"), day(1, "5")]
    early = payout("5", 1, MONDAY - datetime.timedelta(days=1))
    assert match([early, payout("5", 2)], days) == {1: (days[0],), 2: (days[1],)}


def test_working_days():
    friday = MONDAY - datetime.timedelta(days=3)
    assert working_days_after(friday, 1) == MONDAY
    assert working_days_after(MONDAY, 3) == MONDAY + datetime.timedelta(days=3)


AMOUNTS = st.integers(-300, 900).map(lambda fen: Decimal(fen) / 100)


@given(
    nets=st.lists(AMOUNTS, max_size=10),
    paid=st.lists(st.tuples(st.integers(-10, 1), AMOUNTS), max_size=8),
)
def test_whatever_is_matched_is_paid_exactly_and_once(nets, paid):
    days = [day(len(nets) - place, net) for place, net in enumerate(nets)]
    payouts = [
        payout(amount, number, MONDAY + datetime.timedelta(days=shift))
        for number, (shift, amount) in enumerate(paid)
    ]
    found = match(payouts, days)
    taken = [one for run in found.values() for one in run]
    assert len(taken) == len(set(taken))
    for number, run in found.items():
        assert sum(one.outstanding for one in run) == payouts[number].amount
        assert all(one.day < payouts[number].booked_on for one in run)
        # Nobody else could have been meant: by its amount alone no other run was free.
        free = [one for one in days if one not in taken or one in run]
        assert runs_that_fit(payouts[number], free) == [run]


@given(parts=st.lists(AMOUNTS, min_size=1, max_size=6), amount=AMOUNTS)
def test_shares_are_the_amount_to_the_fen(parts, amount):
    found = shares(list(enumerate(parts)), amount)
    assert sum(part for _pk, part in found) == amount
    assert [part for _pk, part in found][:-1] == parts[:-1]
