"""Which tariff a unit has, and when: hand-picked, once, in arrears, none."""

from datetime import date

import pytest

from billing import calculation as calc
from tests.billing.homes import QUARTER, YEAR, bill, readings, reasons_of, tariff, unit


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
