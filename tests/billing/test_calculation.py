"""The worked numbers and the rules of DOMAIN.md, one by one."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import calculation as calc
from billing.calculation.metering import split_by_tiers
from billing.calculation.proration import DayRate

YEAR = calc.Span(date(2026, 1, 1), date(2026, 12, 31))
QUARTER = calc.Span(date(2026, 1, 1), date(2026, 3, 31))
ALWAYS = calc.Span(date(2020, 1, 1), calc.FOREVER)
WATER = "15:3.45;25:4.83;:5.83"


def tariff(number=1, method="area", price="2.35", **fields):
    fields = {"item": 1, "kind": "住宅", "span": ALWAYS, "vacancy_factor": Decimal("0.7")} | fields
    tiers = calc.parse_tiers(price) if method == "tiered" else ()
    return calc.Tariff(
        id=number,
        method=calc.Method(method),
        price=None if tiers or price is None else Decimal(price),
        tiers=tiers,
        **fields,
    )


def unit(number=1, **fields):
    fields = {
        "kind": "住宅",
        "building": 1,
        "area": Decimal("100.00"),
        "handover": date(2020, 1, 1),
        "payers": [calc.Payer(ALWAYS, 7)],
    } | fields
    return calc.Unit(id=number, **fields)


def readings(*values):
    return {1: [calc.Reading(date.fromisoformat(d), Decimal(v)) for d, v in values]}


def bill(tariffs, one, period=QUARTER, costs=()):
    """Lines as (payer, from, to, fen) and reasons of problems."""
    calculator = calc.Calculator(period=period, tariffs=tariffs)
    problems = [p for cost in costs for p in calculator.share(cost, [one])]
    outcome = calculator.bill(one)
    lines = [
        (line.party, f"{line.terms.span.start:%m%d}-{line.terms.span.end:%m%d}", line.fen)
        for line in outcome.lines
    ]
    return lines, [p.reason for p in problems + outcome.problems]


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


# --- by meter -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("used", "fen"),
    [
        ("45", [15525]),  # the bound itself is still in the lower tier
        ("45.1", [15525, 48]),
        ("75", [15525, 14490]),
        ("92.4", [15525, 14490, 10144]),
        ("0.001", [0]),
    ],
)
def test_tiers_count_per_month_of_the_period(used, fen):
    parts = split_by_tiers(Decimal(used), calc.parse_tiers(WATER), Fraction(3))
    assert [part.fen for part in parts] == fen
    assert sum(part.quantity for part in parts) == Decimal(used)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15:3.45",
        ":1;:2",
        "15:1;15:2;:3",
        "25:1;15:2;:3",
        "0:1;:2",
        "a:1;:2",
        "15:-1;:2",
        "15:1.23456;:2",
        "15;:2",
        "15:1;:2;",
        "1e3:1;:2",
    ],
)
def test_tiers_that_cannot_be(text):
    with pytest.raises(ValueError, match="tier"):
        calc.parse_tiers(text)


def test_usage_from_the_latest_reading_before_to_the_latest_inside():
    home = unit(
        readings=readings(
            ("2025-11-01", 5),
            ("2025-12-28", 10),
            ("2026-01-30", 12),
            ("2026-03-29", "20.5"),
            ("2026-04-02", 99),
        ),
        vacancies=[QUARTER],
    )
    assert bill([tariff(method="usage", price="2")], home) == ([(7, "0101-0331", 2100)], [])


def test_no_usage_is_no_line():
    home = unit(readings=readings(("2025-12-28", 10), ("2026-03-29", 10)))
    assert bill([tariff(method="usage")], home) == ([], [])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), calc.Reason.NO_READING),
        ((("2025-12-28", 10),), calc.Reason.NO_READING),
        ((("2026-03-29", 10),), calc.Reason.NO_READING),
        ((("2025-12-28", 10), ("2026-03-29", 9)), calc.Reason.BACKWARD_METER),
    ],
)
def test_a_reading_that_is_missing_or_ran_backwards(values, reason):
    assert bill([tariff(method="usage")], unit(readings=readings(*values))) == ([], [reason])


def test_a_unit_handed_over_after_the_period_has_neither_line_nor_exception():
    assert bill([tariff(method="usage")], unit(handover=date(2026, 4, 1))) == ([], [])


def test_a_line_runs_from_the_first_day_even_after_a_handover_inside():
    usage = tariff(method="usage", price="1")
    home = unit(handover=date(2026, 2, 10))
    home.readings = readings(("2025-12-28", 3), ("2026-03-29", 10))
    assert bill([usage], home)[0] == [(7, "0101-0331", 700)]
    home.readings = readings(("2025-12-28", 3), ("2026-02-10", 4), ("2026-03-29", 10))
    assert bill([usage], home)[0] == [(7, "0101-0331", 600)]
    home.readings = readings(("2026-02-10", 4), ("2026-03-29", 10))
    assert bill([usage], home)[0] == [(7, "0101-0331", 600)]


def transferred(day, *values):
    day = date.fromisoformat(day)
    return unit(
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), day - timedelta(days=1)), 7),
            calc.Payer(calc.Span(day, calc.FOREVER), 8),
        ],
        readings=readings(*values),
    )


def test_the_payer_at_the_end_pays_unless_the_meter_was_read_at_the_transfer():
    usage = tariff(method="usage", price="1")
    home = transferred("2026-02-01", ("2025-12-28", 1), ("2026-01-31", 4), ("2026-03-29", 10))
    assert bill([usage], home)[0] == [(8, "0101-0331", 900)]
    home = transferred("2026-02-01", ("2025-12-28", 1), ("2026-02-01", 4), ("2026-03-29", 10))
    assert bill([usage], home)[0] == [(7, "0101-0131", 300), (8, "0201-0331", 600)]


def test_tiers_of_a_split_usage_count_for_the_months_of_each():
    home = transferred("2026-02-01", ("2025-12-28", 0), ("2026-02-01", 16), ("2026-03-29", 46))
    lines, _ = bill([tariff(method="tiered", price=WATER)], home)
    assert lines == [(7, "0101-0131", 5175), (7, "0101-0131", 483), (8, "0201-0331", 10350)]


def test_a_transfer_on_the_first_day_leaves_nothing_unbilled():
    home = transferred("2026-01-01", ("2025-12-28", 1), ("2026-01-01", 2), ("2026-03-29", 10))
    lines, _ = bill([tariff(method="usage", price="1")], home)
    assert lines == [(7, "1228-1231", 100), (8, "0101-0331", 800)]


def test_the_version_at_the_end_prices_the_whole_usage():
    old = tariff(1, method="usage", span=calc.Span(date(2020, 1, 1), date(2026, 2, 28)))
    new = tariff(2, method="usage", price="2", span=calc.Span(date(2026, 3, 1), calc.FOREVER))
    home = unit(readings=readings(("2025-12-28", 1), ("2026-03-29", 11)))
    assert bill([old, new], home)[0] == [(7, "0101-0331", 2000)]
    assert bill([old], home) == ([], [])


# --- shared ---------------------------------------------------------------------------------


@given(st.integers(0, 10**10), st.lists(st.integers(0, 30_000), min_size=1).filter(any))
def test_parts_sum_to_the_pool_and_stay_next_to_their_exact_share(total, weights):
    parts = calc.largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_ties_go_to_the_earlier_unit():
    assert calc.largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert calc.largest_remainder(101, [1, 1, 1]) == [34, 34, 33]


def share(tariffs, homes, period=QUARTER, **cost):
    cost = {"item": 1, "span": QUARTER, "fen": 10_000} | cost
    calculator = calc.Calculator(period=period, tariffs=tariffs)
    problems = calculator.share(calc.SharedCost(id=1, **cost), homes)
    lines = [line for home in homes for line in calculator.bill(home).lines]
    return [(line.party, line.fen) for line in lines], [p.reason for p in problems]


def payers(party):
    return [calc.Payer(ALWAYS, party)]


def test_a_cost_is_shared_by_area_or_equally_over_the_units_in_scope():
    homes = [
        unit(1, payers=payers(1)),
        unit(2, payers=payers(2), area=Decimal("50.00")),
        unit(3, payers=payers(3), building=2),
        unit(4, payers=payers(4), kind="商铺"),
        unit(5, payers=payers(5), handover=date(2026, 4, 1)),
        unit(6, payers=payers(6), handover=date(2026, 3, 31), vacancies=[QUARTER]),
    ]
    by_area = tariff(method="shared_area", price=None)
    equally = tariff(method="shared_household", price=None, building=1)
    assert share([by_area], homes)[0] == [(1, 2857), (2, 1429), (3, 2857), (6, 2857)]
    assert share([equally], homes)[0] == [(1, 3334), (2, 3333), (6, 3333)]
    assert share([by_area], homes, building=2)[0] == [(3, 10_000)]


def test_the_payer_at_the_costs_end_pays_with_the_costs_own_dates():
    home = transferred("2026-02-20")
    cost = calc.SharedCost(1, 1, calc.Span(date(2025, 11, 1), date(2026, 2, 19)), 500)
    one = tariff(method="shared_area", price=None)
    assert bill([one], home, costs=[cost])[0] == [(7, "1101-0219", 500)]


@pytest.mark.parametrize(
    ("tariffs", "homes", "reason"),
    [
        ([tariff(method="shared_area", price=None)], [], calc.Reason.NOBODY_IN_SCOPE),
        ([tariff()], [unit()], calc.Reason.NOBODY_IN_SCOPE),
        (
            [
                tariff(1, method="shared_area", price=None),
                tariff(2, method="shared_household", price=None, kind="商铺"),
            ],
            [unit(1), unit(2, kind="商铺")],
            calc.Reason.CANNOT_COMPUTE,
        ),
    ],
)
def test_a_cost_that_cannot_be_shared_is_an_exception(tariffs, homes, reason):
    calculator = calc.Calculator(period=QUARTER, tariffs=tariffs)
    problems = calculator.share(calc.SharedCost(1, 1, QUARTER, 100), homes)
    assert [(p.unit, p.reason) for p in problems] == [(None, reason)]


def test_a_unit_of_unknown_area_is_named_and_the_others_bear_the_pool():
    homes = [unit(1, payers=payers(1), area=Decimal(0)), unit(2, payers=payers(2))]
    shared, problems = share([tariff(method="shared_area", price=None)], homes)
    assert shared == [(2, 10_000)]
    assert problems == [calc.Reason.CANNOT_COMPUTE]


# --- hand-picked, once, in arrears ------------------------------------------------------------


def reasons_of(calculator, one):
    return [problem.reason for problem in calculator.bill(one).problems]


def test_a_hand_picked_tariff_beats_the_buildings_own_on_its_days_only():
    everywhere = tariff(1)
    own = tariff(2, price="3", building=1)
    span = calc.Span(date(2026, 2, 1), date(2026, 2, 28))
    picked = tariff(3, price="1", span=span, units=frozenset({1}))
    assert bill([everywhere, own, picked], unit(1))[0] == [
        (7, "0101-0131", 30000),
        (7, "0201-0228", 10000),
        (7, "0301-0331", 30000),
    ]
    assert bill([everywhere, own, picked], unit(2))[0] == [(7, "0101-0331", 90000)]


def test_a_hand_picked_unit_may_be_of_any_kind():
    picked = tariff(units=frozenset({1}))
    assert bill([picked], unit(1, kind="商铺"))[0] == [(7, "0101-0331", 70500)]


def test_a_hand_picked_tariff_shares_a_cost():
    everywhere = tariff(1, "shared_household", None)
    out = tariff(2, "household", "8", units=frozenset({1}))
    calculator = calc.Calculator(period=QUARTER, tariffs=[everywhere, out])
    cost = calc.SharedCost(1, 1, QUARTER, 1000)
    assert not calculator.share(cost, [unit(1), unit(2), unit(3)])
    assert [line.fen for line in calculator.bill(unit(1)).lines] == [2400]
    assert [line.fen for line in calculator.bill(unit(2)).lines] == [500]


ONE_OFF = calc.Span(date(2026, 2, 10), date(2026, 12, 31))


def test_a_one_off_is_charged_once_to_who_pays_on_its_first_day():
    once = tariff(method="once", price="30.005", span=ONE_OFF)
    home = unit(
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2026, 2, 9)), 7),
            calc.Payer(calc.Span(date(2026, 2, 10), calc.FOREVER), 8),
        ],
        vacancies=[QUARTER],
    )
    assert bill([once], home) == ([(8, "0210-0210", 3001)], [])
    following = calc.Span(date(2026, 4, 1), date(2026, 6, 30))
    assert bill([once], home, following) == ([], [])


@pytest.mark.parametrize(("handover", "charged"), [("2026-02-10", 1), ("2026-02-11", 0)])
def test_a_one_off_is_for_units_handed_over_by_its_first_day(handover, charged):
    once = tariff(method="once", price="30", span=ONE_OFF)
    lines, reasons = bill([once], unit(handover=date.fromisoformat(handover)))
    assert (len(lines), reasons) == (charged, [])


def test_a_one_off_gives_way_to_a_tariff_that_beats_it_on_its_first_day():
    once = tariff(1, "once", "30", span=ONE_OFF)
    own = tariff(2, "once", "20", building=1, span=calc.Span(date(2026, 2, 1), date(2026, 2, 10)))
    assert bill([once, own], unit())[0] == [(7, "0201-0201", 2000)]


def test_a_one_off_without_a_payer_or_a_price_is_named():
    once = tariff(method="once", price="30", span=ONE_OFF)
    assert bill([once], unit(payers=[])) == ([], ["no_payer"])
    assert bill([tariff(method="once", price=None)], unit(), YEAR) == ([], [])
    first_day = calc.Span(date(2026, 1, 1), calc.FOREVER)
    unpriced = tariff(method="once", price=None, span=first_day)
    assert bill([unpriced], unit()) == ([], ["cannot_compute"])


def test_an_item_in_arrears_is_charged_for_the_period_before():
    water = tariff(1, "usage", "2", item=1)
    fee = tariff(2, "household", "8", item=2)
    light = tariff(3, "shared_household", None, item=3)
    calculator = calc.Calculator(period=QUARTER, tariffs=[water, fee, light], in_arrears={1, 3})
    home = unit(
        readings=readings(("2025-09-28", "10"), ("2025-12-30", "25"), ("2026-03-30", "99")),
        payers=[
            calc.Payer(calc.Span(date(1900, 1, 1), date(2025, 12, 31)), 7),
            calc.Payer(calc.Span(date(2026, 1, 1), calc.FOREVER), 8),
        ],
    )
    december = calc.Span(date(2025, 12, 1), date(2025, 12, 31))
    assert not calculator.share(calc.SharedCost(1, 3, december, 500), [home])
    lines = [
        (line.party, f"{line.terms.span.start}/{line.terms.span.end}", line.fen)
        for line in calculator.bill(home).lines
    ]
    assert lines == [
        (8, "2026-01-01/2026-03-31", 2400),
        (7, "2025-10-01/2025-12-31", 3000),
        (7, "2025-12-01/2025-12-31", 500),
    ]


@pytest.mark.parametrize(
    ("start", "end", "before"),
    [
        ("2026-01-01", "2026-03-31", ("2025-10-01", "2025-12-31")),
        ("2024-03-01", "2024-03-31", ("2024-02-01", "2024-02-29")),
        ("2026-01-01", "2026-12-31", ("2025-01-01", "2025-12-31")),
        ("2026-11-01", "2027-02-28", ("2026-07-01", "2026-10-31")),
    ],
)
def test_the_period_before_has_as_many_months(start, end, before):
    span = calc.months_before(calc.Span(date.fromisoformat(start), date.fromisoformat(end)))
    assert (str(span.start), str(span.end)) == before


# --- what should be looked at -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "reasons"),
    # 0.5 m³ a day over the 184 days before; 90 days of three times that are 135 m³.
    [("227", []), ("227.001", ["high_usage"])],
)
def test_usage_over_three_times_the_average_is_billed_and_named(last, reasons):
    water = tariff(method="usage", price="1")
    meter = readings(("2025-06-30", "0"), ("2025-09-30", "90"), ("2025-12-31", "92"))
    meter[1].append(calc.Reading(date(2026, 3, 31), Decimal(last)))
    lines, found = bill([water], unit(readings=meter))
    assert len(lines) == 1
    assert found == reasons


def test_without_an_earlier_interval_no_usage_is_high():
    meter = readings(("2025-12-31", "0"), ("2026-03-31", "9999"))
    assert bill([tariff(method="usage", price="1")], unit(readings=meter))[1] == []


def test_a_payer_whom_no_tariff_reaches_is_named_once():
    parking = tariff(kind="车位")
    assert bill([parking], unit()) == ([], ["no_tariff"])
    assert bill([parking], unit(payers=[])) == ([], [])
    assert bill([parking], unit(handover=None)) == ([], [])
    assert bill([parking], unit(handover=date(2026, 3, 31))) == ([], ["no_tariff"])
    ended = tariff(span=calc.Span(date(2020, 1, 1), date(2026, 1, 1)))
    assert bill([ended], unit())[1] == []


def test_a_tariff_in_arrears_covers_a_unit_from_its_first_day():
    begun = tariff(span=calc.Span(date(2026, 3, 1), calc.FOREVER))
    calculator = calc.Calculator(period=QUARTER, tariffs=[begun], in_arrears={1})
    assert reasons_of(calculator, unit()) == []


def test_days_after_a_handover_without_a_payer_are_named():
    home = unit(handover=date(2026, 2, 1), payers=[])
    calculator = calc.Calculator(period=QUARTER, tariffs=[tariff()])
    (problem,) = calculator.bill(home).problems
    assert (problem.reason, problem.detail) == ("no_payer", "2026-02-01 – 2026-03-31")
