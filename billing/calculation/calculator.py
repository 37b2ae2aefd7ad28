"""The charges of a period, unit by unit."""

from collections.abc import Iterable
from decimal import Decimal

from billing.calculation.facts import (
    Line,
    Outcome,
    Place,
    Problem,
    Reason,
    SharedCost,
    Terms,
    Unit,
)
from billing.calculation.metering import NoReading, Usage, split_by_tiers, usages
from billing.calculation.proration import DayRate
from billing.calculation.sharing import Share, share_cost
from billing.calculation.spans import Span, months_in
from billing.calculation.tariffs import BY_DAYS, BY_METER, InForce, Method, Tariff, TariffBook, Tier
from billing.calculation.tenure import Tenure, is_handed_over, is_settled, payer_on, tenures

ONE = Decimal(1)


class Calculator:
    """Computes what units are charged in one period.

    Share the costs first, over all units in natural order; then bill the units one by one, in any
    order. What many units have in common (tariffs in force, months, prices as integers) is worked
    out once and kept.
    """

    def __init__(self, *, period: Span, tariffs: Iterable[Tariff]) -> None:
        self.period = period
        self.book = TariffBook(tariffs, period)
        # By cost: the m² or units that it was shared over, which explains everybody's part.
        self.shared_over: dict[int, Decimal] = {}
        self._shares: dict[int, list[Share]] = {}
        self._rates: dict[tuple[Tariff, Span, bool], DayRate] = {}
        self._whole_rates: dict[tuple[str, int], list[DayRate]] = {}
        self._metered: dict[tuple[str, int], list[Tariff]] = {}
        self._tier_terms: dict[tuple[Tariff, Span, Tier], Terms] = {}

    def share(self, cost: SharedCost, places: Iterable[Place | Unit]) -> list[Problem]:
        """Share a cost whose end is in the period; ``bill`` then charges the units' parts."""
        sharing = share_cost(cost, places, self.book)
        self.shared_over[cost.id] = sharing.whole
        for unit, part in sharing.shares.items():
            self._shares.setdefault(unit, []).append(part)
        return sharing.problems

    def bill(self, unit: Unit) -> Outcome:
        """All lines of a unit: by days, by meter, then its parts of shared costs."""
        outcome = Outcome()
        self._by_days(unit, outcome)
        self._by_meter(unit, outcome)
        for part in self._shares.get(unit.id, ()):
            self._part_of_cost(unit, part, outcome)
        return outcome

    # --- by days: 面积, 户 ---

    def _by_days(self, unit: Unit, outcome: Outcome) -> None:
        if is_settled(unit, self.period):
            party = unit.payers[0].party
            for rate in self._rates_of_settled(unit.kind, unit.building):
                self._line_by_days(unit, rate, party, outcome)
            return
        runs = tenures(unit, self.period)
        for in_force in self.book.in_force(unit.kind, unit.building):
            if in_force.tariff.method in BY_DAYS:
                for run in runs:
                    self._days_of(unit, in_force, run, outcome)

    def _days_of(self, unit: Unit, in_force: InForce, run: Tenure, outcome: Outcome) -> None:
        span = run.span.meet(in_force.span)
        if span is None:
            return
        if run.party is not None:
            rate = self._rate(in_force.tariff, span, vacant=run.vacant)
            self._line_by_days(unit, rate, run.party, outcome)
        elif is_handed_over(unit, span.start):
            days = f"{span.start} – {span.end}"
            outcome.problems.append(Problem(unit.id, in_force.tariff.item, Reason.NO_PAYER, days))

    def _line_by_days(self, unit: Unit, rate: DayRate, party: int, outcome: Outcome) -> None:
        tariff = rate.terms.tariff
        if tariff.price is None or (rate.per_area and not unit.area):
            missing = "¥ = ?" if tariff.price is None else "m² = 0"
            outcome.problems.append(Problem(unit.id, tariff.item, Reason.CANNOT_COMPUTE, missing))
            return
        quantity = unit.area if rate.per_area else ONE
        outcome.lines.append(Line(rate.terms, party, quantity, rate.fen(quantity)))

    def _rates_of_settled(self, kind: str, building: int) -> list[DayRate]:
        """The rates of a unit where nothing changes in the period."""
        key = kind, building
        if key not in self._whole_rates:
            self._whole_rates[key] = [
                self._rate(tariff, span, vacant=False)
                for tariff, span in self.book.in_force(kind, building)
                if tariff.method in BY_DAYS
            ]
        return self._whole_rates[key]

    def _rate(self, tariff: Tariff, span: Span, *, vacant: bool) -> DayRate:
        key = tariff, span, vacant
        if key not in self._rates:
            self._rates[key] = DayRate(tariff, span, vacant=vacant)
        return self._rates[key]

    # --- by meter: 用量, 阶梯 ---

    def _by_meter(self, unit: Unit, outcome: Outcome) -> None:
        for tariff in self._metered_at_end(unit.kind, unit.building):
            if not is_handed_over(unit, self.period.end) and not payer_on(unit, self.period.end):
                continue
            try:
                used = usages(unit, unit.readings.get(tariff.item, ()), self.period)
            except NoReading as missing:
                if is_handed_over(unit, self.period.end):
                    problem = Problem(unit.id, tariff.item, Reason.NO_READING, str(missing))
                    outcome.problems.append(problem)
                continue
            problem_found = _problem_of_usage(unit, tariff, used)
            if problem_found:
                outcome.problems.append(problem_found)
                continue
            for usage in used:
                self._lines_of_usage(unit, usage, tariff.item, outcome)

    def _metered_at_end(self, kind: str, building: int) -> list[Tariff]:
        """The tariffs by meter at the period's end: they tell whether a reading is due."""
        key = kind, building
        if key not in self._metered:
            self._metered[key] = [
                tariff
                for tariff, span in self.book.in_force(kind, building)
                if tariff.method in BY_METER and self.period.end in span
            ]
        return self._metered[key]

    def _lines_of_usage(self, unit: Unit, usage: Usage, item: int, outcome: Outcome) -> None:
        day = max(usage.span.end, self.period.start)
        tariff = self.book.on(day, item=item, kind=unit.kind, building=unit.building)
        if tariff is None or tariff.method not in BY_METER or not usage.quantity:
            return
        if usage.party is None:
            outcome.problems.append(Problem(unit.id, item, Reason.NO_PAYER, str(day)))
            return
        tiers = tariff.tiers
        if tariff.method is Method.USAGE and tariff.price is not None:
            tiers = (Tier(None, tariff.price),)
        if not tiers:
            outcome.problems.append(Problem(unit.id, item, Reason.CANNOT_COMPUTE, "¥ = ?"))
            return
        for tier, quantity, fen in split_by_tiers(usage.quantity, tiers, months_in(usage.span)):
            terms = self._terms_of_tier(tariff, usage.span, tier)
            outcome.lines.append(Line(terms, usage.party, quantity, fen))

    def _terms_of_tier(self, tariff: Tariff, span: Span, tier: Tier) -> Terms:
        key = tariff, span, tier
        if key not in self._tier_terms:
            self._tier_terms[key] = Terms(tariff, span, tier.price, None, ONE)
        return self._tier_terms[key]

    # --- by share: 公摊面积, 公摊户 ---

    def _part_of_cost(self, unit: Unit, part: Share, outcome: Outcome) -> None:
        end = part.terms.span.end
        party = payer_on(unit, end)
        if party is None:
            item = part.terms.tariff.item
            outcome.problems.append(Problem(unit.id, item, Reason.NO_PAYER, str(end)))
            return
        outcome.lines.append(Line(part.terms, party, part.quantity, part.fen))


def _problem_of_usage(unit: Unit, tariff: Tariff, used: Iterable[Usage]) -> Problem | None:
    """A meter that ran backwards, or None."""
    for usage in used:
        if usage.quantity < 0:
            since, until = usage.since, usage.until
            readings = f"{since.day} {since.value} → {until.day} {until.value}"
            return Problem(unit.id, tariff.item, Reason.BACKWARD_METER, readings)
    return None
