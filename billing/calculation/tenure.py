"""Who pays for a unit on which days, and whether it is vacant then."""

from datetime import date
from typing import NamedTuple

from billing.calculation.facts import Unit
from billing.calculation.spans import FOREVER, Span, day_after, day_before


class Tenure(NamedTuple):
    """A maximal run of days with one payer (None: nobody) and one vacancy state."""

    span: Span
    party: int | None
    vacant: bool


def payer_on(unit: Unit, day: date) -> int | None:
    """Who pays on a day. Before handover that is the developer, if he is on the register as payer.

    None: nobody is to pay (not handed over) or nobody is known.
    """
    handed_over = is_handed_over(unit, day)
    for payer in unit.payers:
        if day in payer.span:
            return payer.party if handed_over or payer.developer else None
    return None


def is_handed_over(unit: Unit, day: date) -> bool:
    """Whether a unit is billed to its owner on a day: the handover day is."""
    return unit.handover is not None and unit.handover <= day


def tenures(unit: Unit, span: Span) -> list[Tenure]:
    """The days of a span in order, cut wherever the payer or the vacancy changes.

    A vacancy boundary cuts even where it changes no amount; two payer entries of one party that
    touch do not.
    """
    starts = {span.start}
    for run in (*(payer.span for payer in unit.payers), *unit.vacancies):
        starts.add(run.start)
        if run.end < FOREVER:
            starts.add(day_after(run.end))
    if unit.handover:
        starts.add(unit.handover)
    days = sorted(day for day in starts if day in span)
    runs: list[Tenure] = []
    for first, after in zip(days, [*days[1:], None], strict=True):
        last = day_before(after) if after else span.end
        party = payer_on(unit, first)
        vacant = any(first in vacancy for vacancy in unit.vacancies)
        if runs and (runs[-1].party, runs[-1].vacant) == (party, vacant):
            runs[-1] = Tenure(Span(runs[-1].span.start, last), party, vacant)
        else:
            runs.append(Tenure(Span(first, last), party, vacant))
    return runs


def is_settled(unit: Unit, span: Span) -> bool:
    """Whether one owner has the unit on every day of a span and it is never vacant: most units."""
    return (
        len(unit.payers) == 1
        and unit.handover is not None
        and unit.handover <= span.start
        and unit.payers[0].span.start <= span.start
        and unit.payers[0].span.end >= span.end
        and not any(vacancy.meet(span) for vacancy in unit.vacancies)
    )
