"""Random communities come to the same fen by the calculation and by the slow oracle."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc

from . import calculator as oracle
from .communities import Community, communities
from .examples import examples
from .facts import as_cost, as_tariff, as_unit, place


def calculated(community: Community):
    """Lines and exceptions as the oracle tells them."""
    calculator = calc.Calculator(
        period=calc.Span(*community.period),
        tariffs=[as_tariff(t) for t in community.tariffs],
        in_arrears=community.in_arrears,
    )
    units = [as_unit(home) for home in community.units]
    problems = [
        problem
        for number, cost in enumerate(community.costs)
        if is_due(cost, community)
        for problem in calculator.share(as_cost(number, cost), units)
    ]
    known = [as_cost(number, cost) for number, cost in enumerate(community.costs)]
    problems += calculator.without_cost(known, units)
    lines = []
    for unit in units:
        outcome = calculator.bill(unit)
        problems += outcome.problems
        for line in outcome.lines:
            span, item = line.terms.span, line.terms.tariff.item
            lines.append((str(unit.id), line.party, item, span.start, span.end, line.fen))
    return lines, {(place(p.unit, p.building), p.item, str(p.reason)) for p in problems}


def is_due(cost, community: Community) -> bool:
    """Costs are handed to the calculation in the period that contains their end."""
    period = calc.Span(*community.period)
    late = cost["item"] in community.in_arrears
    return cost["to"] in (calc.months_before(period) if late else period)


@given(communities())
@examples()
def test_the_calculation_and_the_oracle_agree(community):
    lines, exceptions = calculated(community)
    expected, missing = oracle.bill(
        community.units, community.tariffs, community.costs, community.period, community.in_arrears
    )
    assert Counter(lines) == Counter(expected)
    assert exceptions == set(missing)


@given(communities())
@examples(0.3)
def test_the_order_in_which_units_are_billed_changes_nothing(community):
    backwards = Community(**{**vars(community), "units": community.units[::-1]})
    alone, _ = calculated(Community(**{**vars(community), "costs": []}))
    again, _ = calculated(Community(**{**vars(backwards), "costs": []}))
    assert Counter(alone) == Counter(again)


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(0, 50_000), min_size=1, max_size=60).filter(any),
)
@examples(2)
def test_apportionment_sums_to_the_pool_and_is_fair(pool, weights):
    parts = calc.largest_remainder(pool, weights)
    assert sum(parts) == pool
    assert parts == oracle.apportion(pool, [Fraction(weight) for weight in weights])
    exact = [Fraction(pool * weight, sum(weights)) for weight in weights]
    assert all(abs(part - each) < 1 for part, each in zip(parts, exact, strict=True))
