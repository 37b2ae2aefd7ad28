"""The charges of a period, unit by unit."""

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal

from billing.calculation.facts import Outcome, Place, Problem, Reason, SharedCost, Unit
from billing.calculation.spans import Span, months_before
from billing.calculation.tariffs import Tariff, TariffBook
from billing.calculation.tenure import is_handed_over, tenures
from billing.calculation.window import Window


class Calculator:
    """Computes what units are charged in one period.

    Items in arrears are charged for the period of the same length before it, by the tariffs and
    payers of those days. Share the costs first, over all units in natural order; then bill the
    units one by one, in any order. What many units have in common is worked out once and kept.
    """

    def __init__(
        self, *, period: Span, tariffs: Iterable[Tariff], in_arrears: Collection[int] = ()
    ) -> None:
        self.period = period
        # By cost: the m² or units that it was shared over, which explains everybody's part.
        self.shared_over: dict[int, Decimal] = {}
        self._in_arrears = frozenset(in_arrears)
        of_now: list[Tariff] = []
        of_before: list[Tariff] = []
        for tariff in tariffs:
            (of_before if tariff.item in self._in_arrears else of_now).append(tariff)
        self._now = Window(period, of_now)
        self._before = Window(months_before(period), of_before) if of_before else None
        # Tariffs that begin to be charged with the next period cover a unit all the same.
        self._to_come = TariffBook(of_before, period)

    def share(self, cost: SharedCost, places: Iterable[Place | Unit]) -> list[Problem]:
        """Share a cost whose end is in its item's days; ``bill`` then charges the units' parts."""
        late = self._before if cost.item in self._in_arrears else None
        sharing = (late or self._now).share(cost, places)
        self.shared_over[cost.id] = sharing.whole
        return sharing.problems

    @property
    def shares(self) -> bool:
        """Whether any tariff shares costs."""
        return any(window.book.shares for window in self._windows)

    def without_cost(
        self, known: Sequence[SharedCost], places: Sequence[Place | Unit]
    ) -> list[Problem]:
        """Shared items with months of which no cost is ``known``, for buildings of ``places``.

        Not only those that are due: a cost that ends later is known too.
        """
        return [
            problem for window in self._windows for problem in window.without_cost(known, places)
        ]

    @property
    def _windows(self) -> list[Window]:
        return [self._now, self._before] if self._before else [self._now]

    def bill(self, unit: Unit) -> Outcome:
        """All lines of a unit: by days, once, by meter, then its parts of shared costs."""
        outcome = Outcome()
        covered = self._now.bill(unit, outcome)
        if self._before:
            covered = self._before.bill(unit, outcome) or covered
        if not covered:
            self._without_tariff(unit, outcome)
        return outcome

    def _without_tariff(self, unit: Unit, outcome: Outcome) -> None:
        """Somebody would pay for this unit, and no tariff says for what."""
        if self._to_come.in_force(self._to_come.scope(unit)):
            return
        for run in tenures(unit, self.period):
            if run.party is not None and is_handed_over(unit, run.span.end):
                outcome.problems.append(Problem(unit.id, None, Reason.NO_TARIFF, unit.kind))
                return
