"""The worked numbers, and the rules of docs/domain.md by which days are cut into lines."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc
from billing.calculation.proration import DayRate
from tests.billing.homes import (
    QUARTER,
    YEAR,
    bill,
    readings,
    tariff,
    unit,
)


@pytest.mark.parametrize(
    ("area", "price", "span", "rounding", "vacant", "fen"),
    [
        ("89.37", "2.35", YEAR, "whole", False, 252023),
        ("89.37", "2.35", YEAR, "monthly", False, 252024),
        ("89.37", "2.35", calc.Span(date(2026, 1, 1), date(2026, 1, 17)), "whole", False, 11517),
        ("154.78", "1.2", calc.Span(date(2026, 1, 1), date(2026, 1, 31)), "whole", True, 13002),
        ("130.70", "0.15", calc.Span(date(2026, 1, 1), date(2026, 1, 31)), "whole", False, 1961),
    ],
)
def test_worked_numbers(area, price, span, rounding, vacant, fen):
    rate = DayRate(tariff(price=price, rounding=calc.Rounding(rounding)), span, vacant=vacant)
    assert rate.fen(Decimal(area)) == fen


@given(st.dates(date(2019, 1, 1), date(2030, 1, 1)), st.integers(0, 800))
def test_months_are_counted_day_by_day(start, length):
    span = calc.Span(start, start + timedelta(days=length))
    slow, day = Fraction(0), span.start
    while day <= span.end:
        after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        slow += Fraction(1, (after - day.replace(day=1)).days)
        day += timedelta(days=1)
    assert calc.months_in(span) == slow


def test_a_whole_february_is_a_month_in_any_year():
    for year in (2023, 2024):
        span = calc.Span(date(year, 2, 1), date(year, 3, 1) - timedelta(days=1))
        assert calc.months_in(span) == 1


def test_price_payer_and_vacancy_each_cut_a_line():
    old = tariff(1, span=calc.Span(date(2020, 1, 1), date(2026, 1, 31)))
    new = tariff(2, price="3", span=calc.Span(date(2026, 2, 1), calc.FOREVER), item=1)
    home = unit(
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 2, 14)), 7),
            calc.Payer(calc.Span(date(2026, 2, 15), calc.FOREVER), 8),
        ],
        vacancies=[calc.Span(date(2026, 3, 1), date(2026, 3, 31))],
    )
    assert bill([old, new], home) == (
        [
            (7, "0101-0131", 23500),
            (7, "0201-0214", 15000),
            (8, "0215-0228", 15000),
            (8, "0301-0331", 21000),
        ],
        [],
    )


def test_a_vacancy_cuts_a_line_even_where_the_factor_is_1():
    home = unit(vacancies=[calc.Span(date(2026, 2, 1), date(2026, 2, 28))])
    lines, _ = bill([tariff(vacancy_factor=Decimal(1))], home)
    assert lines == [(7, "0101-0131", 23500), (7, "0201-0228", 23500), (7, "0301-0331", 23500)]


def test_vacancies_that_touch_are_one_and_so_are_entries_of_one_payer():
    home = unit(
        vacancies=[
            calc.Span(date(2026, 1, 1), date(2026, 1, 31)),
            calc.Span(date(2026, 2, 1), date(2026, 4, 30)),
        ],
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 2, 14)), 7),
            calc.Payer(calc.Span(date(2026, 2, 15), calc.FOREVER), 7),
        ],
    )
    assert bill([tariff()], home) == ([(7, "0101-0331", 49350)], [])


def test_a_factor_of_0_gives_a_line_of_0():
    home = unit(vacancies=[QUARTER])
    assert bill([tariff(vacancy_factor=Decimal(0))], home)[0] == [(7, "0101-0331", 0)]


def test_the_handover_day_is_billed_and_the_days_before_are_not():
    assert bill([tariff()], unit(handover=date(2026, 3, 31)))[0] == [(7, "0331-0331", 758)]
    assert bill([tariff()], unit(handover=date(2026, 4, 1))) == ([], [])
    assert bill([tariff()], unit(handover=None)) == ([], [])


def test_transfers_and_vacancies_before_handover_are_valid():
    home = unit(
        handover=date(2026, 3, 1),
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 1, 14)), 7),
            calc.Payer(calc.Span(date(2026, 1, 15), calc.FOREVER), 8),
        ],
        vacancies=[calc.Span(date(2026, 2, 1), date(2026, 2, 3))],
    )
    assert bill([tariff()], home)[0] == [(8, "0301-0331", 23500)]


def test_before_handover_a_developer_pays_who_is_on_the_register_as_payer():
    home = unit(
        handover=date(2026, 3, 1),
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 2, 28)), 9, developer=True),
            calc.Payer(calc.Span(date(2026, 3, 1), calc.FOREVER), 7),
        ],
    )
    assert bill([tariff()], home)[0] == [(9, "0101-0228", 47000), (7, "0301-0331", 23500)]


def test_a_buildings_own_tariff_beats_the_common_one_on_its_days_only():
    own = tariff(2, price="1", building=1, span=calc.Span(date(2026, 2, 1), date(2026, 2, 28)))
    lines, _ = bill([tariff(), own], unit())
    assert lines == [(7, "0101-0131", 23500), (7, "0201-0228", 10000), (7, "0301-0331", 23500)]
    assert bill([tariff(), own], unit(building=2))[0] == [(7, "0101-0331", 70500)]


def test_days_without_a_payer_are_named():
    home = unit(payers=[calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 2, 28)), 7)])
    assert bill([tariff()], home) == ([(7, "0101-0228", 47000)], [calc.Reason.NO_PAYER])


@pytest.mark.parametrize(
    ("one", "home"),
    [
        (tariff(), {"area": Decimal(0)}),
        (tariff(price=None), {}),
        (
            tariff(method="usage", price=None),
            {"readings": readings(("2025-12-28", 1), ("2026-03-29", 2))},
        ),
    ],
)
def test_a_tariff_that_cannot_be_computed_is_named_and_never_0(one, home):
    assert bill([one], unit(**home)) == ([], [calc.Reason.CANNOT_COMPUTE])


def test_days_after_a_handover_without_a_payer_are_named():
    home = unit(handover=date(2026, 2, 1), payers=[])
    calculator = calc.Calculator(period=QUARTER, tariffs=[tariff()])
    (problem,) = calculator.bill(home).problems
    assert (problem.reason, problem.detail) == ("no_payer", "2026-02-01 – 2026-03-31")
