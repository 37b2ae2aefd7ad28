"""Computes the bills of a period from what is on record, in chunks of units."""

from collections.abc import Iterator

from billing import calculation as calc
from billing.services.runs import facts
from billing.services.runs.run_totals import Bills, Totals
from community.models import Community

# The server has nothing to write before the first chunk is computed, so that one is small; each
# COPY costs some waiting for Python's lock, so the later ones are large. It bounds memory.
FIRST_CHUNK = 1_000
CHUNK = 16_000


class Computation:
    """The bills of one period. Shared costs are shared at once, units are billed as asked for."""

    def __init__(self, community: Community, period: calc.Span) -> None:
        self.community = community
        self.period = period
        self.days = self.days_charged()
        self.totals = Totals()
        self._calculator = calc.Calculator(
            period=period,
            tariffs=facts.tariffs_of(community, self.days.all),
            in_arrears=self.days.in_arrears,
        )
        costs = facts.costs_due(community, self.days)
        misses = self.misses_costs() and self._calculator.shares
        everywhere = facts.places(community) if costs or misses else []
        for cost in costs:
            self.totals.problems += self._calculator.share(cost, everywhere)
            self.totals.pools.append((cost, self._calculator.shared_over[cost.id]))
        if misses:
            known = facts.costs_known(community, self.days)
            self.totals.problems += self._calculator.without_cost(known, everywhere)

    def days_charged(self) -> facts.Days:
        """Which days are charged; a correction charges those of the run that it corrects."""
        return facts.days_of(self.community, self.period)

    def misses_costs(self) -> bool:
        """Whether a shared cost that nobody recorded is an exception."""
        return True

    def unit_ids(self) -> list[int]:
        """The units that are billed, in natural order; a correction may ask for a few."""
        return facts.unit_ids(self.community)

    def kept(self, unit: calc.Unit, lines: list[calc.Line]) -> list[calc.Line]:
        """The lines of a unit that are to be billed; a correction leaves out what stands."""
        return lines

    def chunks(self) -> Iterator[facts.AskedUnits]:
        """All units in natural order, so many at a time; their facts are read when asked for."""
        ids = self.unit_ids()
        start, size = 0, FIRST_CHUNK
        while start < len(ids):
            yield facts.AskedUnits(ids[start : start + size], self.days.all)
            start, size = start + size, min(2 * size, CHUNK)

    def bills(self, unit: calc.Unit) -> Bills:
        """The bills of a unit: payer, lines and fen of each. A change of payer makes two."""
        outcome = self._calculator.bill(unit)
        if outcome.problems:
            self.totals.problems += outcome.problems
        lines = self.kept(unit, outcome.lines)
        if not lines:
            return ()
        by_party: dict[int, list[calc.Line]] = {}
        for line in lines:
            by_party.setdefault(line.party, []).append(line)
        bills = [(party, own, sum([line.fen for line in own])) for party, own in by_party.items()]
        self.totals.add(unit, lines, bills)
        return bills
