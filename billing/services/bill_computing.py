"""Computes the bills of a period from what is on record, in chunks of units."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing import calculation as calc
from billing.services import facts
from community.models import Community

CHUNK = 4_000


@dataclass
class Totals:
    """What a run comes to, in fen, and what it could not charge."""

    bills: int = 0
    lines: int = 0
    fen: int = 0
    fen_by_item: Counter[int] = field(default_factory=Counter)
    problems: list[calc.Problem] = field(default_factory=list)
    pools: list[tuple[calc.SharedCost, Decimal]] = field(default_factory=list)


class Computation:
    """The bills of one period. Shared costs are shared at once, units are billed as asked for."""

    def __init__(self, community: Community, period: calc.Span) -> None:
        self.community = community
        self.period = period
        self.days = facts.days_of(community, period)
        self.totals = Totals()
        self._calculator = calc.Calculator(
            period=period,
            tariffs=facts.tariffs_of(community, self.days.all),
            in_arrears=self.days.in_arrears,
        )
        costs = facts.costs_due(community, self.days)
        everywhere = facts.places(community) if costs else []
        for cost in costs:
            self.totals.problems += self._calculator.share(cost, everywhere)
            self.totals.pools.append((cost, self._calculator.shared_over[cost.id]))

    def unit_ids(self) -> list[int]:
        """The units that are billed, in natural order; a correction may ask for a few."""
        return facts.unit_ids(self.community)

    def kept(self, unit: calc.Unit, lines: list[calc.Line]) -> list[calc.Line]:
        """The lines of a unit that are to be billed; a correction leaves out what stands."""
        return lines

    def chunks(self) -> Iterator[facts.AskedUnits]:
        """All units in natural order, so many at a time; their facts are read when asked for."""
        ids = self.unit_ids()
        for start in range(0, len(ids), CHUNK):
            yield facts.AskedUnits(ids[start : start + CHUNK], self.days.all)

    def bills(self, unit: calc.Unit) -> Sequence[tuple[int, list[calc.Line], int]]:
        """The bills of a unit: payer, lines and fen of each. A change of payer makes two."""
        outcome = self._calculator.bill(unit)
        totals = self.totals
        totals.problems += outcome.problems
        kept = self.kept(unit, outcome.lines)
        if not kept:
            return ()
        by_item = totals.fen_by_item
        for line in kept:
            by_item[line.terms.tariff.item] += line.fen
        by_party: dict[int, list[calc.Line]] = {}
        for line in kept:
            by_party.setdefault(line.party, []).append(line)
        bills = [
            (party, lines, sum(line.fen for line in lines)) for party, lines in by_party.items()
        ]
        totals.bills += len(bills)
        totals.lines += len(kept)
        totals.fen += sum(fen for _party, _lines, fen in bills)
        return bills
