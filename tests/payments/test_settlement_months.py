"""A month of settlement: its sum, what its sign-off needs, and that the books hold it."""

import datetime
from contextlib import suppress
from decimal import Decimal
from itertools import pairwise

import pytest
from django.db import InternalError, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from community.models import today
from core.books import verify
from payments.models import Reconciliation, SettlementEntry
from payments.reconciliation.settlement import Month, net_and_entries, next_month
from payments.services.channels import settling
from payments.services.channels.settling import CannotSettle
from tests.factories.community import CommunityFactory, StaffUserFactory
from tests.factories.settlement import ALIPAY, TENPAY, make_day, take_over

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
# A month that is over, and a day in it with room on both sides.
MONTH = next_month(next_month(today(), back=True), back=True)
FIFTH = MONTH + 4 * DAY


@pytest.fixture
def community():
    return CommunityFactory()


@pytest.fixture
def accountant():
    return StaffUserFactory()


def test_the_month_is_signed_off_when_everything_has_come(community, accountant):
    def refused():
        with pytest.raises(CannotSettle) as error:
            settling.sign_off_month(MONTH, community=community, by=accountant)
        return str(error.value)

    assert refused() == "nothing"
    day = make_day(community, FIFTH, "100.00", closed=False)
    assert refused() == "days_open"
    type(day).objects.update(state="closed", closed_by=accountant, closed_at=day.compared_at)
    assert refused() == "outstanding"
    take_over(community, (FIFTH + DAY, "100.00", TENPAY))
    [odd] = take_over(community, (FIFTH + DAY, "7.00", TENPAY))
    settling.match_payouts(community)
    assert refused() == "lines"
    settling.set_aside(odd.pk, by=accountant)
    found = settling.sign_off_month(MONTH, community=community, by=accountant)
    assert settling.sign_off_month(MONTH, community=community, by=accountant) == found
    assert (found.net, found.arrived, found.explained) == (100, 100, 0)
    with pytest.raises(CannotSettle, match="signed_off"):
        settling.take_back(SettlementEntry.objects.get().pk, by=accountant)
    make_day(community, today(), "1.00")
    with pytest.raises(CannotSettle, match="not_over"):
        settling.sign_off_month(today().replace(day=1), community=community, by=accountant)
    assert not verify(None).breaks


TAMPERING = [
    (
        "UPDATE payments_settlemententry SET amount = amount + 1",
        "payments.a_payout_is_shared_out_whole",
    ),
    (
        "UPDATE payments_bankline SET use = 'payer'",
        "payments.a_payout_is_shared_out_whole",
    ),
    (
        "UPDATE payments_bankline SET booked_on = booked_on - 5",
        "payments.a_payout_is_for_earlier_days_of_its_channel",
    ),
    (
        "UPDATE payments_reconciliation SET fees = fees + 1",
        "payments.a_month_signed_off_has_nothing_outstanding",
    ),
]


@pytest.mark.parametrize(("tampering", "rule"), TAMPERING)
def test_the_books_notice_and_the_database_refuses(community, accountant, tampering, rule):
    make_day(community, FIFTH, "100.00")
    take_over(community, (FIFTH + DAY, "100.00", TENPAY))
    settling.match_payouts(community)
    settling.sign_off_month(MONTH, community=community, by=accountant)
    table = tampering.split()[1]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if "SET use" not in tampering:
            with pytest.raises(InternalError), transaction.atomic():
                cursor.execute(tampering)
        for wanted in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            if table != "payments_reconciliation":
                with pytest.raises(InternalError), transaction.atomic():
                    cursor.execute(wanted)
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(tampering)
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert rule in {one.rule for one in verify(community.code).breaks}


AT, FEN = st.integers(0, 40), st.integers(-5_000, 20_000)
CHANNEL = st.sampled_from(["wechatpay", "alipay"])
NETS = st.lists(st.tuples(AT, CHANNEL, FEN), max_size=12, unique_by=lambda one: one[:2])
LINES = st.lists(st.tuples(st.integers(1, 60), CHANNEL, st.integers(1, 20_000)), max_size=4)
NAMES = {"wechatpay": TENPAY, "alipay": ALIPAY}


@given(
    nets=NETS,
    lines=LINES,
    in_time=st.sets(st.integers(0, 11)),
    by_hand=st.lists(st.integers(0, 11), max_size=3),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_the_months_tie_together(accountant, nets, lines, in_time, by_hand):
    """Random days, payouts in time and at odds, matched or explained by hand in any order."""
    exact = [(at + 1, key, fen) for place, (at, key, fen) in enumerate(nets) if place in in_time]
    with transaction.atomic():
        community = CommunityFactory()
        days = [
            make_day(community, MONTH + DAY * at, yuan(fen), provider=key) for at, key, fen in nets
        ]
        wanted = [
            (MONTH + DAY * at, str(yuan(fen)), NAMES[key])
            for at, key, fen in [*exact, *lines]
            if fen > 0
        ]
        rows = take_over(community, *wanted) if wanted else []
        settling.match_payouts(community)
        for place in by_hand:
            with suppress(IndexError, CannotSettle), transaction.atomic():
                day = days[place]
                if place < len(rows):
                    settling.match_line(rows[place].pk, days=[day.pk], by=accountant)
                else:
                    settling.explain(day.pk, by=accountant, words="查过")
        ties_together(community, days)
        transaction.set_rollback(True)


def yuan(fen):
    return Decimal(fen).scaleb(-2)


def total(rows):
    return rows.aggregate(sum=Sum("amount"))["sum"] or 0


def ties_together(community, days):
    """Σ net = Σ payouts that count + explained + outstanding, and month follows month."""
    entries = SettlementEntry.objects.filter(reconciliation__community=community, undone_at=None)
    mine = Reconciliation.objects.filter(community=community)
    left = sum(row.outstanding for row in net_and_entries(mine))
    payouts = community.bank_lines.filter(use="channel")
    counted = total(payouts.exclude(pk__in=payouts.waiting()))
    assert counted == total(entries.filter(line__isnull=False))
    net = sum(day.settlement for day in days)
    assert net == counted + total(entries.filter(line=None)) + left
    months = [Month(community, MONTH)]
    for _ in range(3):
        months.append(Month(community, months[-1].end))
    assert months[0].opening == 0
    assert all(before.closing == after.opening for before, after in pairwise(months))
    assert months[-1].closing == left
    assert not verify(community.code).breaks
