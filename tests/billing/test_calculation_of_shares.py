"""Shared costs, by the rules of docs/domain.md: to the fen, over the units in scope."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc
from tests.billing.homes import ALWAYS, QUARTER, bill, tariff, transferred, unit


@given(st.integers(0, 10**10), st.lists(st.integers(0, 30_000), min_size=1).filter(any))
def test_parts_sum_to_the_pool_and_stay_next_to_their_exact_share(total, weights):
    parts = calc.largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_ties_go_to_the_earlier_unit():
    assert calc.largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert calc.largest_remainder(101, [1, 1, 1]) == [34, 34, 33]


def share(tariffs, homes, period=QUARTER, **cost):
    cost = {"item": 1, "span": QUARTER, "fen": 10_000} | cost
    calculator = calc.Calculator(period=period, tariffs=tariffs)
    problems = calculator.share(calc.SharedCost(id=1, **cost), homes)
    lines = [line for home in homes for line in calculator.bill(home).lines]
    return [(line.party, line.fen) for line in lines], [p.reason for p in problems]


def payers(party):
    return [calc.Payer(ALWAYS, party)]


def test_a_cost_is_shared_by_area_or_equally_over_the_units_in_scope():
    homes = [
        unit(1, payers=payers(1)),
        unit(2, payers=payers(2), area=Decimal("50.00")),
        unit(3, payers=payers(3), building=2),
        unit(4, payers=payers(4), kind="商铺"),
        unit(5, payers=payers(5), handover=date(2026, 4, 1)),
        unit(6, payers=payers(6), handover=date(2026, 3, 31), vacancies=[QUARTER]),
    ]
    by_area = tariff(method="shared_area", price=None)
    equally = tariff(method="shared_household", price=None, building=1)
    assert share([by_area], homes)[0] == [(1, 2857), (2, 1429), (3, 2857), (6, 2857)]
    assert share([equally], homes)[0] == [(1, 3334), (2, 3333), (6, 3333)]
    assert share([by_area], homes, building=2)[0] == [(3, 10_000)]


def test_the_payer_at_the_costs_end_pays_with_the_costs_own_dates():
    home = transferred("2026-02-20")
    cost = calc.SharedCost(1, 1, calc.Span(date(2025, 11, 1), date(2026, 2, 19)), 500)
    one = tariff(method="shared_area", price=None)
    assert bill([one], home, costs=[cost])[0] == [(7, "1101-0219", 500)]


@pytest.mark.parametrize(
    ("tariffs", "homes", "reason"),
    [
        ([tariff(method="shared_area", price=None)], [], calc.Reason.NOBODY_IN_SCOPE),
        ([tariff()], [unit()], calc.Reason.NOBODY_IN_SCOPE),
        (
            [
                tariff(1, method="shared_area", price=None),
                tariff(2, method="shared_household", price=None, kind="商铺"),
            ],
            [unit(1), unit(2, kind="商铺")],
            calc.Reason.CANNOT_COMPUTE,
        ),
    ],
)
def test_a_cost_that_cannot_be_shared_is_an_exception(tariffs, homes, reason):
    calculator = calc.Calculator(period=QUARTER, tariffs=tariffs)
    problems = calculator.share(calc.SharedCost(1, 1, QUARTER, 100), homes)
    assert [(p.unit, p.reason) for p in problems] == [(None, reason)]


def test_a_unit_of_unknown_area_is_named_and_the_others_bear_the_pool():
    homes = [unit(1, payers=payers(1), area=Decimal(0)), unit(2, payers=payers(2))]
    shared, problems = share([tariff(method="shared_area", price=None)], homes)
    assert shared == [(2, 10_000)]
    assert problems == [calc.Reason.CANNOT_COMPUTE]


def test_a_hand_picked_tariff_shares_a_cost():
    everywhere = tariff(1, "shared_household", None)
    out = tariff(2, "household", "8", units=frozenset({1}))
    calculator = calc.Calculator(period=QUARTER, tariffs=[everywhere, out])
    cost = calc.SharedCost(1, 1, QUARTER, 1000)
    assert not calculator.share(cost, [unit(1), unit(2), unit(3)])
    assert [line.fen for line in calculator.bill(unit(1)).lines] == [2400]
    assert [line.fen for line in calculator.bill(unit(2)).lines] == [500]
