"""What is known about a unit, and what the calculation makes of it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from billing.calculation.spans import Span
from billing.calculation.tariffs import Tariff


class Payer(NamedTuple):
    """Who pays for a unit on a run of days. Before handover only a developer does."""

    span: Span
    party: int
    developer: bool = False


class Reading(NamedTuple):
    """What a meter showed on a day, in m³, on one rising scale through all devices that hung there.

    Of the readings before the days that are billed, the first and the latest are wanted.
    """

    day: date
    value: Decimal


@dataclass(slots=True)
class Unit:
    """A unit and the facts that its charges follow from. Spans are in order of their days.

    ``area`` is in m²; ``handover`` None means not handed over yet. Payers do not overlap, nor do
    vacancies. Readings are per fee item.
    """

    id: int
    kind: str
    building: int
    area: Decimal
    handover: date | None
    payers: list[Payer] = field(default_factory=list)
    vacancies: list[Span] = field(default_factory=list)
    readings: dict[int, list[Reading]] = field(default_factory=dict)


class Place(NamedTuple):
    """A unit as far as sharing a cost goes."""

    id: int
    kind: str
    building: int
    area: Decimal
    handover: date | None


@dataclass(frozen=True, slots=True)
class SharedCost:
    """A pool in whole fen that is shared over units; ``building`` None means all buildings."""

    id: int
    item: int
    span: Span
    fen: int
    building: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What the lines of many units have in common; shared, so that it is worked out once.

    ``price`` is None where a pool is shared, ``months`` where days do not count.
    """

    tariff: Tariff
    span: Span
    price: Decimal | None
    months: Fraction | None
    factor: Decimal


class Line(NamedTuple):
    """One line of a bill, in fen. ``quantity`` is m², m³ or units."""

    terms: Terms
    party: int
    quantity: Decimal
    fen: int


class Reason(StrEnum):
    """Why something could not be charged, or should be looked at (HIGH_USAGE: is charged)."""

    NO_READING = "no_reading"
    BACKWARD_METER = "backward_meter"
    NO_PAYER = "no_payer"
    NOBODY_IN_SCOPE = "nobody_in_scope"
    NO_COST = "no_cost"
    CANNOT_COMPUTE = "cannot_compute"
    NO_TARIFF = "no_tariff"
    HIGH_USAGE = "high_usage"


class Problem(NamedTuple):
    """A unit (None: a whole cost) that is not charged for an item (None: any), and why.

    ``building``: the only one of whose part of an item it is told; None for all.
    """

    unit: int | None
    item: int | None
    reason: Reason
    detail: str = ""
    building: int | None = None


@dataclass(slots=True)
class Outcome:
    """The lines of a unit and what kept it from having more."""

    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
