"""Who pays for a unit as a final bill sees it: up to a day those of the register, then others."""

from datetime import date

from billing.calculation import FOREVER, Payer, Span, Unit
from billing.calculation.spans import day_after, day_before

# Stands for whoever comes after the day up to which a unit is billed, where nobody is known yet.
SOMEBODY_ELSE = -1


def let_others_in(unit: Unit, until: date) -> frozenset[int]:
    """Nobody who pays now pays after `until`; returns who does then, as far as they are known.

    They are no part of a final bill, but one who was billed for his days already keeps his lines.
    """
    leaving = [
        payer._replace(span=Span(payer.span.start, min(payer.span.end, until)))
        for payer in unit.payers
        if payer.span.start <= until
    ]
    gone = {payer.party for payer in leaving}
    coming = [p for p in unit.payers if p.span.start > until and p.party not in gone]
    first = day_after(until)
    end = day_before(coming[0].span.start) if coming else FOREVER
    between = [Payer(Span(first, end), SOMEBODY_ELSE)] if first <= end else []
    unit.payers[:] = [*leaving, *between, *coming]
    return frozenset(payer.party for payer in coming)
