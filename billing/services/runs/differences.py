"""What is still to be billed of a period, given what stands on bills already.

A unit is computed as if nothing had been billed; lines that stand already are left out, and those
that stand but no longer follow from the facts are to be taken back. A period that was never billed
comes out whole; one whose facts changed afterwards comes out as the difference.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import NamedTuple

from billing import calculation as calc
from billing.models import BillRun
from billing.services.runs import facts, late_facts
from billing.services.runs.bill_computing import Computation
from billing.services.runs.causes import BY_SHARE, Line, as_line, reasons
from billing.services.runs.leaving import SOMEBODY_ELSE, let_others_in
from core.money import to_fen
from core.sql import answer, ask, id_array

Report = Callable[[int, int], None]
# Problems that say nothing about what is owed: a reading is missing, an area is 0.
UNKNOWN = frozenset(
    {calc.Reason.NO_READING, calc.Reason.BACKWARD_METER, calc.Reason.CANNOT_COMPUTE}
)


class Change(NamedTuple):
    """What one payer at one unit was billed and should have been, in fen, and why it differs."""

    unit: int
    party: int
    before: int
    after: int
    why: str


_STANDING = """
    SELECT a.unit_id, c.id, a.party_id, c.fee_item_id, c.tariff_id, c.starts_on, c.ends_on,
        c.quantity, c.unit_price, c.factor, c.amount, COALESCE(t.method, '')
    FROM billing_account a
    JOIN billing_bill b ON b.account_id = a.id AND b.run_id = ANY(%s::bigint[])
    JOIN billing_charge c ON c.bill_id = b.id AND c.kind = 'fee'
        AND (b.run_id <> ALL(%s::bigint[]) OR c.fee_item_id = ANY(%s::bigint[]))
    LEFT JOIN billing_tariff t ON t.id = c.tariff_id
    WHERE a.unit_id = ANY(%s::bigint[]) AND NOT EXISTS (
        SELECT 1 FROM billing_creditentry e
        WHERE e.charge_id = c.id AND e.kind = 'reversal' AND e.reverses_id IS NULL
    )
    ORDER BY c.id
"""


def runs_of(run: BillRun) -> list[int]:
    """The runs whose lines stand for a regular run's period: itself, its corrections, and the final
    bills that were issued before it."""
    billed = BillRun.objects.filter(state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED))
    period = run.period
    early = billed.filter(
        kind=BillRun.Kind.FINAL,
        period__community=period.community_id,
        period__starts_on__lte=period.ends_on,
        period__ends_on__gte=period.starts_on,
    )
    found = billed.filter(pk=run.pk) | billed.filter(corrects=run) | early
    return list(found.order_by("pk").values_list("pk", flat=True).distinct())


def switched_items(run: BillRun, days: facts.Days) -> dict[int, frozenset[int]]:
    """By run: items that it billed for its own period, and that are billed afterwards since.

    Their days come up a second time, and must not be billed twice.
    """
    if run.issued_at is not None or not days.in_arrears:
        return {}
    earlier = BillRun.objects.filter(
        period__community=run.period.community_id,
        period__starts_on__lte=days.before.end,
        period__ends_on__gte=days.before.start,
        kind=BillRun.Kind.REGULAR,
        state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED),
    )
    found = {
        one.pk: days.in_arrears - frozenset(one.summary.get("in_arrears", ())) for one in earlier
    }
    return {pk: items for pk, items in found.items() if items}


class Difference(Computation):
    """What is to be billed of a regular run's period beyond what stands.

    `unit_ids` limits it to some units; parts of shared costs are compared everywhere all the same,
    since one unit's part changes all others', unless it is about them `alone`. `until` bills the
    units as if somebody else came on the day after it, and nothing of that somebody's unless he was
    billed already; parts of costs that were shared before then stay. What cannot be computed any
    more stays as it was. After all units were asked for: `gone` are the charges to take back,
    `changes` says what changed for whom.
    """

    def __init__(
        self,
        run: BillRun,
        *,
        unit_ids: Collection[int] | None = None,
        alone: bool = False,
        until: date | None = None,
        report: Report | None = None,
    ) -> None:
        self._run = run
        # Asked for before any fact: what is recorded from now on may not be seen.
        self.notes = [] if until else late_facts.seen(run, unit_ids)
        super().__init__(run.period.community, calc.Span(run.period.starts_on, run.period.ends_on))
        self.gone: list[int] = []
        self.gone_fen = 0
        self.stood = 0
        self.changes: list[Change] = []
        self._asked = None if unit_ids is None else frozenset(unit_ids)
        self._alone = alone or until is not None
        self._until = until
        self._is_issued = run.issued_at is not None
        self._report = report or (lambda done, total: None)
        self._problems_before = 0
        self._runs = runs_of(run)
        self._switched = switched_items(run, self.days)
        self._standing: dict[int, list[tuple[int, Line]]] = {}
        self._others: frozenset[int] = frozenset()

    def unit_ids(self) -> list[int]:
        if self._asked is None or (self.totals.pools and not self._alone):
            return super().unit_ids()
        return [pk for pk in super().unit_ids() if pk in self._asked]

    def misses_costs(self) -> bool:
        """A period's own bills do; a correction or a final bill is about what is known."""
        return self._run.kind == BillRun.Kind.REGULAR and self._run.issued_at is None

    def chunks(self) -> Iterator[facts.AskedUnits]:
        done, total = 0, len(self.unit_ids())
        for chunk in super().chunks():
            if self._runs or self._switched:
                self._load_standing(chunk.ids)
            yield chunk
            done += len(chunk.ids)
            self._report(done, total)

    def days_charged(self) -> facts.Days:
        """Items that were billed afterwards then are compared so, whatever is done today."""
        then = self._run.summary.get("in_arrears")
        if self._run.issued_at is None or then is None:
            return super().days_charged()
        return facts.Days(self.period, calc.months_before(self.period), frozenset(then))

    def _where(self) -> tuple[list[int], list[int], set[int]]:
        """Runs to look into; of some of them only some items."""
        return (
            [*self._runs, *self._switched],
            list(self._switched),
            {item for items in self._switched.values() for item in items},
        )

    def _load_standing(self, unit_ids: list[int]) -> None:
        for unit, charge, *columns, amount, method in answer(
            ask(_STANDING, [id_array(ids) for ids in (*self._where(), unit_ids)])
        ):
            line = Line(*columns, to_fen(amount), method)  # type: ignore[call-arg]
            self._standing.setdefault(unit, []).append((charge, line))

    def bills(self, unit: calc.Unit) -> list[tuple[int, list[calc.Line], int]]:
        if self._until is not None and (self._asked is None or unit.id in self._asked):
            self._others = let_others_in(unit, self._until)
        found = self._problems_before = len(self.totals.problems)
        bills = super().bills(unit)
        if self._asked is not None and unit.id not in self._asked:
            del self.totals.problems[found:]
        return list(bills)

    def kept(self, unit: calc.Unit, lines: list[calc.Line]) -> list[calc.Line]:
        standing = self._standing.pop(unit.id, ())
        if not standing and self._asked is None and self._until is None:
            return lines
        left_out = {SOMEBODY_ELSE, *(self._others - {line.party for _charge, line in standing})}
        here = [(line, as_line(line)) for line in lines if line.party not in left_out]
        here = [(computed, line) for computed, line in here if self._counts(unit.id, line)]
        unknown = self._unknown_items()
        there = [
            (charge, line)
            for charge, line in standing
            if self._counts(unit.id, line) and line.item not in unknown
        ]
        return self._compare(unit.id, here, there)

    def _unknown_items(self) -> set[int | None]:
        """Items of which nobody knows what the unit owes now: what stands of them stays."""
        problems = self.totals.problems[self._problems_before :]
        return {problem.item for problem in problems if problem.reason in UNKNOWN}

    def _counts(self, unit: int, line: Line) -> bool:
        """Whether a line of a unit is in question."""
        is_share = line.method in BY_SHARE
        if self._asked is not None and unit not in self._asked:
            return is_share
        return not (self._until and self._is_issued and is_share and line.end <= self._until)

    def _compare(
        self, unit: int, here: list[tuple[calc.Line, Line]], there: list[tuple[int, Line]]
    ) -> list[calc.Line]:
        """The lines that are new; those that are gone, and what changed, are noted."""
        unmatched = defaultdict(list)
        for charge, line in there:
            unmatched[line].append(charge)
        new, new_lines = [], []
        for computed, line in here:
            if unmatched[line]:
                unmatched[line].pop()
                self.stood += 1
            else:
                new.append(computed)
                new_lines.append(line)
        gone_lines = [line for line, charges in unmatched.items() for _charge in charges]
        self.gone += [charge for charges in unmatched.values() for charge in charges]
        self.gone_fen += sum(line.fen for line in gone_lines)
        for party in sorted({line.party for line in (*new_lines, *gone_lines)}):
            self.changes.append(
                Change(
                    unit,
                    party,
                    before=sum(line.fen for _charge, line in there if line.party == party),
                    after=sum(line.fen for _computed, line in here if line.party == party),
                    why=",".join(reasons(gone_lines, new_lines, party)),
                )
            )
        return new
