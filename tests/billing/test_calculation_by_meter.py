"""Usage and tiers: readings, transfers, what is missing or odd."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from billing import calculation as calc
from billing.calculation.metering import split_by_tiers
from tests.billing.homes import QUARTER, WATER, bill, readings, tariff, transferred, unit


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


def test_who_left_pays_what_was_read_on_the_day_after_though_nobody_came():
    home = unit(
        payers=[calc.Payer(calc.Span(date(2020, 1, 1), date(2026, 2, 10)), 7)],
        readings=readings(("2025-12-28", 10), ("2026-02-11", 16)),
    )
    charged = bill([tariff(method="usage", price="2")], home)
    assert charged == ([(7, "0101-0210", 1200)], [])
