"""Random communities for hypothesis, as the plain facts that the oracle reads.

They are made to hit what is hard: days that touch or leave gaps, leap years, transfers and
handovers on days with a reading, units of unknown area, meters that run backwards.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

DAY = timedelta(days=1)
FIRST = date(2023, 4, 1)
LAST = date(2025, 3, 31)
LONG_AGO = date(2020, 1, 1)

KINDS = ("住宅", "住宅", "商铺")
BUILDINGS = (1, 2)
NOT_SHARED = ("area", "household", "usage", "tiered", "once")
SHARED = ("shared_area", "shared_household")


@dataclass
class Community:
    """`units` in natural order; `period` its first and last day."""

    units: list[dict[str, Any]]
    tariffs: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    period: tuple[date, date]
    in_arrears: set[int] = field(default_factory=set)


def decimals(places, most):
    return st.integers(0, most * 10**places).map(lambda n: Decimal(n).scaleb(-places))


def day(first=FIRST, last=LAST):
    return st.dates(first, last)


@st.composite
def periods(draw):
    start = date(draw(st.sampled_from((2023, 2024))), draw(st.integers(1, 12)), 1)
    start = max(start, date(2023, 11, 1))
    year, month = divmod(start.year * 12 + start.month - 1 + draw(st.integers(1, 6)), 12)
    return start, date(year, month + 1, 1) - DAY


@st.composite
def runs_of_days(draw, most):
    """Runs of days that do not overlap, in order, some of which touch."""
    ends = sorted(draw(st.lists(day(), min_size=2, max_size=2 * most, unique=True)))
    runs = []
    for first, last in zip(ends[::2], ends[1::2], strict=False):
        start = runs[-1][1] + DAY if runs and draw(st.booleans()) else first
        runs.append((start, last))
    return runs


@st.composite
def tiers(draw):
    bounds = sorted(draw(st.sets(st.integers(1, 400), max_size=2)))
    limits = [Decimal(bound).scaleb(-1) for bound in bounds]
    return [(limit, draw(decimals(4, 9))) for limit in (*limits, None)]


@st.composite
def versions_of_an_item(draw, item, numbers, count, period):
    """Versions of one fee item: for a kind of unit everywhere or in one building, or for some."""
    methods = SHARED if draw(st.integers(0, 3)) == 0 else NOT_SHARED
    method = draw(st.sampled_from(methods))
    scopes = {(KINDS[0], None)} | draw(
        st.sets(st.tuples(st.sampled_from(KINDS), st.sampled_from((None, *BUILDINGS))), max_size=3)
    )
    chosen = [(kind, building, None) for kind, building in sorted(scopes, key=str)]
    if draw(st.integers(0, 2)) == 0:
        picked = draw(st.sets(st.integers(1, count), min_size=1))
        chosen.append((draw(st.sampled_from(KINDS)), None, frozenset(picked)))
    versions = []
    for kind, building, units in chosen:
        if draw(st.booleans()):
            method = draw(st.sampled_from(methods))
        days = [(LONG_AGO, None)]
        if method == "once":
            days = [(draw(day(period[0] - 40 * DAY, period[1])), None)]
        elif building or units or draw(st.booleans()):
            days = draw(runs_of_days(2))
        for first, last in days:
            versions.append(
                {
                    "id": next(numbers),
                    "item": item,
                    "kind": kind,
                    "building": building,
                    "units": units,
                    "method": method,
                    "price": draw(decimals(4, 9)),
                    "tiers": draw(tiers()),
                    "factor": draw(decimals(2, 1)),
                    "from": first,
                    "to": last,
                    "monthly": draw(st.booleans()),
                }
            )
    return versions


@st.composite
def payers_of(draw, number, first, last):
    payers = []
    start = LONG_AGO
    for who in range(draw(st.integers(0, 2))):
        end = draw(day(first - 9 * DAY, last))
        if end < start:
            continue
        developer = draw(st.booleans()) and draw(st.booleans())
        payers.append((start, end, 10 * number + who, developer))
        # Mostly the next payer follows at once, sometimes nobody pays for a while.
        start = end + (DAY if draw(st.integers(0, 4)) else 9 * DAY)
    payers.append((start, None, 10 * number + draw(st.integers(0, 3)), False))
    return payers


@st.composite
def readings_of(draw, first, last, days_that_matter):
    days = draw(st.sets(day(), max_size=3))
    if draw(st.integers(0, 7)):
        days |= {draw(day(first - 40 * DAY, first - DAY)), draw(day(last - 20 * DAY, last))}
    days |= {d for d in days_that_matter if d >= FIRST and draw(st.booleans())}
    value, values = Decimal(0), []
    for read_on in sorted(days):
        value += draw(decimals(1, 99)) - (5 if draw(st.integers(0, 9)) == 0 else 0)
        value = max(value, Decimal(0))
        values.append((read_on, value))
    return values


@st.composite
def units(draw, number, items, first, last):
    handover = draw(
        st.sampled_from([date(2021, 5, 5)] * 4 + [None]) | day(first - 9 * DAY, last + 9 * DAY)
    )
    payers = draw(payers_of(number, first, last))
    matter = [start for start, *_ in payers] + ([handover] if handover else [])
    known_area = st.integers(1, 30_000).map(lambda n: Decimal(n).scaleb(-2))
    return {
        "code": f"{number}",
        "kind": draw(st.sampled_from(KINDS)),
        "building": draw(st.sampled_from(BUILDINGS)),
        "area": draw(known_area) if draw(st.integers(0, 19)) else Decimal(0),
        "handover": handover,
        "payers": payers,
        "vacancies": draw(runs_of_days(2)) if draw(st.booleans()) else [],
        "readings": {item: draw(readings_of(first, last, matter)) for item in items},
    }


@st.composite
def costs_of(draw, item, first, last):
    end = draw(day(first - 200 * DAY, last) if draw(st.booleans()) else day(first, last))
    return {
        "item": item,
        "building": draw(st.sampled_from((None, *BUILDINGS))),
        "from": end - draw(st.integers(0, 200)) * DAY,
        "to": end,
        "amount": draw(decimals(2, 20_000)),
    }


@st.composite
def communities(draw):
    """Up to five units and three fee items, of which each may be billed in arrears."""
    numbers = iter(range(1, 10_000))
    items = list(range(1, draw(st.integers(1, 3)) + 1))
    count = draw(st.integers(1, 5))
    period = draw(periods())
    tariffs = [v for i in items for v in draw(versions_of_an_item(i, numbers, count, period))]
    homes = [draw(units(n, items, *period)) for n in range(1, count + 1)]
    shared = {t["item"] for t in tariffs if t["method"] in SHARED}
    pools = sorted(shared | draw(st.sets(st.sampled_from(items), max_size=1)))
    costs = [
        draw(costs_of(item, *period)) for item in pools for _cost in range(draw(st.integers(1, 2)))
    ]
    return Community(homes, tariffs, costs, period, draw(st.sets(st.sampled_from(items))))
