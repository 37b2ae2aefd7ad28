"""The figures that a bill shows really come to its amounts."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc
from billing.explanation import explain_bill
from billing.explanation.charges import Explained, Pool, Surroundings, explain
from billing.models import Bill, Charge, FeeItem, Tariff
from core.money import from_fen, round_to_fen
from tests.billing.figures import worked_out
from tests.billing.sample_communities import import_community, run_billing

PERIOD = calc.Span(date(2026, 1, 1), date(2026, 3, 31))
OWNER = 1

areas = st.decimals("0.01", "9999.99", places=2)
prices = st.decimals("0", "99.9999", places=4)
factors = st.sampled_from([Decimal(text) for text in ("0", "0.3", "0.7", "0.3333", "1", "1.25")])
days = st.dates(PERIOD.start, PERIOD.end)


@st.composite
def spans(draw: Any) -> calc.Span:
    first, last = sorted([draw(days), draw(days)])
    return calc.Span(first, last)


@st.composite
def tier_lists(draw: Any) -> tuple[calc.Tier, ...]:
    widths = draw(st.lists(st.decimals("0.001", "30", places=3), max_size=3))
    bounds, upto = [], Decimal(0)
    for width in widths:
        upto += width
        bounds.append(upto)
    return tuple(calc.Tier(bound, draw(prices)) for bound in [*bounds, None])


def tariff(**more: Any) -> calc.Tariff:
    span = calc.Span(date(2020, 1, 1), calc.FOREVER)
    return calc.Tariff(id=1, item=1, kind="dwelling", span=span, **more)


def as_charge(line: calc.Line, tiers: str = "") -> Charge:
    """The row that the bill run writes for a line."""
    terms = line.terms
    version = Tariff(method=terms.tariff.method, rounding=terms.tariff.rounding, tiers=tiers)
    return Charge(
        fee_item=FeeItem(name="费目"),
        tariff=version,
        starts_on=terms.span.start,
        ends_on=terms.span.end,
        quantity=line.quantity,
        unit_price=terms.price,
        factor=terms.factor,
        amount=from_fen(line.fen),
    )


def check(explained: Explained, *, within: int = 0) -> None:
    """Every equation shown is right, and the last gives the charge."""
    assert explained.equations
    for equation in explained.equations:
        exact, fen = worked_out(equation)
        if within:
            assert abs(exact * 100 - fen) < within
        else:
            assert round_to_fen(exact) == fen, equation
    assert from_fen(fen) == explained.charge.amount


def unit_of(span: calc.Span, area: Decimal, *, vacant: bool = False, **readings: Any) -> calc.Unit:
    return calc.Unit(
        id=1,
        kind="dwelling",
        building=1,
        area=area,
        handover=date(2020, 1, 1),
        payers=[calc.Payer(span, OWNER)],
        vacancies=[span] if vacant else [],
        **readings,
    )


@given(
    span=spans(),
    area=areas,
    price=prices,
    factor=factors,
    rounding=st.sampled_from(calc.Rounding),
    method=st.sampled_from([calc.Method.AREA, calc.Method.HOUSEHOLD]),
    vacant=st.booleans(),
    language=st.sampled_from(["en", "zh-hans"]),
)
def test_by_days(
    span: calc.Span,
    area: Decimal,
    price: Decimal,
    factor: Decimal,
    rounding: calc.Rounding,
    method: calc.Method,
    vacant: bool,
    language: str,
) -> None:
    version = tariff(method=method, price=price, vacancy_factor=factor, rounding=rounding)
    unit = unit_of(span, area, vacant=vacant)
    lines = calc.Calculator(period=PERIOD, tariffs=[version]).bill(unit).lines
    assert len(lines) == 1
    with translation.override(language):
        check(explain(as_charge(lines[0]), Surroundings()))


@given(
    start=days,
    used=st.decimals("0.001", "500", places=3),
    tiers=tier_lists(),
    language=st.sampled_from(["en", "zh-hans"]),
)
def test_by_tier(start: date, used: Decimal, tiers: tuple[calc.Tier, ...], language: str) -> None:
    """Also where a payer came in the middle of a month, and a bound is no round number."""
    readings = [
        calc.Reading(start - timedelta(days=40), Decimal(5)),
        calc.Reading(start, Decimal(7)),
        calc.Reading(PERIOD.end, Decimal(7) + used),
    ]
    unit = unit_of(calc.Span(start, calc.FOREVER), Decimal(100), readings={1: readings})
    unit.payers.insert(0, calc.Payer(calc.Span(date(2020, 1, 1), start - timedelta(days=1)), 2))
    version = tariff(method=calc.Method.TIERED, tiers=tiers)
    outcome = calc.Calculator(period=PERIOD, tariffs=[version]).bill(unit)
    lines = [line for line in outcome.lines if line.party == OWNER]
    text = ";".join(f"{tier.upto or ''}:{tier.price}" for tier in tiers)
    with translation.override(language):
        for index, line in enumerate(lines):
            around = Surroundings(tier=index, tiers_used=len(lines))
            check(explain(as_charge(line, text), around))


@given(used=st.decimals("0.001", "500", places=3), price=prices)
def test_by_usage(used: Decimal, price: Decimal) -> None:
    readings = [
        calc.Reading(date(2025, 12, 31), Decimal(7)),
        calc.Reading(PERIOD.end, Decimal(7) + used),
    ]
    unit = unit_of(calc.Span(date(2020, 1, 1), calc.FOREVER), Decimal(9), readings={1: readings})
    version = tariff(method=calc.Method.USAGE, price=price)
    (line,) = calc.Calculator(period=PERIOD, tariffs=[version]).bill(unit).lines
    with translation.override("en"):
        check(explain(as_charge(line), Surroundings()))


@given(
    fen=st.integers(0, 10**8),
    shared_by=st.lists(areas, min_size=1, max_size=9),
    method=st.sampled_from([calc.Method.SHARED_AREA, calc.Method.SHARED_HOUSEHOLD]),
)
def test_by_share(fen: int, shared_by: list[Decimal], method: calc.Method) -> None:
    """The last fen go to the largest remainders, so a share is its exact value within one fen."""
    calculator = calc.Calculator(period=PERIOD, tariffs=[tariff(method=method)])
    units = [
        calc.Unit(n, "dwelling", 1, area, date(2020, 1, 1), [calc.Payer(PERIOD, OWNER)])
        for n, area in enumerate(shared_by)
    ]
    calculator.share(calc.SharedCost(id=7, item=1, span=PERIOD, fen=fen), units)
    pool = Pool(from_fen(fen), calculator.shared_over[7])
    for unit in units:
        (line,) = calculator.bill(unit).lines
        with translation.override("en"):
            check(explain(as_charge(line), Surroundings(pools=[pool])), within=1)


def charge_by_days(**more: Any) -> Charge:
    terms = {
        "fee_item": FeeItem(name="物业服务费"),
        "tariff": Tariff(method="area", rounding="whole"),
        "starts_on": date(2026, 1, 1),
        "ends_on": date(2026, 3, 31),
        "quantity": Decimal("128.560"),
        "unit_price": Decimal("2.3500"),
        "factor": Decimal("1.0000"),
        "amount": Decimal("906.35"),
    }
    return Charge(**(terms | more))


def told(charge: Charge) -> tuple[str, ...]:
    with translation.override("en"):
        return explain(charge, Surroundings()).equations


def test_reads_like_a_sentence() -> None:
    assert told(charge_by_days()) == ("128.56 m² × 2.35 yuan/m²·month × 3 months = 906.35 yuan",)
    seventeen_days = charge_by_days(
        starts_on=date(2026, 1, 15), quantity=Decimal("100.000"), amount=Decimal("598.87")
    )
    assert told(seventeen_days) == (
        "100 m² × 2.35 yuan/m²·month × (17/31 + 2) months = 598.87 yuan",
    )
    vacant = charge_by_days(factor=Decimal("0.7000"), amount=Decimal("634.44"))
    assert told(vacant) == ("128.56 m² × 2.35 yuan/m²·month × 3 months × 0.7 = 634.44 yuan",)


def test_month_by_month_shows_each_rounding() -> None:
    year = charge_by_days(
        tariff=Tariff(method="area", rounding="monthly"),
        ends_on=date(2026, 12, 31),
        quantity=Decimal("89.37"),
        amount=Decimal("2520.24"),
    )
    assert told(year) == (
        "89.37 m² × 2.35 yuan/m²·month × 1 month = 210.02 yuan",
        "12 × 210.02 yuan = 2,520.24 yuan",
    )


@pytest.mark.parametrize(
    "strange",
    [
        {"amount": Decimal("906.36")},
        {"tariff": None},
        {"unit_price": None},
        {"kind": Charge.Kind.OPENING},
        {"tariff": Tariff(method="shared_area")},
        {"tariff": Tariff(method="tiered", tiers=":5"), "unit_price": None},
    ],
)
def test_says_nothing_rather_than_something_wrong(strange: dict[str, Any]) -> None:
    assert told(charge_by_days(**strange)) == ()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["yunqi", "hetang"])
def test_every_line_of_the_sample_communities_explains_itself(
    name: str, django_assert_max_num_queries: Any
) -> None:
    import_community(name)
    run_billing(name)
    bills = Bill.objects.select_related("account__unit", "run")
    assert bills.count() > 50
    with translation.override("en"):
        for bill in bills:
            with django_assert_max_num_queries(4):
                explained = explain_bill(bill)
            assert [each.charge.pk for each in explained]
            for each in explained:
                shared = each.charge.unit_price is None
                check(each, within=1 if shared else 0)
