"""What units are charged, worked out day by day from docs/domain.md, every amount a Fraction.

It shares no code with `billing.calculation`: facts are plain dicts, and every day is asked who
pays, by which tariff, and whether the unit is vacant.

    unit    {"code", "kind", "building", "area", "handover", "payers": [(from, to, who, developer)],
             "vacancies": [(from, to)], "readings": {item: [(day, m³)]}}
    tariff  {"id", "item", "kind", "building", "units", "method", "price", "tiers", "factor",
             "from", "to", "monthly"}
    cost    {"item", "building", "from", "to", "amount"}

Spans hold both their days; `to` None is open; `building` None is all; `units` None is not
hand-picked. A line is (unit code, who, item, from, to, fen), an exception (unit code, item,
reason); "building 1" stands for the code where a building lacks a cost, None where all do.
"""

import calendar
import math
from datetime import timedelta
from fractions import Fraction
from itertools import groupby

DAY = timedelta(days=1)
BY_DAYS = ("area", "household")
BY_METER = ("usage", "tiered")
BY_SHARE = ("shared_area", "shared_household")


def bill(units, tariffs, costs, period, in_arrears=()):
    """All lines and all exceptions of a period; `units` come in natural order."""
    items = list(dict.fromkeys(t["item"] for t in tariffs))
    before = as_many_months_before(*period)
    days_of = {item: before if item in in_arrears else period for item in items}
    found = Found()
    for unit in units:
        for item in items:
            charge_by_days(found, unit, tariffs, item, *days_of[item])
            charge_once(found, unit, tariffs, item, *days_of[item])
            charge_by_meter(found, unit, tariffs, item, *days_of[item])
        if not is_covered(unit, tariffs, period, days_of) and is_inhabited(unit, period):
            found.exceptions.append((unit["code"], None, "no_tariff"))
    for item in items:
        found.exceptions += lacks_a_cost(units, tariffs, costs, item, *days_of[item])
    for cost in costs:
        first, last = days_of.get(cost["item"], period)
        if first <= cost["to"] <= last:
            share(found, cost, units, tariffs)
    return found.lines, found.exceptions


class Found:
    def __init__(self):
        self.lines = []
        self.exceptions = []


# --- days -------------------------------------------------------------------------------------


def days(first, last):
    return [first + DAY * n for n in range((last - first).days + 1)]


def holds(first, last, day):
    return first <= day and (last is None or day <= last)


def months(span):
    return sum(Fraction(1, calendar.monthrange(d.year, d.month)[1]) for d in span)


def as_many_months_before(first, last):
    """The first of the months is found by walking back day by day over as many firsts."""
    count = sum(1 for day in days(first, last) if day.day == 1)
    start = first
    for _month in range(count):
        start -= DAY
        while start.day != 1:
            start -= DAY
    return start, first - DAY


# --- money ------------------------------------------------------------------------------------


def fen(yuan):
    """Rounded half up."""
    return math.floor(Fraction(yuan) * 100 + Fraction(1, 2))


# --- who, by what, and whether ----------------------------------------------------------------


def handed_over(unit, day):
    return unit["handover"] is not None and unit["handover"] <= day


def payer(unit, day):
    for first, last, who, developer in unit["payers"]:
        if holds(first, last, day):
            return who if handed_over(unit, day) or developer else None
    return None


def is_vacant(unit, day):
    return any(holds(first, last, day) for first, last in unit["vacancies"])


def tariff_on(tariffs, item, unit, day):
    """Hand-picked for this unit, else the building's own, else that of all buildings."""
    number = int(unit["code"])
    on_the_day = [t for t in tariffs if t["item"] == item and holds(t["from"], t["to"], day)]
    of_kind = [t for t in on_the_day if t["units"] is None and t["kind"] == unit["kind"]]
    choices = (
        [t for t in on_the_day if t["units"] is not None and number in t["units"]],
        [t for t in of_kind if t["building"] == unit["building"]],
        [t for t in of_kind if t["building"] is None],
    )
    return next((t for choice in choices for t in choice), None)


def is_covered(unit, tariffs, period, days_of):
    """Whether a tariff is in force on a day of the period, or of those that its item charges."""
    return any(
        tariff_on(tariffs, item, unit, day)
        for item, span in days_of.items()
        for day in {*days(*period), *days(*span)}
    )


def is_inhabited(unit, period):
    return any(handed_over(unit, day) and payer(unit, day) for day in days(*period))


# --- 面积, 户 ---------------------------------------------------------------------------------


def charge_by_days(found, unit, tariffs, item, first, last):
    """Runs of days with the same payer, version and vacancy."""

    def state(day):
        tariff = tariff_on(tariffs, item, unit, day)
        if tariff is None or tariff["method"] not in BY_DAYS:
            return None
        who = payer(unit, day)
        if who is None:
            return "nobody" if handed_over(unit, day) else None
        return who, tariff["id"], is_vacant(unit, day)

    for key, run in groupby(days(first, last), state):
        if key is None:
            continue
        if key == "nobody":
            found.exceptions.append((unit["code"], item, "no_payer"))
            continue
        who, number, vacant = key
        tariff = next(t for t in tariffs if t["id"] == number)
        if tariff["method"] == "area" and not unit["area"]:
            found.exceptions.append((unit["code"], item, "cannot_compute"))
            continue
        span = list(run)
        rate = Fraction(tariff["price"]) * (Fraction(tariff["factor"]) if vacant else 1)
        if tariff["method"] == "area":
            rate *= Fraction(unit["area"])
        if tariff["monthly"]:
            parts = [list(month) for _, month in groupby(span, lambda d: (d.year, d.month))]
            amount = sum(fen(rate * months(part)) for part in parts)
        else:
            amount = fen(rate * months(span))
        found.lines.append((unit["code"], who, item, span[0], span[-1], amount))


# --- 一次性 -----------------------------------------------------------------------------------


def charge_once(found, unit, tariffs, item, first, last):
    """On the first day of the tariff, if it is the one in force for the unit then."""
    for day in days(first, last):
        tariff = tariff_on(tariffs, item, unit, day)
        if tariff is None or tariff["method"] != "once" or tariff["from"] != day:
            continue
        if not handed_over(unit, day):
            continue
        who = payer(unit, day)
        if who is None:
            found.exceptions.append((unit["code"], item, "no_payer"))
        else:
            found.lines.append((unit["code"], who, item, day, day, fen(tariff["price"])))


# --- 用量, 阶梯 -------------------------------------------------------------------------------


def charge_by_meter(found, unit, tariffs, item, first, last):
    at_end = tariff_on(tariffs, item, unit, last)
    if at_end is None or at_end["method"] not in BY_METER:
        return
    if not handed_over(unit, last) and payer(unit, last) is None:
        return
    readings = sorted(unit["readings"].get(item, []))
    inside = [r for r in readings if first <= r[0] <= last]
    before = [r for r in readings if r[0] < first]
    usages = split_by_payers(unit, before[-1] if before else None, inside, first, last)
    if usages is None:
        if handed_over(unit, last):
            found.exceptions.append((unit["code"], item, "no_reading"))
        return
    if any(until[1] < since[1] for *_, since, until in usages):
        found.exceptions.append((unit["code"], item, "backward_meter"))
        return
    for who, start, end, since, until in usages:
        used = Fraction(until[1]) - Fraction(since[1])
        tariff = tariff_on(tariffs, item, unit, max(end, first))
        if tariff is None or tariff["method"] not in BY_METER or not used:
            continue
        if who is None:
            found.exceptions.append((unit["code"], item, "no_payer"))
            continue
        for amount in by_tiers(tariff, used, months(days(start, end))):
            found.lines.append((unit["code"], who, item, start, end, amount))
    if is_high(before, inside):
        found.exceptions.append((unit["code"], item, "high_usage"))


def split_by_payers(unit, base, inside, first, last):
    """(who, from, to, reading before, reading after): one for each payer; None: one is missing."""
    if not inside:
        return None
    usages = []
    start = first
    for day, value in inside:
        old, new = payer(unit, day - DAY), payer(unit, day)
        if old == new:
            continue
        if old is not None or handed_over(unit, day - DAY):
            if base is None:
                return None
            since = start if start < day else base[0]
            usages.append((old, since, day - DAY, base, (day, value)))
            start = day
        base = (day, value)
    if base is None:
        return None
    return [*usages, (payer(unit, last), start, last, base, inside[-1])]


def by_tiers(tariff, used, months_of_line):
    """The fen of each tier that is reached; bounds are cumulative and count per month."""
    tiers = tariff["tiers"] if tariff["method"] == "tiered" else [(None, tariff["price"])]
    lower = Fraction(0)
    for bound, price in tiers:
        upper = used if bound is None else Fraction(bound) * months_of_line
        if used > lower:
            yield fen((min(used, upper) - lower) * Fraction(price))
        lower = upper


def is_high(before, inside):
    """Over three times the average of a day in all that was measured before, once or oftener."""
    if len(before) < 2:
        return False
    (start, at_start), (base, at_base), (end, at_end) = before[0], before[-1], inside[-1]
    average = Fraction(at_base - at_start) / (base - start).days
    return Fraction(at_end - at_base) / (end - base).days > 3 * max(average, 0)


# --- 公摊面积, 公摊户 -------------------------------------------------------------------------


def lacks_a_cost(units, tariffs, costs, item, first, last):
    """Buildings with days in a month on which a unit shares the item, none of them of a cost."""
    months_of = {}
    for unit in units:
        for day in days(first, last):
            tariff = tariff_on(tariffs, item, unit, day)
            if handed_over(unit, day) and tariff and tariff["method"] in BY_SHARE:
                months = months_of.setdefault(unit["building"], {})
                months.setdefault((day.year, day.month), set()).add(day)
    lacking = {
        building: {month for month, shared in months.items() if not any(map(is_known, shared))}
        for building, months in months_of.items()
        for is_known in [known_in(building, [c for c in costs if c["item"] == item])]
    }
    if len(set(map(frozenset, lacking.values()))) == 1:
        return [(None, item, "no_cost")] if any(lacking.values()) else []
    return [(f"building {number}", item, "no_cost") for number in lacking if lacking[number]]


def known_in(building, costs):
    """Whether a cost for a building, or for all, holds a day."""
    here = [c for c in costs if c["building"] in (None, building)]
    return lambda day: any(holds(c["from"], c["to"], day) for c in here)


def share(found, cost, units, tariffs):
    item, end = cost["item"], cost["to"]
    in_scope = []
    for unit in units:
        tariff = tariff_on(tariffs, item, unit, end)
        if tariff is None or tariff["method"] not in BY_SHARE or not handed_over(unit, end):
            continue
        if cost["building"] in (None, unit["building"]):
            in_scope.append((unit, tariff["method"]))
    unknown = [(u, m) for u, m in in_scope if m == "shared_area" and not u["area"]]
    in_scope = [one for one in in_scope if one not in unknown]
    if len({method for _, method in in_scope}) > 1:
        found.exceptions.append((None, item, "cannot_compute"))
        return
    found.exceptions += [(unit["code"], item, "cannot_compute") for unit, _ in unknown]
    if not in_scope:
        found.exceptions.append((None, item, "nobody_in_scope"))
        return
    weights = [Fraction(u["area"]) if m == "shared_area" else Fraction(1) for u, m in in_scope]
    pool = int(Fraction(cost["amount"]) * 100)
    for (unit, _), part in zip(in_scope, apportion(pool, weights), strict=True):
        who = payer(unit, end)
        if who is None:
            found.exceptions.append((unit["code"], item, "no_payer"))
        else:
            found.lines.append((unit["code"], who, item, cost["from"], end, part))


def apportion(pool, weights):
    """Fen by largest remainder, one by one; among equal remainders the first unit's."""
    exact = [pool * weight / sum(weights) for weight in weights]
    parts = [math.floor(each) for each in exact]
    remainders = [each - part for each, part in zip(exact, parts, strict=True)]
    while sum(parts) < pool:
        winner = remainders.index(max(remainders))
        parts[winner] += 1
        remainders[winner] = Fraction(-1)
    return parts
