"""A refund to a bank card is in the bill of the day it was taken on, and done days later."""

import datetime
from decimal import Decimal

import pytest
from django.utils import timezone

from community.models import today
from core.books import verify
from payments.models import Reconciliation, ReconciliationLine, Refund
from payments.providers.base import DailyBill, ProviderRefund, RefundState
from payments.providers.wechatpay import WeChatPayProvider
from payments.services.channels.our_day import our_side
from payments.services.channels.reconciling import reconcile
from payments.services.online import original_refunds
from tests.payments.online import paid
from tests.payments.sent_refunds import asked, now

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def under_way(open_day, bill):
    """A refund that WeChat Pay took on today, and whose money is on its way to a bank."""
    open_day.faults(hold_refunds=True)
    refund = asked(paid(open_day, bill), "42.00")
    original_refunds.send(refund.pk)
    assert now(refund) == Refund.State.PROCESSING
    return refund


def differences():
    reconcile(channel="wechat", day=today())
    return list(ReconciliationLine.objects.filter(stands=True).values_list("kind", flat=True))


def done(refund, *, after):
    """The bank has it so many days later."""
    original_refunds.record(
        refund.pk,
        ProviderRefund(
            refund.out_refund_no,
            RefundState.DONE,
            refund.payment.order.out_trade_no,
            done_at=timezone.now() + datetime.timedelta(days=after),
        ),
    )


def test_one_that_is_under_way_is_no_difference(under_way):
    assert differences() == []
    day = Reconciliation.objects.get(day=today())
    assert (day.their_refunded, day.our_refunded) == (Decimal("42.00"), Decimal("42.00"))


def test_one_that_is_done_days_later_stays_in_the_bill_that_listed_it(under_way):
    done(under_way, after=2)
    assert now(under_way) == Refund.State.PAID
    assert differences() == []
    day = today() + datetime.timedelta(days=2)
    assert our_side(WeChatPayProvider(), DailyBill(day, (), b"", "")).day == set()
    assert not verify(None).breaks


def test_one_of_which_that_day_is_not_known_is_looked_for_when_it_was_done(under_way):
    done(under_way, after=2)
    Refund.objects.update(listed_on=None)
    day = today() + datetime.timedelta(days=2)
    keys = our_side(WeChatPayProvider(), DailyBill(day, (), b"", "")).day
    assert [key[2] for key in keys] == [under_way.out_refund_no]
