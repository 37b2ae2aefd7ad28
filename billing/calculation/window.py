"""The charges for one span of days: that of the period, or for items in arrears the one before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from billing.calculation.metering import (
    NoReading,
    Usage,
    split_by_tiers,
    unusually_high,
    usages,
)
from billing.calculation.proration import DayRate, once
from billing.calculation.sharing import Share, Sharing, months_without_cost, share_cost
from billing.calculation.spans import Span, months_in
from billing.calculation.tariffs import (
    BY_DAYS,
    BY_METER,
    InForce,
    Method,
    Scope,
    Tariff,
    TariffBook,
    Tier,
)
from billing.calculation.tenure import Tenure, is_handed_over, is_settled, payer_on, tenures

ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Plan:
    """How units of one scope are charged. Most of them need nothing but the first list."""

    whole: list[DayRate]  # by days, where nothing changes in the span
    by_days: list[InForce]
    once: list[Terms]
    metered: list[Tariff]  # at the span's end: they tell whether a reading is due
    covered: bool  # whether any tariff is in force at all


class Window:
    """Computes what units are charged for one span of days by the tariffs given."""

    def __init__(self, span: Span, tariffs: Iterable[Tariff]) -> None:
        self.span = span
        self.book = TariffBook(tariffs, span)
        self._shares: dict[int, list[Share]] = {}
        self._plans: dict[Scope, Plan] = {}
        self._rates: dict[tuple[Tariff, Span, bool], DayRate] = {}
        self._terms: dict[tuple[Tariff, Span, Tier | None], Terms] = {}

    def share(self, cost: SharedCost, places: Iterable[Place | Unit]) -> Sharing:
        """Share a cost whose end is in the span; ``bill`` then charges the units' parts."""
        sharing = share_cost(cost, places, self.book)
        for unit, part in sharing.shares.items():
            self._shares.setdefault(unit, []).append(part)
        return sharing

    def without_cost(
        self, known: Sequence[SharedCost], places: Iterable[Place | Unit]
    ) -> list[Problem]:
        """Items that are to be shared in months of which no cost is ``known``.

        Told for each building that lacks one; together where all that share the item lack the same.
        """
        problems = []
        for item, pools in self.book.shared(places).items():
            lacking = {
                building: months_without_cost(
                    self.span,
                    pool,
                    [c.span for c in known if c.item == item and c.building in (None, building)],
                )
                for building, pool in pools.items()
            }
            first, *others = lacking.values()
            if all(months == first for months in others):
                problems += _no_cost(item, first, None)
                continue
            for building, months in lacking.items():
                problems += _no_cost(item, months, building)
        return problems

    def bill(self, unit: Unit, outcome: Outcome) -> bool:
        """Add a unit's lines and problems; returns whether any tariff is in force for it."""
        scope = self.book.scope(unit)
        plan = self._plans.get(scope) or self._plan(scope)
        if is_settled(unit, self.span):
            party = unit.payers[0].party
            for rate in plan.whole:
                self._line_by_days(unit, rate, party, outcome)
        elif plan.by_days:
            self._by_days(unit, plan, outcome)
        for terms in plan.once:
            self._once(unit, terms, outcome)
        for tariff in plan.metered:
            self._by_meter(unit, tariff, scope, outcome)
        for part in self._shares.get(unit.id, ()):
            self._part_of_cost(unit, part, outcome)
        return plan.covered

    def _plan(self, scope: Scope) -> Plan:
        in_force = self.book.in_force(scope)
        by_days = [piece for piece in in_force if piece.tariff.method in BY_DAYS]
        self._plans[scope] = plan = Plan(
            whole=[self._rate(tariff, span, vacant=False) for tariff, span in by_days],
            by_days=by_days,
            once=[
                self._terms_of(tariff, Span(span.start, span.start))
                for tariff, span in in_force
                if tariff.method is Method.ONCE and span.start == tariff.span.start
            ],
            metered=[
                tariff
                for tariff, span in in_force
                if tariff.method in BY_METER and self.span.end in span
            ],
            covered=bool(in_force),
        )
        return plan

    def _terms_of(self, tariff: Tariff, span: Span, tier: Tier | None = None) -> Terms:
        """The terms of what is not charged by days, at the price of a tier or of the tariff."""
        key = tariff, span, tier
        if key not in self._terms:
            price = tier.price if tier else tariff.price
            self._terms[key] = Terms(tariff, span, price, None, ONE)
        return self._terms[key]

    # --- by days: 面积, 户 ---

    def _by_days(self, unit: Unit, plan: Plan, outcome: Outcome) -> None:
        runs = tenures(unit, self.span)
        for in_force in plan.by_days:
            for run in runs:
                self._days_of(unit, in_force, run, outcome)

    def _days_of(self, unit: Unit, in_force: InForce, run: Tenure, outcome: Outcome) -> None:
        span = run.span.meet(in_force.span)
        if span is None:
            return
        if run.party is not None:
            rate = self._rate(in_force.tariff, span, vacant=run.vacant)
            self._line_by_days(unit, rate, run.party, outcome)
        elif unit.handover is not None and unit.handover <= span.end:
            days = f"{max(span.start, unit.handover)} – {span.end}"
            outcome.problems.append(Problem(unit.id, in_force.tariff.item, Reason.NO_PAYER, days))

    def _line_by_days(self, unit: Unit, rate: DayRate, party: int, outcome: Outcome) -> None:
        tariff = rate.terms.tariff
        if tariff.price is None or (rate.per_area and not unit.area):
            missing = "¥ = ?" if tariff.price is None else "m² = 0"
            outcome.problems.append(Problem(unit.id, tariff.item, Reason.CANNOT_COMPUTE, missing))
            return
        quantity = unit.area if rate.per_area else ONE
        outcome.lines.append(Line(rate.terms, party, quantity, rate.fen(quantity)))

    def _rate(self, tariff: Tariff, span: Span, *, vacant: bool) -> DayRate:
        key = tariff, span, vacant
        if key not in self._rates:
            self._rates[key] = DayRate(tariff, span, vacant=vacant)
        return self._rates[key]

    # --- once: 一次性 ---

    def _once(self, unit: Unit, terms: Terms, outcome: Outcome) -> None:
        """On the tariff's first day, to who pays then, if the unit is handed over by then."""
        day, item = terms.span.start, terms.tariff.item
        if not is_handed_over(unit, day):
            return
        party = payer_on(unit, day)
        if party is None:
            outcome.problems.append(Problem(unit.id, item, Reason.NO_PAYER, str(day)))
        elif terms.price is None:
            outcome.problems.append(Problem(unit.id, item, Reason.CANNOT_COMPUTE, "¥ = ?"))
        else:
            outcome.lines.append(Line(terms, party, ONE, once(terms.price)))

    # --- by meter: 用量, 阶梯 ---

    def _by_meter(self, unit: Unit, tariff: Tariff, scope: Scope, outcome: Outcome) -> None:
        handed_over = is_handed_over(unit, self.span.end)
        if not handed_over and not payer_on(unit, self.span.end):
            return
        readings = unit.readings.get(tariff.item, ())
        try:
            used = usages(unit, readings, self.span)
        except NoReading as missing:
            if handed_over:
                problem = Problem(unit.id, tariff.item, Reason.NO_READING, str(missing))
                outcome.problems.append(problem)
            return
        backward = _backward(unit, tariff, used)
        if backward:
            outcome.problems.append(backward)
            return
        for usage in used:
            self._lines_of_usage(unit, usage, tariff.item, scope, outcome)
        high = unusually_high(readings, self.span)
        if high:
            outcome.problems.append(Problem(unit.id, tariff.item, Reason.HIGH_USAGE, high))

    def _lines_of_usage(
        self, unit: Unit, usage: Usage, item: int, scope: Scope, outcome: Outcome
    ) -> None:
        day = max(usage.span.end, self.span.start)
        tariff = self.book.on(day, item=item, scope=scope)
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
            terms = self._terms_of(tariff, usage.span, tier)
            outcome.lines.append(Line(terms, usage.party, quantity, fen))

    # --- by share: 公摊面积, 公摊户 ---

    def _part_of_cost(self, unit: Unit, part: Share, outcome: Outcome) -> None:
        end = part.terms.span.end
        party = payer_on(unit, end)
        if party is None:
            item = part.terms.tariff.item
            outcome.problems.append(Problem(unit.id, item, Reason.NO_PAYER, str(end)))
            return
        outcome.lines.append(Line(part.terms, party, part.quantity, part.fen))


def _no_cost(item: int, months: Sequence[Sequence[Span]], building: int | None) -> list[Problem]:
    """No problem where no month lacks a cost."""
    words = ", ".join(_words(run) for run in months)
    return [Problem(None, item, Reason.NO_COST, words, building)] if words else []


def _words(months: Sequence[Span]) -> str:
    first, last = f"{months[0].start:%Y-%m}", f"{months[-1].start:%Y-%m}"
    return first if first == last else f"{first} – {last}"


def _backward(unit: Unit, tariff: Tariff, used: Iterable[Usage]) -> Problem | None:
    """A meter that ran backwards, or None."""
    for usage in used:
        if usage.quantity < 0:
            since, until = usage.since, usage.until
            readings = f"{since.day} {since.value} → {until.day} {until.value}"
            return Problem(unit.id, tariff.item, Reason.BACKWARD_METER, readings)
    return None
