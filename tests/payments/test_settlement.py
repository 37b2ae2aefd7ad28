"""What channels paid out against the bank: matched, explained, taken back."""

import datetime
from decimal import Decimal

import pytest
from django.utils import translation

from community.models import today
from core.books import verify
from payments.models import BankLine, SettlementEntry
from payments.reconciliation.settlement import net_and_entries, next_month
from payments.services.channels import settling
from payments.services.channels.settling import CannotSettle
from tests.factories.community import CommunityFactory, StaffUserFactory
from tests.factories.settlement import ALIPAY, TENPAY, make_day, take_over
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)
# A month that is over, and a day in it with room on both sides.
MONTH = next_month(next_month(today(), back=True), back=True)
FIFTH = MONTH + 4 * DAY
Aside = BankLine.Use.PAYER


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def community():
    return CommunityFactory()


@pytest.fixture
def accountant():
    return StaffUserFactory()


def outstanding(*days):
    found = net_and_entries(type(days[0]).objects.filter(pk__in=[day.pk for day in days]))
    return [row.outstanding for row in found.order_by("day", "pk")]


def waiting(community):
    return [line.amount for line in community.bank_lines.waiting()]


def test_the_next_days_payout_finds_its_day_and_does_so_once(community):
    day = make_day(community, FIFTH, "342.06", fees=Decimal("2.06"))
    take_over(community, (FIFTH + DAY, "340.00", TENPAY), (FIFTH + DAY, "340.00", "柴倩"))
    assert settling.match_payouts(community) == 1
    assert settling.match_payouts(community) == 0
    entry = SettlementEntry.objects.get()
    assert (entry.reconciliation, entry.amount, entry.made_by) == (day, Decimal("340.00"), None)
    assert outstanding(day) == [0]
    assert not verify(None).breaks


def test_money_of_the_other_channel_or_of_another_amount_waits(community):
    day = make_day(community, FIFTH, "100.00")
    take_over(community, (FIFTH + DAY, "100.00", ALIPAY), (FIFTH + DAY, "99.00", TENPAY))
    assert settling.match_payouts(community) == 0
    assert waiting(community) == [Decimal("100.00"), Decimal("99.00")]
    assert outstanding(day) == [100]


def test_short_paid_stays_outstanding_until_it_is_explained(community, accountant):
    day = make_day(community, FIFTH, "100.00")
    [line] = take_over(community, (FIFTH + DAY, "99.00", TENPAY))
    settling.match_line(line.pk, days=[day.pk], by=accountant)
    settling.match_line(line.pk, days=[day.pk], by=accountant)
    assert outstanding(day) == [1]
    with pytest.raises(CannotSettle, match="words"):
        settling.explain(day.pk, by=accountant, words="  ")
    entry = settling.explain(day.pk, by=accountant, words="渠道少付，下月补")
    assert entry.amount == 1
    assert settling.explain(day.pk, by=accountant, words="再说") is None
    assert outstanding(day) == [0]
    assert not verify(None).breaks


def test_taken_back_with_all_days_of_the_payout(community, accountant):
    days = [make_day(community, FIFTH - DAY * back, "10.00") for back in range(2)]
    [line] = take_over(community, (FIFTH + DAY, "20.00", TENPAY))
    assert settling.match_payouts(community) == 1
    assert settling.take_back(SettlementEntry.objects.first().pk, by=accountant) == 2
    assert outstanding(*days) == [10, 10]
    assert waiting(community) == [20]
    settling.match_line(line.pk, days=[day.pk for day in days], by=accountant)
    assert outstanding(*days) == [0, 0]
    assert not verify(None).breaks


@pytest.mark.parametrize(
    ("shift", "net", "provider", "why"),
    [
        (1, "9.00", "wechatpay", "later"),
        (0, "9.00", "alipay", "days"),
        (0, "0.00", "wechatpay", "days"),
    ],
)
def test_days_that_a_payout_cannot_be_for(community, accountant, shift, net, provider, why):
    day = make_day(community, FIFTH + shift * DAY, net, provider=provider)
    [line] = take_over(community, (FIFTH + DAY, "9.00", TENPAY))
    with pytest.raises(CannotSettle, match=why):
        settling.match_line(line.pk, days=[day.pk], by=accountant)


def test_days_of_another_community_or_far_more_than_came_are_refused(community, accountant):
    strange = make_day(CommunityFactory(), FIFTH, "9.00")
    days = [make_day(community, FIFTH - DAY * back, "10.00") for back in range(3)]
    [line] = take_over(community, (FIFTH + DAY, "9.00", TENPAY))
    with pytest.raises(CannotSettle, match="days"):
        settling.match_line(line.pk, days=[strange.pk], by=accountant)
    with pytest.raises(CannotSettle, match="much"):
        settling.match_line(line.pk, days=[day.pk for day in days], by=accountant)
    assert not SettlementEntry.objects.exists()


def test_a_transfer_through_the_channel_is_a_payers(community, accountant):
    day = make_day(community, FIFTH, "9.00")
    own, other = take_over(community, (FIFTH + DAY, "9.00", TENPAY), (FIFTH + DAY, "5.00", TENPAY))
    assert settling.set_aside(other.pk, by=accountant).use == Aside
    assert settling.set_aside(other.pk, by=accountant).use == Aside
    with pytest.raises(CannotSettle, match="no_payout"):
        settling.match_line(other.pk, days=[day.pk], by=accountant)
    settling.match_payouts(community)
    with pytest.raises(CannotSettle, match="matched"):
        settling.set_aside(own.pk, by=accountant)


def test_communities_of_one_account_are_paid_out_together(accountant):
    one, two = CommunityFactory(), CommunityFactory()
    days = [make_day(one, FIFTH, "60.00"), make_day(two, FIFTH, "40.00")]
    [line] = take_over(one, (FIFTH + DAY, "100.00", TENPAY))
    assert settling.match_payouts(one) == 1
    assert outstanding(*days) == [0, 0]
    # The other one's accountant has the same statement: it counts once.
    take_over(two, (FIFTH + DAY, "100.00", TENPAY))
    assert settling.match_payouts(two) == 0
    assert not waiting(two)
    settling.take_back(days[1].entries.get().pk, by=accountant)
    assert outstanding(*days) == [60, 40]
    # Short by one yuan: that stays with whose accountant says so.
    settling.match_line(line.pk, days=[days[0].pk], by=accountant)
    assert [day.entries.filter(undone_at=None).get().amount for day in days] == [60, 40]


@pytest.mark.django_db(transaction=True)
def test_two_who_match_one_payout_do_it_once(community, accountant):
    day = make_day(community, FIFTH, "99.00")
    [line] = take_over(community, (FIFTH + DAY, "99.00", TENPAY))
    jobs = [lambda: settling.match_payouts(community)] * 2
    jobs += [lambda: settling.match_line(line.pk, days=[day.pk], by=accountant)] * 2
    assert not errors_in(together(*jobs))
    assert SettlementEntry.objects.count() == 1
