"""The calculation alone bills both sample communities to the fen."""

from collections import Counter
from datetime import date

import pytest

from billing import calculation as calc
from core.money import plain_fen

from .plain_files import Files, rows

QUARTER = calc.Span(date(2026, 1, 1), date(2026, 3, 31))


@pytest.mark.parametrize("community", ["yunqi", "hetang"])
def test_a_sample_community_is_billed_as_expected(community):
    files = Files(community)
    names = {number: name for name, number in files.items.items()}
    calculator = calc.Calculator(period=QUARTER, tariffs=files.tariffs)
    units = files.in_natural_order()
    problems = [p for cost in files.costs for p in calculator.share(cost, units)]
    lines = []
    for unit in units:
        outcome = calculator.bill(unit)
        problems += outcome.problems
        for line in outcome.lines:
            terms = line.terms
            lines.append(
                (
                    files.codes[unit.id],
                    str(line.party),
                    names[terms.tariff.item],
                    str(terms.span.start),
                    str(terms.span.end),
                    plain_fen(line.fen),
                )
            )
    expected = [tuple(row.values()) for row in rows(community, "expected_lines")]
    assert Counter(lines) - Counter(expected) == Counter()
    assert Counter(expected) - Counter(lines) == Counter()
    expected_problems = [tuple(row.values()) for row in rows(community, "expected_exceptions")]
    found = sorted((files.codes[p.unit], names[p.item]) for p in problems)
    assert found == sorted(expected_problems)
