"""How a charge is computed: pure functions over plain facts, exact to the fen, no Django.

`Calculator` is the way in, `window` charges one span of days. One file for each way of charging:
`proration` by days (面积, 户) and once (一次性), `metering` by meter (用量, 阶梯), `sharing` of a
common cost (公摊面积, 公摊户). `tariffs` tells which price is in force, `tenure` who pays on which
days.
"""

from billing.calculation.calculator import Calculator
from billing.calculation.facts import (
    Line,
    Outcome,
    Payer,
    Place,
    Problem,
    Reading,
    Reason,
    SharedCost,
    Terms,
    Unit,
)
from billing.calculation.sharing import largest_remainder
from billing.calculation.spans import FOREVER, Span, months_before, months_in
from billing.calculation.tariffs import Method, Rounding, Tariff, Tier, parse_tiers

__all__ = [
    "FOREVER",
    "Calculator",
    "Line",
    "Method",
    "Outcome",
    "Payer",
    "Place",
    "Problem",
    "Reading",
    "Reason",
    "Rounding",
    "SharedCost",
    "Span",
    "Tariff",
    "Terms",
    "Tier",
    "Unit",
    "largest_remainder",
    "months_before",
    "months_in",
    "parse_tiers",
]
