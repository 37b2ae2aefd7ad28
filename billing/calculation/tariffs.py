"""Tariffs as the calculation sees them, and which one is in force for a unit on which days."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from billing.calculation.spans import Span, day_after, day_before


class Method(StrEnum):
    """How a tariff is charged (计费方式)."""

    AREA = "area"  # 面积: per m² and month
    HOUSEHOLD = "household"  # 户: per unit and month
    USAGE = "usage"  # 用量: per m³, one price
    TIERED = "tiered"  # 阶梯: per m³, the price rises with the usage of a month
    SHARED_AREA = "shared_area"  # 公摊面积: a pool shared by area
    SHARED_HOUSEHOLD = "shared_household"  # 公摊户: a pool shared equally


BY_DAYS = frozenset({Method.AREA, Method.HOUSEHOLD})
BY_METER = frozenset({Method.USAGE, Method.TIERED})
BY_SHARE = frozenset({Method.SHARED_AREA, Method.SHARED_HOUSEHOLD})


class Rounding(StrEnum):
    """What is rounded (取整)."""

    WHOLE = "whole"  # 整期: the line, once
    MONTHLY = "monthly"  # 逐月: each calendar month of the line; then they are added


class Tier(NamedTuple):
    """A step of a tiered price. ``upto`` is its upper bound in m³ per month, None for the last."""

    upto: Decimal | None
    price: Decimal


_TIER = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,3})?)?:([0-9]{1,6}(?:\.[0-9]{1,4})?)")


def parse_tiers(text: str) -> tuple[Tier, ...]:
    """The tiers of ``15:3.45;25:4.83;:5.83``: cumulative bounds in m³ per month, yuan per m³.

    ValueError unless the bounds rise and the last tier, and only it, is open.
    """
    tiers = []
    for part in text.split(";"):
        found = _TIER.fullmatch(part.strip())
        if not found:
            raise ValueError(f"{part!r} is not a tier like 15:3.45")
        tiers.append(Tier(Decimal(found[1]) if found[1] else None, Decimal(found[2])))
    bounds = [tier.upto for tier in tiers]
    if bounds[-1] is not None or None in bounds[:-1]:
        raise ValueError("the last tier, and only it, has no upper bound")
    limits = [Decimal(0), *(bound for bound in bounds if bound is not None)]
    if any(low >= high for low, high in pairwise(limits)):
        raise ValueError("the bounds of the tiers must rise")
    return tuple(tiers)


@dataclass(frozen=True, slots=True, eq=False)
class Tariff:
    """One version of a fee standard. ``building`` None means all buildings.

    ``price`` is yuan per m² and month, per unit and month, or per m³, with up to 4 decimals.
    """

    id: int
    item: int
    kind: str
    method: Method
    span: Span
    building: int | None = None
    price: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    vacancy_factor: Decimal = Decimal(1)
    rounding: Rounding = Rounding.WHOLE


class InForce(NamedTuple):
    """A tariff and a run of days on which it is in force."""

    tariff: Tariff
    span: Span


class TariffBook:
    """Which tariff holds when, for every type of unit and building, within one span of days."""

    def __init__(self, tariffs: Iterable[Tariff], span: Span) -> None:
        self.span = span
        self._tariffs = list(tariffs)
        self._in_force: dict[tuple[str, int], list[InForce]] = {}

    def in_force(self, kind: str, building: int) -> list[InForce]:
        """The tariffs of a kind of unit in a building, by item in the order given, then by day.

        A tariff of the building's own takes its days from the all-building one, which is then in
        force on the days before and after.
        """
        key = kind, building
        if key not in self._in_force:
            self._in_force[key] = self._work_out(kind, building)
        return self._in_force[key]

    def on(self, day: date, *, item: int, kind: str, building: int) -> Tariff | None:
        """The tariff in force on a day inside the book's span."""
        for tariff, span in self.in_force(kind, building):
            if tariff.item == item and day in span:
                return tariff
        return None

    def _work_out(self, kind: str, building: int) -> list[InForce]:
        by_item: dict[int, list[Tariff]] = {}
        for tariff in self._tariffs:
            if tariff.kind == kind and tariff.building in (None, building):
                by_item.setdefault(tariff.item, []).append(tariff)
        found = []
        for tariffs in by_item.values():
            own = [t.span for t in tariffs if t.building is not None]
            pieces = [
                InForce(tariff, piece)
                for tariff in tariffs
                if (days := tariff.span.meet(self.span))
                for piece in ([days] if tariff.building is not None else _without(days, own))
            ]
            found += sorted(pieces, key=lambda piece: piece.span.start)
        return found


def _without(span: Span, others: Iterable[Span]) -> list[Span]:
    """The days of a span that are in none of the others, as runs."""
    left = [span]
    for other in others:
        kept = []
        for run in left:
            if not run.meet(other):
                kept.append(run)
                continue
            if run.start < other.start:
                kept.append(Span(run.start, day_before(other.start)))
            if other.end < run.end:
                kept.append(Span(day_after(other.end), run.end))
        left = kept
    return left
