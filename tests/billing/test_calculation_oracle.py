"""Random communities come to the same fen by the calculation and by the slow oracle."""

from collections import Counter

from hypothesis import HealthCheck, given, settings

from billing import calculation as calc

from . import oracle
from .random_communities import as_cost, as_tariff, as_unit, communities


def calculated(homes, tariffs, costs, period):
    calculator = calc.Calculator(period=calc.Span(*period), tariffs=[as_tariff(t) for t in tariffs])
    units = [as_unit(home) for home in homes]
    problems = [
        p for n, cost in enumerate(costs) for p in calculator.share(as_cost(n, cost), units)
    ]
    lines = []
    for unit in units:
        outcome = calculator.bill(unit)
        problems += outcome.problems
        for line in outcome.lines:
            span = line.terms.span
            item = line.terms.tariff.item
            lines.append((str(unit.id), line.party, item, span.start, span.end, line.fen))
    return lines, problems


@given(communities())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_calculation_and_the_oracle_agree(community):
    homes, tariffs, costs, period = community
    lines, problems = calculated(homes, tariffs, costs, period)
    expected, exceptions = oracle.bill(homes, tariffs, costs, *period)
    assert Counter(lines) == Counter(expected)
    # Days without a payer are the calculation's own business: the oracle names meters and costs.
    metered_or_shared = {(None if p.unit is None else str(p.unit), p.item) for p in problems}
    assert set(exceptions) <= metered_or_shared
    for problem in problems:
        if problem.reason in (calc.Reason.NO_READING, calc.Reason.BACKWARD_METER):
            assert (str(problem.unit), problem.item) in exceptions
