"""The facts of a random community, as the calculation reads them, and back."""

from billing import calculation as calc


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
        units=t["units"],
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


def place(unit, building):
    """What an exception is about, as the oracle names it: a unit, a building, or None."""
    if building:
        return f"building {building}"
    return unit and str(unit)
