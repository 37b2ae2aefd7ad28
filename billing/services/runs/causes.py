"""Why somebody's lines are others than those that stand on his bill."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from billing import calculation as calc
from billing.models import RunChange

BY_SHARE = frozenset({"shared_area", "shared_household"})
BY_METER = frozenset({"usage", "tiered"})

Why = RunChange.Why


class Line(NamedTuple):
    """What tells one line of a unit from another, whether computed or on a bill."""

    party: int
    item: int
    tariff: int | None
    start: date
    end: date
    quantity: Decimal
    price: Decimal | None
    factor: Decimal
    fen: int
    method: str


def as_line(line: calc.Line) -> Line:
    """A computed line, comparable with one that stands on a bill."""
    terms = line.terms
    return Line(
        line.party,
        terms.tariff.item,
        terms.tariff.id,
        terms.span.start,
        terms.span.end,
        line.quantity,
        terms.price,
        terms.factor,
        line.fen,
        terms.tariff.method.value,
    )


def reasons(gone: list[Line], new: list[Line], party: int) -> list[str]:
    """Why one payer's lines are others than before, as codes of `RunChange.Why`.

    `gone` and `new` are the lines of all payers of the unit: what only went from one to another is
    another payer, and neither another reading nor another share.
    """
    found = set()
    mine_gone = [line for line in gone if line.party == party]
    mine_new = [line for line in new if line.party == party]
    if {line.party for line in gone} != {line.party for line in new} and gone and new:
        found.add(Why.PAYER)
    for item in {line.item for line in (*mine_gone, *mine_new)}:
        was, now = _of(gone, item), _of(new, item)
        methods = {line.method for line in (*was, *now)}
        if methods & BY_SHARE:
            found |= _by_share(was, now, methods)
        elif methods & BY_METER:
            found |= _by_meter(was, now)
        else:
            found |= _by_days(_of(mine_gone, item), _of(mine_new, item))
    if not found or (found == {Why.PAYER} and mine_gone and mine_new):
        found.add(Why.DAYS)
    return [code.value for code in Why if code in found]


def _of(lines: Iterable[Line], item: int) -> list[Line]:
    return [line for line in lines if line.item == item]


def _by_share(was: list[Line], now: list[Line], methods: set[str]) -> set[Why]:
    """The unit's own part, or how much there is in all: a cost that is billed keeps its amount."""
    before, after = (sorted((x.start, x.end, x.quantity, x.fen) for x in ls) for ls in (was, now))
    if before == after:
        return set()
    if [part[:3] for part in before] != [part[:3] for part in after]:
        return {Why.SHARE}
    return {Why.POOL_AREA if "shared_area" in methods else Why.POOL_UNITS}


def _by_meter(was: list[Line], now: list[Line]) -> set[Why]:
    told: dict[Why, list[Any]] = {
        Why.PRICE: [{line.tariff for line in lines} for lines in (was, now)],
        Why.USAGE: [sum(line.quantity for line in lines) for lines in (was, now)],
    }
    # Lines that are only gone, or only new, say what was used but nothing about a price.
    if not (was and now):
        del told[Why.PRICE]
    return {reason for reason, (before, after) in told.items() if before != after}


def _by_days(was: list[Line], now: list[Line]) -> set[Why]:
    if not (was and now):
        return set()
    told: dict[Why, list[set[Any]]] = {
        Why.AREA: [{line.quantity for line in lines} for lines in (was, now)],
        Why.PRICE: [{(line.tariff, line.price) for line in lines} for lines in (was, now)],
        Why.VACANCY: [{line.factor for line in lines} for lines in (was, now)],
    }
    return {reason for reason, (before, after) in told.items() if before != after}
