"""What the months to come will cost: the very amount that the bills then say."""

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.calculation import Span
from billing.models import Account, BillingSettings, Charge, CreditEntry
from billing.services.accounts.posting import post_credit
from billing.services.runs.estimate import MOST_MONTHS, Ahead, _periods
from billing.services.standards.tariffs import import_tariffs
from community.models import Unit
from community.services.transfers import import_transfers
from tests.billing.small import Q2, TARIFFS, issue, small_community, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def billed():
    community = small_community()
    issue(community)
    return community


@pytest.fixture
def account(billed):
    return Account.objects.get(unit__code="1-1-101")


def test_it_begins_after_what_is_billed_and_explains_each_line(account):
    estimate = Ahead(account).estimate(3)
    assert (estimate.starts_on, estimate.ends_on) == (date(2026, 4, 1), date(2026, 6, 30))
    assert [line.charge.amount for line in estimate.lines] == [Decimal("705.00"), Decimal("24.00")]
    assert estimate.total == Decimal("729.00")
    assert all(line.explained.equations for line in estimate.lines)
    assert not any(line.charge.pk for line in estimate.lines)


def test_before_anything_is_billed_it_begins_with_this_month():
    account = Account.objects.create(
        community=(community := small_community()),
        unit=(unit := Unit.objects.get(community=community, code="1-1-101")),
        party=unit.occupancies.get().party,
    )
    estimate = Ahead(account, date(2026, 5, 17)).estimate(1)
    assert (estimate.starts_on, estimate.ends_on) == (date(2026, 5, 1), date(2026, 5, 31))
    assert estimate.total == Decimal("243.00")


def test_what_is_prepaid_is_what_the_next_bills_say(billed, account):
    """A price change, a vacancy factor and rounding by the community's periods are in it."""
    import_tariffs(
        source=table(
            TARIFFS,
            "物业服务费,住宅,,面积,2.35,0.7,2020-01-01,2026-05-14,整期",
            "物业服务费,住宅,,面积,2.5777,0.7,2026-05-15,,逐月",
        ),
        community=billed,
    )
    estimate = Ahead(account).estimate(3)
    post_credit(
        account=account,
        kind=CreditEntry.Kind.PAYMENT,
        amount=Decimal("729.00") + estimate.total,  # the first quarter is open
        value_date=date(2026, 3, 20),
    )
    issue(billed, **Q2)
    now = Account.objects.filter(pk=account.pk).with_balance().get()
    second = Charge.objects.filter(account=account, starts_on__gte=date(2026, 4, 1))
    assert sum(charge.amount for charge in second) == estimate.total
    assert now.credit == 0
    assert not second.open().exists()


def test_a_year_is_the_sum_of_its_periods(billed, account):
    BillingSettings.objects.create(community=billed, cycle=BillingSettings.Cycle.QUARTERLY)
    year = Ahead(account).estimate(12)
    spans = {(line.charge.starts_on, line.charge.ends_on) for line in year.lines}
    assert len(spans) == 4
    assert year.total == 4 * Decimal("729.00")


def test_who_does_not_pay_then_has_nothing_to_prepay(billed, account):
    import_transfers(
        source=table("楼栋,单元,房号,过户日期,新业主姓名,手机号", "1,1,101,2026-05-01,李四,"),
        community=billed,
    )
    estimate = Ahead(account).estimate(6)
    assert estimate.total == Decimal("243.00")
    assert {line.charge.ends_on for line in estimate.lines} == {date(2026, 4, 30)}


@pytest.mark.parametrize("months", [0, -1, MOST_MONTHS + 1])
def test_a_number_of_months_that_makes_no_sense_is_refused(account, months):
    with pytest.raises(ValueError, match="months"):
        Ahead(account).estimate(months)


@pytest.mark.parametrize(
    ("credit", "months", "until"),
    [
        ("242.99", 0, None),
        ("243.00", 1, date(2026, 4, 30)),
        ("729.00", 3, date(2026, 6, 30)),
        ("971.99", 3, date(2026, 6, 30)),
        ("100000", MOST_MONTHS, date(2029, 3, 31)),
    ],
)
def test_how_far_a_credit_reaches(account, credit, months, until):
    reached = Ahead(account).covered_by(Decimal(credit))
    assert (reached.months, reached.until) == (months, until)


def test_the_facts_are_read_once_however_far_one_looks(account, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        Ahead(account).covered_by(Decimal(100000))


@settings(max_examples=100)
@given(
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)).map(lambda day: day.replace(day=1)),
    cycle=st.sampled_from([1, 3, 6, 12]),
    months=st.integers(1, 36),
)
def test_periods_follow_each_other_without_a_gap(first, cycle, months):
    year, month = divmod(first.month - 1 + months, 12)
    end = date.fromordinal(date(first.year + year, month + 1, 1).toordinal() - 1)
    periods = list(_periods(Span(first, end), cycle))
    assert periods[0].start == first
    assert periods[-1].end == end
    for one, following in pairwise(periods):
        assert following.start.toordinal() == one.end.toordinal() + 1
        assert (following.start.month - 1) % cycle == 0
