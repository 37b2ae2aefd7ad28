"""What a run comes to, counted while its bills are computed: in all and for a look at the odd."""

import heapq
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from billing import calculation as calc

Bills = Sequence[tuple[int, list[calc.Line], int]]  # payer, lines, fen of each
# As many units as somebody looks through before he issues.
ODDEST = 10


class Odd(NamedTuple):
    """A unit that is charged oddly, in fen: `expected` is its bill before, or the usual one.

    Reasons: more, less, new, gone against the run before; above, below against the median per m² of
    its kind of unit.
    """

    unit: int
    fen: int
    expected: int
    reason: str

    @property
    def rank(self) -> tuple[float, int, int]:
        """By relative change, then by yuan, then in the order of the ids."""
        change = abs(self.fen - self.expected)
        return change / self.expected if self.expected else 1.0, change, -self.unit


@dataclass
class UnitSums:
    """Units of a kind and what each is charged; a million of them take 24 MB."""

    ids: "array[int]" = field(default_factory=lambda: array("q"))
    hundredths: "array[int]" = field(default_factory=lambda: array("q"))  # of a m²
    fen: "array[int]" = field(default_factory=lambda: array("q"))

    def usual_rate(self) -> float:
        """The median of fen per 0.01 m²; only to compare with, never billed."""
        rates = sorted(
            fen / area for fen, area in zip(self.fen, self.hundredths, strict=True) if area
        )
        return rates[len(rates) // 2] if rates else 0.0


@dataclass
class Totals:
    """What a run comes to, in fen, and what it could not charge."""

    bills: int = 0
    lines: int = 0
    fen: int = 0
    fen_by_item: Counter[int] = field(default_factory=Counter)
    fen_by_building: Counter[int] = field(default_factory=Counter)
    units: dict[str, UnitSums] = field(default_factory=dict)  # by kind
    problems: list[calc.Problem] = field(default_factory=list)
    pools: list[tuple[calc.SharedCost, Decimal]] = field(default_factory=list)

    def add(self, unit: calc.Unit, lines: Sequence[calc.Line], bills: Bills) -> None:
        """Count the bills of a unit, which has some."""
        fen = 0
        by_item = self.fen_by_item
        for terms, _party, _quantity, amount in lines:
            fen += amount
            by_item[terms.tariff.item] += amount
        self.bills += len(bills)
        self.lines += len(lines)
        self.fen += fen
        self.fen_by_building[unit.building] += fen
        sums = self.units.get(unit.kind)
        if sums is None:
            sums = self.units[unit.kind] = UnitSums()
        sums.ids.append(unit.id)
        sums.hundredths.append(int(unit.area * 100))
        sums.fen.append(fen)

    def oddest_against(self, before: Mapping[int, int]) -> list[Odd]:
        """The units whose bills changed most since a run before; `before` is fen by unit."""
        return _oddest(self._changes(dict(before)))

    def _changes(self, before: dict[int, int]) -> Iterator[Odd]:
        for sums in self.units.values():
            for unit, fen in zip(sums.ids, sums.fen, strict=True):
                was = before.pop(unit, 0)
                if fen != was:
                    reason = ("more" if fen > was else "less") if was and fen else "new"
                    yield Odd(unit, fen, was, reason if fen else "gone")
        for unit, was in before.items():
            if was:
                yield Odd(unit, 0, was, "gone")

    def oddest_of_their_kind(self) -> list[Odd]:
        """The units whose bills are farthest from the median per m² of their kind."""
        return _oddest(self._deviations())

    def _deviations(self) -> Iterator[Odd]:
        for sums in self.units.values():
            rate = sums.usual_rate()
            for unit, area, fen in zip(sums.ids, sums.hundredths, sums.fen, strict=True):
                usual = int(rate * area + 0.5)
                # Rounding alone makes a fen here and there.
                if usual and abs(fen - usual) * 100 > usual:
                    yield Odd(unit, fen, usual, "above" if fen > usual else "below")


def _oddest(found: Iterator[Odd]) -> list[Odd]:
    return heapq.nlargest(ODDEST, found, key=lambda odd: odd.rank)
