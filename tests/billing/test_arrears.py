"""Arrears by age against sums made one charge at a time."""

import datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.arrears import (
    AGES,
    accounts_in_arrears,
    ageing,
    limit_of,
    open_by_due_date,
    sum_of,
)
from billing.models import Account, Charge
from community.models import Community, today
from tests.billing.arrears import ON, account_in, days, owes, pays
from tests.factories.billing import (
    AccountFactory,
    ChargeFactory,
    make_bill,
)
from tests.factories.community import (
    CommunityFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    made: Community = CommunityFactory.create()
    return made


def test_ages_have_neither_gap_nor_overlap() -> None:
    assert AGES[0].most == 0
    assert [age.least for age in AGES[1:]] == [(age.most or 0) + 1 for age in AGES[:-1]]
    assert AGES[-1].most is None


@pytest.mark.parametrize(
    ("late", "place"),
    [
        *((-5, 0), (0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4)),
        *((180, 4), (181, 5), (365, 5), (366, 6), (5000, 6)),
    ],
)
def test_each_day_has_its_age(community: Community, late: int, place: int) -> None:
    owes(account_in(community, "1"), "10.00", ON - days(late))
    (building,) = ageing(community, ON)
    assert [n for n, amount in enumerate(building.aged.amounts) if amount] == [place]
    assert building.accounts == int(late > 0)
    (row,), count = accounts_in_arrears(community, ON, which=AGES[place].key)
    assert count == 1
    assert row.aged == building.aged


def test_by_building_in_natural_order_and_only_this_community(community: Community) -> None:
    for building, amount in (("10", "5.00"), ("2", "7.00"), ("2", "1.50")):
        owes(account_in(community, building), amount, ON - days(10))
    owes(AccountFactory.create(), "99.00", ON - days(10))
    found = ageing(community, ON)
    assert [(each.code, each.aged.total, each.accounts) for each in found] == [
        ("2", Decimal("8.50"), 2),
        ("10", Decimal("5.00"), 1),
    ]
    whole = sum_of(found)
    assert (whole.accounts, whole.aged.overdue) == (3, Decimal("13.50"))


def test_a_bill_its_late_fee_and_what_is_paid(community: Community) -> None:
    account = account_in(community, "1")
    bill = make_bill("100.00", "20.00", account=account, quarter=1)  # due 2026-02-15
    first = bill.charges.earliest("pk")
    late = ChargeFactory.create(
        account=account,
        bill=bill,
        kind=Charge.Kind.LATE_FEE,
        amount=Decimal("3.00"),
        ends_on=today(),
    )
    pays(first, "60.00", bill.due_on)
    pays(late, "1.00", bill.due_on)
    assert open_by_due_date(community) == {bill.due_on: Decimal("62.00")}
    (building,) = ageing(community)
    assert building.aged.total == Account.objects.with_balance().get(pk=account.pk).owed


def test_a_day_in_the_past_counts_what_stood_then(community: Community) -> None:
    account = account_in(community, "1")
    bill = make_bill("100.00", account=account, quarter=1)
    charge = bill.charges.get()
    pays(charge, "40.00", today() - days(5))
    assert ageing(community, today() - days(6)) == []  # the bill was issued today
    owes(account, "7.00", today() - days(20))
    (before,) = ageing(community, today() - days(6))
    assert before.aged.total == Decimal("7.00")
    (now,) = ageing(community)
    assert now.aged.total == Decimal("67.00")
    old = owes(account, "9.00", today() - days(400))
    pays(old, "9.00", today() - days(100))
    (before,) = ageing(community, today() - days(101))
    assert before.aged.amounts[5] == Decimal("9.00")
    (after,) = ageing(community, today() - days(20))
    assert after.aged.amounts[5] == 0


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("12"),
            st.integers(-50, 1500),
            st.integers(1, 999),
            st.lists(st.tuples(st.integers(1, 999), st.booleans()), max_size=3),
        ),
        max_size=8,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_same_as_adding_up_charge_by_charge(
    rows: list[tuple[str, int, int, list[tuple[int, bool]]]],
) -> None:
    community = CommunityFactory.create()
    accounts = {code: account_in(community, code) for code in "12"}
    for code, late, fen, payments in rows:
        charge = owes(accounts[code], f"{fen / 100:.2f}", today() - days(late))
        for paid, undone in payments:
            if part := min(paid, fen):
                pays(charge, f"{part / 100:.2f}", today(), undone=undone)
                fen -= 0 if undone else part
    expected: dict[str, list[Decimal]] = {}
    past: dict[str, Decimal] = {}
    for charge in Charge.objects.filter(account__community=community).open():
        code = charge.account.unit.building.code
        assert charge.due_on
        late = (today() - charge.due_on).days
        place = next(n for n, age in enumerate(AGES) if age.most is None or late <= age.most)
        expected.setdefault(code, [Decimal(0)] * len(AGES))[place] += charge.open_amount
        if limit_of(charge.due_on) < today():
            past[code] = past.get(code, Decimal(0)) + charge.open_amount
    found = {each.code: each.aged for each in ageing(community)}
    assert {code: list(aged.amounts) for code, aged in found.items()} == expected
    assert {code: aged.past_limit for code, aged in found.items() if aged.past_limit} == past
    listed, count = accounts_in_arrears(community, which="open", sort="unit")
    assert count == len(expected)
    assert [row.aged for row in listed] == [found[code] for code in sorted(found)]
    owed = Account.objects.filter(community=community).with_balance()
    assert sum((row.aged.total for row in listed), Decimal(0)) == sum(a.owed for a in owed)


@pytest.mark.parametrize(
    ("due", "limit"),
    [("2023-02-15", "2026-02-15"), ("2024-02-29", "2027-02-28"), ("2021-02-28", "2024-02-28")],
)
def test_three_years_end_on_the_corresponding_day(due: str, limit: str) -> None:
    assert limit_of(datetime.date.fromisoformat(due)) == datetime.date.fromisoformat(limit)


def test_the_database_counts_three_years_in_the_same_way(community: Community) -> None:
    """Leap days included: the amount is past the limit from the day after."""
    for due in (datetime.date(2020, 2, 29), datetime.date(2021, 2, 28), datetime.date(2023, 7, 9)):
        charge = owes(account_in(CommunityFactory.create(), "1"), "1.00", due)
        for late, past in ((0, 0), (1, 1)):
            (found,) = ageing(charge.account.community, limit_of(due) + days(late))
            assert found.aged.past_limit == past
