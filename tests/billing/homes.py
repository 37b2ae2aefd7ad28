"""Small homes, tariffs and meters for the calculation alone, and what they are billed."""

from datetime import date, timedelta
from decimal import Decimal

from billing import calculation as calc

YEAR = calc.Span(date(2026, 1, 1), date(2026, 12, 31))
QUARTER = calc.Span(date(2026, 1, 1), date(2026, 3, 31))
ALWAYS = calc.Span(date(2020, 1, 1), calc.FOREVER)
WATER = "15:3.45;25:4.83;:5.83"


def tariff(number=1, method="area", price="2.35", **fields):
    fields = {"item": 1, "kind": "住宅", "span": ALWAYS, "vacancy_factor": Decimal("0.7")} | fields
    tiers = calc.parse_tiers(price) if method == "tiered" else ()
    return calc.Tariff(
        id=number,
        method=calc.Method(method),
        price=None if tiers or price is None else Decimal(price),
        tiers=tiers,
        **fields,
    )


def unit(number=1, **fields):
    fields = {
        "kind": "住宅",
        "building": 1,
        "area": Decimal("100.00"),
        "handover": date(2020, 1, 1),
        "payers": [calc.Payer(ALWAYS, 7)],
    } | fields
    return calc.Unit(id=number, **fields)


def readings(*values):
    return {1: [calc.Reading(date.fromisoformat(d), Decimal(v)) for d, v in values]}


def transferred(day, *values):
    """A unit whose payer is 7 until `day` and 8 from then on."""
    day = date.fromisoformat(day)
    return unit(
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), day - timedelta(days=1)), 7),
            calc.Payer(calc.Span(day, calc.FOREVER), 8),
        ],
        readings=readings(*values),
    )


def bill(tariffs, one, period=QUARTER, costs=()):
    """Lines as (payer, from, to, fen) and reasons of problems."""
    calculator = calc.Calculator(period=period, tariffs=tariffs)
    problems = [p for cost in costs for p in calculator.share(cost, [one])]
    outcome = calculator.bill(one)
    lines = [
        (line.party, f"{line.terms.span.start:%m%d}-{line.terms.span.end:%m%d}", line.fen)
        for line in outcome.lines
    ]
    return lines, [p.reason for p in problems + outcome.problems]


def reasons_of(calculator, one):
    return [problem.reason for problem in calculator.bill(one).problems]
