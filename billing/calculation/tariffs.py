"""Tariffs as the calculation sees them, and which one is in force for a unit on which days."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple, Protocol

from billing.calculation.spans import FOREVER, Span, day_after, day_before


class Method(StrEnum):
    """How a tariff is charged (计费方式)."""

    AREA = "area"  # 面积: per m² and month
    HOUSEHOLD = "household"  # 户: per unit and month
    USAGE = "usage"  # 用量: per m³, one price
    TIERED = "tiered"  # 阶梯: per m³, the price rises with the usage of a month
    SHARED_AREA = "shared_area"  # 公摊面积: a pool shared by area
    SHARED_HOUSEHOLD = "shared_household"  # 公摊户: a pool shared equally
    ONCE = "once"  # 一次性: per unit, once, on the tariff's first day


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

    ``price`` is yuan per m² and month, per unit and month, per m³, or per unit once, with up to 4
    decimals. ``units`` are hand-picked: the version is for them alone, whatever their kind and
    building; None means that none are.
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
    units: frozenset[int] | None = None

    @property
    def rank(self) -> int:
        """Hand-picked (0) beats the building's own (1), which beats all buildings (2)."""
        if self.units is not None:
            return 0
        return 1 if self.building is not None else 2


class Scope(NamedTuple):
    """What tells which tariffs hold for a unit. Most units of a building are alike in it."""

    kind: str
    building: int
    picked: tuple[Tariff, ...] = ()


class Placed(Protocol):
    """A unit as far as its tariffs go."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def building(self) -> int: ...


class Shareable(Placed, Protocol):
    """A unit as far as it may bear a part of a cost."""

    @property
    def handover(self) -> date | None: ...


class InForce(NamedTuple):
    """A tariff and a run of days on which it is in force."""

    tariff: Tariff
    span: Span


class TariffBook:
    """Which tariff holds when, for every scope, within one span of days."""

    def __init__(self, tariffs: Iterable[Tariff], span: Span) -> None:
        self.span = span
        self._tariffs = [tariff for tariff in tariffs if tariff.span.meet(span)]
        self._in_force: dict[Scope, list[InForce]] = {}
        self._picked: dict[int, tuple[Tariff, ...]] = {}
        for tariff in self._tariffs:
            for unit in tariff.units or ():
                self._picked[unit] = (*self._picked.get(unit, ()), tariff)

    def scope(self, unit: Placed) -> Scope:
        """The scope of a unit: units with the same one have the same tariffs."""
        return Scope(unit.kind, unit.building, self._picked.get(unit.id, ()))

    def in_force(self, scope: Scope) -> list[InForce]:
        """The tariffs of a scope, by item in the order given, then by day.

        A tariff takes its days from those that it beats, which are then in force on the days before
        and after.
        """
        if scope not in self._in_force:
            self._in_force[scope] = self._work_out(scope)
        return self._in_force[scope]

    @property
    def shares(self) -> bool:
        """Whether any tariff shares costs."""
        return any(tariff.method in BY_SHARE for tariff in self._tariffs)

    def shared(self, places: Iterable[Shareable]) -> dict[int, dict[int, list[Span]]]:
        """By item and building: days of the span on which units handed over there share costs."""
        since: dict[Scope, date] = {}
        for place in places if self.shares else ():
            if place.handover is not None:
                scope = self.scope(place)
                since[scope] = min(place.handover, since.get(scope, FOREVER))
        found: dict[int, dict[int, list[Span]]] = {}
        for scope, handover in since.items():
            for tariff, span in self.in_force(scope):
                days = span.meet(Span(handover, FOREVER))
                if days and tariff.method in BY_SHARE:
                    found.setdefault(tariff.item, {}).setdefault(scope.building, []).append(days)
        return found

    def on(self, day: date, *, item: int, scope: Scope) -> Tariff | None:
        """The tariff in force on a day inside the book's span."""
        for tariff, span in self.in_force(scope):
            if tariff.item == item and day in span:
                return tariff
        return None

    def _work_out(self, scope: Scope) -> list[InForce]:
        by_item: dict[int, list[Tariff]] = {}
        for tariff in self._tariffs:
            if tariff in scope.picked or (
                tariff.units is None
                and tariff.kind == scope.kind
                and tariff.building in (None, scope.building)
            ):
                by_item.setdefault(tariff.item, []).append(tariff)
        found = []
        for tariffs in by_item.values():
            pieces = [
                InForce(tariff, piece)
                for tariff in tariffs
                if (days := tariff.span.meet(self.span))
                for piece in _without(days, [t.span for t in tariffs if t.rank < tariff.rank])
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
