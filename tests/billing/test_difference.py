"""The difference between two bills, taken apart: to the fen, and by the right cause."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc
from billing.calculation.difference import Billed, Cause, Difference, Side, difference
from core.money import round_to_fen

LAST = calc.Span(date(2025, 10, 1), date(2025, 12, 31))
THIS = calc.Span(date(2026, 1, 1), date(2026, 3, 31))
FEE, WATER, LIFT, WASTE = 1, 2, 3, 4
ONE = Decimal(1)

areas = st.decimals("0.01", "999.99", places=2)
prices = st.decimals("0", "99.9999", places=4)
factors = st.sampled_from([Decimal(text) for text in ("0", "0.3", "0.7", "1")])
usages = st.decimals("0.001", "200", places=3)


def days_in(span: calc.Span) -> Any:
    return st.dates(span.start, span.end)


@st.composite
def tariffs(draw: Any, ids: int) -> list[calc.Tariff]:
    """A price from the beginning, and perhaps another from a day in one of the two periods."""
    change = draw(st.none() | st.dates(LAST.start + timedelta(days=1), THIS.end))
    found = []
    for item in (FEE, WATER, WASTE):
        if item != FEE and draw(st.booleans()):
            continue
        days = [(date(2020, 1, 1), calc.FOREVER)]
        if change and draw(st.booleans()):
            days = [(days[0][0], change - timedelta(days=1)), (change, calc.FOREVER)]
        for number, (first, last) in enumerate(days):
            more: dict[str, Any] = {"price": draw(prices), "method": calc.Method.AREA}
            if item == WASTE:
                more["method"] = calc.Method.HOUSEHOLD
            if item == WATER and draw(st.booleans()):
                bounds = sorted(draw(st.sets(st.integers(1, 30), max_size=3)))
                steps = [calc.Tier(Decimal(b), draw(prices)) for b in bounds]
                more = {
                    "method": calc.Method.TIERED,
                    "tiers": (*steps, calc.Tier(None, draw(prices))),
                }
            elif item == WATER:
                more["method"] = calc.Method.USAGE
            found.append(
                calc.Tariff(
                    id=ids + 10 * item + number,
                    item=item,
                    kind="dwelling",
                    span=calc.Span(first, last),
                    rounding=draw(st.sampled_from(calc.Rounding)),
                    vacancy_factor=draw(factors),
                    **more,
                )
            )
    return found


@st.composite
def units(draw: Any) -> calc.Unit:
    """With a vacancy, a late handover and a payer who came on a day, or not."""
    first = draw(st.just(date(2020, 1, 1)) | days_in(LAST))
    vacant = sorted([draw(days_in(LAST)), draw(days_in(THIS))])
    values = sorted([draw(usages), draw(usages), draw(usages)])
    read = [LAST.start - timedelta(days=1), LAST.end, THIS.end]
    return calc.Unit(
        id=1,
        kind="dwelling",
        building=1,
        area=draw(areas),
        handover=date(2020, 1, 1),
        payers=[calc.Payer(calc.Span(first, calc.FOREVER), 1)],
        vacancies=[calc.Span(*vacant)] if draw(st.booleans()) else [],
        readings={WATER: [calc.Reading(*each) for each in zip(read, values, strict=True)]},
    )


def bill(unit: calc.Unit, versions: list[calc.Tariff], period: calc.Span) -> list[Billed]:
    lines = calc.Calculator(period=period, tariffs=versions).bill(unit).lines
    return [
        Billed(
            item=line.terms.tariff.item,
            tariff=line.terms.tariff.id,
            method=line.terms.tariff.method,
            span=line.terms.span,
            quantity=line.quantity,
            price=line.terms.price,
            factor=line.terms.factor,
            fen=line.fen,
            tiers=line.terms.tariff.tiers,
        )
        for line in lines
    ]


@given(
    unit=units(),
    versions=tariffs(ids=0),
    area=st.none() | areas,
    adjusted=st.tuples(st.integers(-9999, 9999), st.integers(-9999, 9999)),
)
def test_the_parts_sum_to_the_difference(
    unit: calc.Unit, versions: list[calc.Tariff], area: Decimal | None, adjusted: tuple[int, int]
) -> None:
    before = Side(bill(unit, versions, LAST), adjusted[0])
    if area:
        unit.area = area
    now = Side(bill(unit, versions, THIS), adjusted[1])
    found = difference(before, now)
    assert (found.before, found.now) == (before.fen, now.fen)
    assert sum(part.fen for part in found.parts) == now.fen - before.fen
    assert all(part.fen for part in found.parts)
    back = difference(now, before)
    assert sum(part.fen for part in back.parts) == -found.fen
    same = difference(now, now)
    assert same.parts == ()


def line(**more: Any) -> Billed:
    terms: dict[str, Any] = {
        "item": FEE,
        "tariff": 1,
        "method": calc.Method.AREA,
        "span": THIS,
        "quantity": Decimal("100.00"),
        "price": Decimal("2.35"),
        "factor": ONE,
    }
    terms |= more
    exact = terms["quantity"] * (terms["price"] or 0) * terms["factor"] * 3
    terms.setdefault("fen", round_to_fen(exact))
    return Billed(**terms)


def causes(found: Difference) -> dict[Cause, int]:
    return {part.cause: part.fen for part in found.parts}


def compare(before: Billed | list[Billed], now: Billed | list[Billed]) -> dict[Cause, int]:
    sides = [Side(each if isinstance(each, list) else [each]) for each in (before, now)]
    return causes(difference(*sides))


def test_each_cause_by_itself() -> None:
    assert compare(line(span=LAST), line()) == {}
    assert compare(line(span=LAST), line(price=Decimal("2.60"))) == {Cause.PRICE: 7500}
    assert compare(line(factor=Decimal("0.7")), line()) == {Cause.VACANCY: 21150}
    assert compare(line(quantity=Decimal("99.00")), line()) == {Cause.AREA: 705}
    half = line(span=calc.Span(date(2026, 1, 1), date(2026, 2, 14)), fen=35250)
    assert compare(line(span=LAST), half) == {Cause.DAYS: -35250}
    assert compare(line(), [line(), line(item=WASTE, fen=2400)]) == {Cause.OTHER: 2400}
    assert compare([line(), line(item=WASTE, fen=2400)], line()) == {Cause.OTHER: -2400}
    shared = {"item": LIFT, "method": calc.Method.SHARED_AREA, "price": None}
    assert compare(line(**shared, fen=100), line(**shared, fen=250)) == {Cause.SHARED: 150}
    household = line(method=calc.Method.HOUSEHOLD, quantity=ONE, price=Decimal(100), tariff=2)
    assert compare(line(), household) == {Cause.PRICE: 30000 - 70500}


def test_adjustments_stand_beside_the_lines() -> None:
    found = difference(Side([line()], -5000), Side([line()]))
    assert causes(found) == {Cause.ADJUSTMENT: 5000}
    assert (found.before, found.now) == (65500, 70500)


def test_price_and_vacancy_at_once() -> None:
    found = compare(line(span=LAST, factor=Decimal("0.7")), line(price=Decimal("2.60"), factor=ONE))
    assert found == {Cause.PRICE: 5250, Cause.VACANCY: 23400}
    assert sum(found.values()) == 78000 - 49350


def test_how_many_days_and_which_prices() -> None:
    from_the_17th = calc.Span(date(2025, 10, 17), date(2025, 12, 31))
    before = line(span=from_the_17th, fen=58371)
    found = difference(Side([before]), Side([line(price=Decimal("2.60"))]))
    days, price = sorted(found.parts, key=lambda part: part.cause)
    assert (days.cause, days.more, price.cause) == (Cause.DAYS, 14, Cause.PRICE)
    assert price.prices == (Decimal("2.35"), Decimal("2.60"))


def water(used: str, tiers: str, **more: Any) -> list[Billed]:
    """The lines of a usage, a line for each tier, as the bill run makes them."""
    steps = calc.parse_tiers(tiers)
    span = more.get("span", THIS)
    used_in = calc.metering.split_by_tiers(Decimal(used), steps, calc.months_in(span))
    terms = {"item": WATER, "method": calc.Method.TIERED, "tiers": steps} | more
    return [
        line(**terms, quantity=part.quantity, price=part.tier.price, fen=part.fen)
        for part in used_in
    ]


def test_more_usage_in_dearer_tiers_is_usage_not_price() -> None:
    steps = "15:3.45;25:4.83;:5.83"
    found = difference(Side(water("40", steps, span=LAST)), Side(water("80", steps)))
    assert causes(found) == {Cause.USAGE: 45 * 345 + 30 * 483 + 5 * 583 - 40 * 345}
    assert found.parts[0].more == 40


def test_dearer_tiers_for_the_same_usage_are_price() -> None:
    found = compare(water("40", ":3.45", span=LAST), water("40", ":4.00", tariff=2))
    assert found == {Cause.PRICE: 40 * 55}
    both = compare(water("40", ":3.45", span=LAST), water("50", ":4.00", tariff=2))
    assert both == {Cause.USAGE: 10 * 345, Cause.PRICE: 50 * 55}


def test_the_standard_leaves_out_what_vacancy_took_off() -> None:
    vacant = line(factor=Decimal("0.7"), fen=49350)
    assert vacant.by_standard().fen == 70500
    assert compare(vacant.by_standard(), line()) == {}
