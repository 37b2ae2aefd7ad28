"""A refund that does not come to its end: somebody is told what to do, the payer that it waits."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from community.models import Role
from core import books
from notices import content
from notices.models import Delivery, Notice
from payments.models import Refund
from payments.providers.base import TransientError
from payments.services.giving_back import refunds
from payments.services.online import original_refunds
from tests.factories.community import MembershipFactory, StaffUserFactory
from tests.payments.online import paid
from tests.payments.sent_refunds import asked, due, now

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = Refund.State


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def accountant(bill):
    return MembershipFactory.create(community=bill.account.community, role=Role.ACCOUNTANT).user


def older(**age):
    """So much time has passed since the refund was sent."""
    Refund.objects.update(sent_at=timezone.now() - datetime.timedelta(**age))
    due()


def told(kind="refund"):
    """The notices of a kind; of refunds those to whoever paid online, not to the unit's payer."""
    found = Notice.objects.filter(kind=kind)
    return found.exclude(user=None) if kind == "refund" else found


def page_for(user, name, *args):
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client.get(reverse(name, args=args)).content.decode()


@pytest.fixture
def abnormal(merchant, bill, accountant):
    """42 yuan that WeChat Pay could not get to the payer."""
    merchant.faults(hold_refunds=True)
    refund = asked(paid(merchant, bill), "42.00")
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="ABNORMAL")
    due()
    return Refund.objects.get(pk=refund.pk)


class TestAbnormal:
    def test_the_payer_is_told_once_that_it_comes_another_way(self, abnormal):
        assert abnormal.is_delayed
        original_refunds.send(abnormal.pk)  # the provider spoke of it again
        notice = told().get()
        assert notice.user == abnormal.payment.order.user
        subject, page = content.page_of(notice)
        assert "is delayed" in subject
        assert "this refund is delayed: WeChat Pay could not get the money to you" in page
        assert "gives it back another way" in page
        sms = content.message_of(Delivery.objects.get(notice=notice, channel="sms"))
        assert sms.template == "refund_delayed", "it is not in his account again"
        refunds.fail(abnormal.pk, by=StaffUserFactory.create(), words="账户已注销")
        assert told().count() == 1, "he has been told"

    def test_he_reads_it_on_his_order_and_hears_when_it_arrived(self, abnormal):
        order = abnormal.payment.order
        shown = page_for(order.user, "payments:order", order.pk)
        assert "could not go back the way you paid" in shown
        assert "on its way" not in shown
        original_refunds.confirm_paid(abnormal.pk, by=StaffUserFactory.create(), words="已转银行卡")
        assert told().count() == 2
        assert "was given back" in content.page_of(told().latest("pk"))[0]

    def test_the_accountant_is_led_to_the_refund_and_told_what_to_do(self, abnormal, accountant):
        alert = told("payment_alert").get(user=accountant)
        subject, page = content.page_of(alert)
        assert "refund of ¥42.00" in subject
        for words in ("A refund needs somebody", "by bank transfer", abnormal.out_refund_no):
            assert words in page
        code = abnormal.community.code
        assert reverse("payments:refund", args=[code, abnormal.pk]) in page
        shown = page_for(accountant, "payments:refund", code, abnormal.pk)
        assert "by bank transfer" in shown
        assert ">delayed</span>" in shown


class TestSilence:
    """Alipay took the refund on (fund_change N), and its query never says REFUND_SUCCESS."""

    @pytest.fixture
    def silent(self, alipay, bill, accountant):
        alipay.faults(hold_refunds=True)
        return asked(paid(alipay, bill, "alipay"), "42.00")

    def test_it_is_asked_for_again_and_after_a_day_a_person_is_told(
        self, silent, attention, accountant
    ):
        older(hours=23)
        assert (now(silent), attention) == (State.PROCESSING, [])
        assert silent.check_at is not None
        older(hours=25)
        due()
        assert (now(silent), silent.check_at) == (State.PROCESSING, None)
        assert silent.is_delayed
        assert len(attention) == 1
        assert (
            "a day later it still does not say" in content.page_of(told("payment_alert").get())[1]
        )
        assert "is delayed" in content.page_of(told().get())[0]
        refunds.fail(silent.pk, by=StaffUserFactory.create(), words="支付宝后台无此退款")
        assert now(silent) == State.FAILED
        assert books.verify().breaks == []

    def test_what_moved_after_all_ends_it(self, silent, alipay):
        alipay.post(
            f"/control/refunds/{silent.payment.order.out_trade_no}/{silent.out_refund_no}",
            status="SUCCESS",
        )
        older(days=9)
        assert now(silent) == State.PAID
        assert "was given back" in content.page_of(told().get())[0]

    def test_a_provider_that_never_answers_is_told_and_asked_on(self, silent, alipay, attention):
        for _twice in range(2):
            alipay.faults(refuse_next=3)
            Refund.objects.update(sent_at=timezone.now() - datetime.timedelta(hours=25))
            with pytest.raises(TransientError):
                original_refunds.send(silent.pk)
        assert (now(silent), len(attention)) == (State.PROCESSING, 1)
        assert silent.check_at is not None
        assert not told().exists()


def test_what_the_provider_is_at_for_a_week_is_for_a_person(merchant, bill, attention):
    merchant.faults(hold_refunds=True)
    refund = asked(paid(merchant, bill), "42.00")
    older(days=6)
    assert (now(refund), attention) == (State.PROCESSING, [])
    assert refund.check_at is not None
    older(days=8)
    assert (now(refund), refund.check_at, len(attention)) == (State.PROCESSING, None, 1)
    # Its message is asked about all the same.
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="SUCCESS")
    original_refunds.send(refund.pk)
    assert now(refund) == State.PAID
