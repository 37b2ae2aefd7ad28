"""Alipay from the resident's choice to the books, with callbacks over the wire."""

import datetime
import uuid
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from payments import providers
from payments.models import Payment, PaymentOrder, ProviderEvent
from payments.services.online.asking import retire
from payments.services.online.hanging import sweep_orders
from payments.services.online.ordering import NotOffered
from tests.factories.billing import make_bill
from tests.fixtures.simulators import AlipaySimulator
from tests.payments import online
from tests.payments.conftest import values_of
from tests.payments.provider_contract import refund_request
from tests.payments.test_alipay import FORGERIES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = PaymentOrder.State


@pytest.fixture
def merchant(alipay):
    return alipay


start = partial(online.start, provider="alipay")


def now(order):
    order.refresh_from_db()
    return order.state


def test_paid_told_posted_and_refused_when_false(portal, bill, attention):
    order = start(bill)
    portal.look(order.out_trade_no)
    for fault in FORGERIES:
        answer = portal.notify(order.out_trade_no, fault)
        assert (fault, answer["status"], answer["body"]) == (fault, 400, "fail")
    for fault in ("wrong_merchant", "wrong_app"):
        assert portal.notify(order.out_trade_no, fault)["status"] == 400
    for fault in ("wrong_amount", "unknown_order", ""):
        assert portal.notify(order.out_trade_no, fault)["body"] == "success"
    assert len(attention) == 3  # what does not fit, and a claim that Alipay itself denies
    assert not Payment.objects.exists()
    portal.faults(callbacks="deliver")
    portal.pay(order.out_trade_no)
    (sent,) = portal.wait_for_callbacks(order.out_trade_no)
    assert (sent["state"], sent["tries"]) == ("delivered", 1)
    assert now(order) == State.PAID
    for fault in ("replay", ""):
        assert portal.notify(order.out_trade_no, fault)["body"] == "success"
    payment = Payment.objects.get()
    assert (payment.method, payment.amount) == (Payment.Method.ALIPAY, bill.amount)


def test_a_refunds_notification_is_taken_quietly(portal, bill, attention):
    order = start(bill)
    portal.pay(order.out_trade_no)
    portal.notify(order.out_trade_no)
    portal.faults(callbacks="deliver")
    providers.of(order).refund(refund_request(order.out_trade_no, "R1", "1.00"))
    portal.wait_for_callbacks(order.out_trade_no)
    event = ProviderEvent.objects.latest("pk")
    assert (event.state, event.outcome) == (ProviderEvent.State.PROCESSED, "about refund R1: done")
    assert now(order) == State.PAID
    assert attention == []


def test_what_was_given_up_unseen_is_watched_and_never_lost(portal, bill, attention):
    """Alipay cannot close what nobody has scanned. Its code is paid, and the callback lost."""
    order = start(bill)
    assert retire(order).state == State.CLOSED
    order.refresh_from_db()
    assert order.check_at
    assert PaymentOrder.objects.watched().get() == order
    portal.pay(order.out_trade_no, callback=False)
    PaymentOrder.objects.update(check_at=timezone.now())
    assert sweep_orders() == 1
    assert now(order) == State.PAID
    assert Payment.objects.count() == 1
    assert len(attention) == 1


def test_what_was_given_up_is_closed_once_it_is_scanned_and_left_once_it_is_over(portal, bill):
    order, other = start(bill), start(make_bill("10.00"))
    for one in (order, other):
        retire(one)
    portal.look(order.out_trade_no)
    overdue = timezone.now() - datetime.timedelta(hours=1)
    PaymentOrder.objects.filter(pk=other.pk).update(expires_at=overdue)
    PaymentOrder.objects.update(check_at=timezone.now())
    assert sweep_orders() == 2
    assert portal.order(order.out_trade_no)["state"] == "TRADE_CLOSED"
    assert not PaymentOrder.objects.watched().exists()
    assert sweep_orders() == 0


def test_each_community_has_its_own_account_address_and_keys(
    portal, bill, settings, tmp_path, attention
):
    other_bill = make_bill("10.00")
    code = other_bill.account.community.code
    other = AlipaySimulator(tmp_path).start()
    try:
        own = values_of(other, settings.ALIPAY[""], "ALIPAY")
        settings.ALIPAY = settings.ALIPAY | {code: own}
        # One door for both in the settings; here each simulator is a door of its own.
        first, second = start(bill), start(other_bill)
        assert (first.merchant, second.merchant) == ("", code)
        assert urlsplit(other.order(second.out_trade_no)["notify_url"]).path == (
            f"/callbacks/alipay/of/{code}/"
        )
        other.pay(second.out_trade_no)
        other.wait_for_callbacks(second.out_trade_no)
        assert now(second) == State.PAID
        # What the second merchant's keys sign says nothing to the first one's address.
        wrong_door = f"{settings.SITE_URL}/callbacks/alipay/"
        answer = other.notify(second.out_trade_no, "", url=wrong_door)
        assert answer["status"] == 400
        assert now(first) == State.PENDING
    finally:
        other.stop()


def test_a_community_without_an_account_is_not_offered_it(bill, alipay, settings):
    code = bill.account.community.code
    settings.ALIPAY = {"": dict.fromkeys(settings.ALIPAY[""], ""), "elsewhere": settings.ALIPAY[""]}
    assert "alipay" in providers.available()
    assert "alipay" not in providers.available(code)
    with pytest.raises(NotOffered):
        start(bill)


class TestPages:
    def press(self, client, bill, **more):
        form = {"token": str(uuid.uuid4()), "bill": [bill.pk], "provider": "alipay"}
        return client.post(reverse("payments:pay"), form | more)

    def test_both_ways_are_offered(
        self, client, resident, bill, alipay, wechatpay_simulator, settings
    ):
        settings.WECHATPAY = {
            "": values_of(wechatpay_simulator, settings.WECHATPAY[""], "WECHATPAY")
        }
        page = client.get(reverse("payments:pay")).content.decode()
        assert page.index('value="wechatpay"') < page.index('value="alipay"')

    def test_a_desktop_shows_a_code_and_may_go_to_alipays_own_page(
        self, client, resident, bill, alipay, settings
    ):
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        answer = self.press(client, bill)
        order = PaymentOrder.objects.get()
        assert answer.url == reverse("payments:order", args=[order.pk])
        page = client.get(answer.url).content.decode()
        assert "Open Alipay on your phone" in page
        assert "WeChat" not in page
        scene = reverse("payments:order_scene", args=[order.pk])
        assert client.post(scene, {"scene": "jsapi"}).status_code == 404
        pressed = client.post(scene, {"scene": "page"})
        own_page = PaymentOrder.objects.get(scene="page")
        plain = reverse("payments:order", args=[own_page.pk])
        goes_on = f'content="0; url={plain}go/"'
        assert goes_on in client.get(pressed.url).content.decode(), "one press is enough"
        assert goes_on not in client.get(plain).content.decode(), "come back, nobody is sent on"
        assert now(order) == State.CLOSED
        sent = client.get(reverse("payments:order_go", args=[own_page.pk]))
        assert sent.url.startswith(alipay.account["ALIPAY_GATEWAY"])
        assert "trade.page.pay" in sent.url

    def test_a_phone_is_sent_to_the_app(self, client, resident, bill, alipay, settings):
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        self.press(client, bill, narrow="yes")
        order = PaymentOrder.objects.get()
        assert order.scene == "h5"
        assert (
            "Open Alipay and pay"
            in client.get(reverse("payments:order", args=[order.pk])).content.decode()
        )
        sent = client.get(reverse("payments:order_go", args=[order.pk]))
        assert "trade.wap.pay" in sent.url

    def test_there_is_no_key_in_what_is_kept(self, client, resident, bill, alipay):
        self.press(client, bill)
        key = Path(alipay.account["ALIPAY_PRIVATE_KEY_FILE"]).read_text().splitlines()[1]
        assert key not in str(PaymentOrder.objects.values().get())
