"""A second, slow way to the same amounts, written day by day from DOMAIN.md.

It shares no code with `billing.calculation`: facts are plain dicts, every amount is a Fraction, and
every day of the period is asked who pays, at which price, and whether the unit is vacant.

    unit    {"code", "kind", "building", "area", "handover", "payers": [(from, to, who, developer)],
             "vacancies": [(from, to)], "readings": {item: [(day, m³)]}}
    tariff  {"id", "item", "kind", "building", "method", "price", "tiers", "factor", "from", "to",
             "monthly"}
    cost    {"item", "building", "from", "to", "amount"}

Spans hold both their days; `to` None is open; `building` None is all.
"""

import calendar
import math
from datetime import timedelta
from fractions import Fraction
from itertools import groupby

DAY = timedelta(days=1)


def days(first, last):
    return [first + DAY * n for n in range((last - first).days + 1)]


def holds(first, last, day):
    return first <= day and (last is None or day <= last)


def fen(yuan):
    """Rounded half up."""
    return math.floor(Fraction(yuan) * 100 + Fraction(1, 2))


def months(span):
    return sum(Fraction(1, calendar.monthrange(d.year, d.month)[1]) for d in span)


def payer(unit, day):
    for first, last, who, developer in unit["payers"]:
        if holds(first, last, day):
            if unit["handover"] is not None and day >= unit["handover"]:
                return who
            return who if developer else None
    return None


def tariff_on(tariffs, item, unit, day):
    """The building's own version beats the all-building one."""
    found = [
        t
        for t in tariffs
        if t["item"] == item
        and t["kind"] == unit["kind"]
        and t["building"] in (None, unit["building"])
        and holds(t["from"], t["to"], day)
    ]
    own = [t for t in found if t["building"] is not None]
    return (own or found or [None])[0]


def lines_by_days(unit, tariffs, item, first, last):
    """面积 and 户: runs of days with the same payer, version and vacancy."""

    def state(day):
        tariff = tariff_on(tariffs, item, unit, day)
        who = payer(unit, day)
        if who is None or tariff is None or tariff["method"] not in ("area", "household"):
            return None
        return who, tariff["id"], any(holds(a, b, day) for a, b in unit["vacancies"])

    lines = []
    for key, run in groupby(days(first, last), state):
        if key is None:
            continue
        who, number, vacant = key
        span = list(run)
        tariff = next(t for t in tariffs if t["id"] == number)
        rate = Fraction(tariff["price"]) * (Fraction(tariff["factor"]) if vacant else 1)
        if tariff["method"] == "area":
            rate *= Fraction(unit["area"])
        if tariff["monthly"]:
            parts = [list(m) for _, m in groupby(span, lambda d: (d.year, d.month))]
            amount = sum(fen(rate * months(part)) for part in parts)
        else:
            amount = fen(rate * months(span))
        lines.append((unit["code"], who, item, span[0], span[-1], amount))
    return lines


def lines_by_meter(unit, tariffs, item, first, last):
    """用量 and 阶梯. Returns lines, and whether the unit is an exception."""
    at_end = tariff_on(tariffs, item, unit, last)
    if at_end is None or at_end["method"] not in ("usage", "tiered"):
        return [], False
    handed_over = unit["handover"] is not None and unit["handover"] <= last
    if not handed_over and payer(unit, last) is None:
        return [], False
    readings = sorted(unit["readings"].get(item, []))
    inside = [r for r in readings if first <= r[0] <= last]
    before = [r for r in readings if r[0] < first]
    base = before[-1] if before else None
    if not inside:
        return [], handed_over
    parts = []  # who, from which day, to which day, since which reading, until which
    start = first
    for day, value in inside:
        old, new = payer(unit, day - DAY), payer(unit, day)
        nobody_before = unit["handover"] is None or day - DAY < unit["handover"]
        if new is None or old == new:
            continue
        if old is None and nobody_before:
            base = (day, value)
            continue
        if base is None:
            return [], handed_over
        parts.append((old, start if start < day else base[0], day - DAY, base, (day, value)))
        base, start = (day, value), day
    if base is None:
        return [], handed_over
    parts.append((payer(unit, last), start, last, base, inside[-1]))
    if any(until[1] < since[1] for *_, since, until in parts):
        return [], True
    lines, exception = [], False
    for who, start, end, since, until in parts:
        tariff = tariff_on(tariffs, item, unit, max(end, first))
        used = Fraction(until[1]) - Fraction(since[1])
        if tariff is None or tariff["method"] not in ("usage", "tiered") or not used:
            continue
        if who is None:
            exception = True
            continue
        tiers = tariff["tiers"] if tariff["method"] == "tiered" else [(None, tariff["price"])]
        lower = Fraction(0)
        for bound, price in tiers:
            upper = used if bound is None else Fraction(bound) * months(days(start, end))
            if used > lower:
                amount = fen((min(used, upper) - lower) * Fraction(price))
                lines.append((unit["code"], who, item, start, end, amount))
            lower = upper
    return lines, exception


def lines_of_cost(cost, units, tariffs):
    """公摊: `units` in natural order. Returns lines, exceptions by unit code (None: the cost)."""
    shared = {"shared_area": True, "shared_household": False}
    in_scope = []
    for unit in units:
        tariff = tariff_on(tariffs, cost["item"], unit, cost["to"])
        if tariff is None or tariff["method"] not in shared:
            continue
        if cost["building"] not in (None, unit["building"]):
            continue
        if unit["handover"] is None or unit["handover"] > cost["to"]:
            continue
        in_scope.append((unit, shared[tariff["method"]]))
    if not in_scope or len({by_area for _, by_area in in_scope}) > 1:
        return [], [None]
    weights = [Fraction(u["area"]) if by_area else Fraction(1) for u, by_area in in_scope]
    pool = int(Fraction(cost["amount"]) * 100)
    exact = [pool * weight / sum(weights) for weight in weights]
    parts = [math.floor(e) for e in exact]
    remainders = [e - p for e, p in zip(exact, parts, strict=True)]
    while sum(parts) < pool:
        best = max(remainders)
        winner = remainders.index(best)
        parts[winner] += 1
        remainders[winner] = Fraction(-1)
    lines, exceptions = [], []
    for (unit, _), part in zip(in_scope, parts, strict=True):
        who = payer(unit, cost["to"])
        if who is None:
            exceptions.append(unit["code"])
        else:
            lines.append((unit["code"], who, cost["item"], cost["from"], cost["to"], part))
    return lines, exceptions


def bill(units, tariffs, costs, first, last):
    """All lines, and all exceptions of meters and costs as (unit code, item)."""
    items = list(dict.fromkeys(t["item"] for t in tariffs))
    lines, exceptions = [], []
    for unit in units:
        for item in items:
            lines += lines_by_days(unit, tariffs, item, first, last)
            metered, missing = lines_by_meter(unit, tariffs, item, first, last)
            lines += metered
            if missing:
                exceptions.append((unit["code"], item))
    for cost in costs:
        shares, missing = lines_of_cost(cost, units, tariffs)
        lines += shares
        exceptions += [(code, cost["item"]) for code in missing]
    return lines, exceptions
