"""Random communities for hypothesis: the same facts for the oracle and for the calculation."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from billing import calculation as calc

DAY = timedelta(days=1)
# Leap and other years; periods of one to twelve months.
FIRST = date(2023, 10, 1)
LAST = date(2025, 3, 31)

KINDS = ("住宅", "住宅", "商铺")
BUILDINGS = (1, 2)


def money(places, most):
    return st.integers(0, most * 10**places).map(lambda n: Decimal(n).scaleb(-places))


def day(first=FIRST, last=LAST):
    return st.dates(first, last)


@st.composite
def periods(draw):
    start = date(2023 + draw(st.integers(0, 1)), draw(st.integers(1, 12)), 1)
    start = max(start, date(2023, 11, 1))
    months = draw(st.integers(1, 6))
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start, date(year, month + 1, 1) - DAY


@st.composite
def cuts(draw, most):
    """Runs of days that do not overlap, in order, some of which touch; the last may be open."""
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
    return [(limit, draw(money(4, 9))) for limit in (*limits, None)]


@st.composite
def tariff_versions(draw, item, numbers):
    """Versions of one fee item: for a kind of unit, everywhere or in one building."""
    by_share = draw(st.booleans()) and draw(st.booleans())
    methods = (
        ("shared_area", "shared_household")
        if by_share
        else ("area", "household", "usage", "tiered")
    )
    method = draw(st.sampled_from(methods))
    versions = []
    own = st.tuples(st.sampled_from(KINDS), st.sampled_from((None, *BUILDINGS)))
    scopes = {(KINDS[0], None)} | draw(st.sets(own, max_size=3))
    for kind, building in sorted(scopes, key=str):
        if not by_share and draw(st.booleans()):
            method = draw(st.sampled_from(methods))
        always = [(date(2020, 1, 1), None)]
        runs = draw(cuts(2)) if building or draw(st.booleans()) else always
        for first, last in runs:
            versions.append(
                {
                    "id": next(numbers),
                    "item": item,
                    "kind": kind,
                    "building": building,
                    "method": method,
                    "price": draw(money(4, 9)),
                    "tiers": draw(tiers()),
                    "factor": draw(money(2, 1)),
                    "from": first,
                    "to": last,
                    "monthly": draw(st.booleans()),
                }
            )
    return versions


@st.composite
def units(draw, number, items, first, last):
    payers = []
    start = date(2020, 1, 1)
    handover = draw(
        st.sampled_from([date(2021, 5, 5)] * 4 + [None]) | day(first - 9 * DAY, last + 9 * DAY)
    )
    for who in range(draw(st.integers(0, 2))):
        end = draw(day(first - 9 * DAY, last))
        if end < start:
            continue
        payers.append((start, end, 10 * number + who, draw(st.booleans()) and draw(st.booleans())))
        # Mostly the next payer follows at once, sometimes nobody pays for a while.
        start = end + (DAY if draw(st.integers(0, 4)) else 9 * DAY)
    payers.append((start, None, 10 * number + draw(st.integers(0, 3)), False))
    readings = {}
    for item in items:
        days = draw(st.sets(day(), max_size=3))
        if draw(st.integers(0, 7)):
            days |= {draw(day(first - 40 * DAY, first - DAY)), draw(day(last - 20 * DAY, last))}
        # Readings on the days that matter: transfers, handover.
        days |= {p[0] for p in payers if p[0] >= FIRST and draw(st.booleans())}
        if handover and handover >= FIRST and draw(st.booleans()):
            days.add(handover)
        value, values = Decimal(0), []
        for d in sorted(days):
            value += draw(money(1, 99)) - (5 if draw(st.integers(0, 9)) == 0 else 0)
            value = max(value, Decimal(0))
            values.append((d, value))
        readings[item] = values
    return {
        "code": f"{number}",
        "kind": draw(st.sampled_from(KINDS)),
        "building": draw(st.sampled_from(BUILDINGS)),
        "area": draw(st.integers(1, 30_000).map(lambda n: Decimal(n).scaleb(-2))),
        "handover": handover,
        "payers": payers,
        "vacancies": draw(cuts(2)) if draw(st.booleans()) else [],
        "readings": readings,
    }


@st.composite
def communities(draw):
    """Units in natural order, tariffs, costs and a period."""
    numbers = iter(range(1, 10_000))
    items = list(range(1, draw(st.integers(1, 3)) + 1))
    tariffs = [v for item in items for v in draw(tariff_versions(item, numbers))]
    first, last = draw(periods())
    homes = [draw(units(n, items, first, last)) for n in range(1, draw(st.integers(1, 5)) + 1)]
    costs = []
    shared = {t["item"] for t in tariffs if t["method"].startswith("shared")}
    for item in sorted(shared | draw(st.sets(st.sampled_from(items), max_size=1))):
        end = draw(day(first, last))
        costs.append(
            {
                "item": item,
                "building": draw(st.sampled_from((None, *BUILDINGS))),
                "from": end - draw(st.integers(0, 200)) * DAY,
                "to": end,
                "amount": draw(money(2, 20_000)),
            }
        )
    return homes, tariffs, costs, (first, last)


# --- the same facts for the calculation -----------------------------------------------------


def span(first, last):
    return calc.Span(first, last or calc.FOREVER)


def as_tariff(t):
    method = calc.Method(t["method"])
    tiered = method is calc.Method.TIERED
    return calc.Tariff(
        id=t["id"],
        item=t["item"],
        kind=t["kind"],
        method=method,
        span=span(t["from"], t["to"]),
        building=t["building"],
        price=None if tiered else t["price"],
        tiers=tuple(calc.Tier(*tier) for tier in t["tiers"]) if tiered else (),
        vacancy_factor=t["factor"],
        rounding=calc.Rounding.MONTHLY if t["monthly"] else calc.Rounding.WHOLE,
    )


def as_unit(u):
    return calc.Unit(
        id=int(u["code"]),
        kind=u["kind"],
        building=u["building"],
        area=u["area"],
        handover=u["handover"],
        payers=[calc.Payer(span(a, b), who, developer) for a, b, who, developer in u["payers"]],
        vacancies=[span(a, b) for a, b in u["vacancies"]],
        readings={
            item: [calc.Reading(*reading) for reading in readings]
            for item, readings in u["readings"].items()
        },
    )


def as_cost(number, c):
    return calc.SharedCost(
        id=number,
        item=c["item"],
        span=span(c["from"], c["to"]),
        fen=int(c["amount"] * 100),
        building=c["building"],
    )
