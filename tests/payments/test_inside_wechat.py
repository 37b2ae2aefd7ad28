"""Paying inside WeChat: who pays is asked first, the order is his, and our own asking decides."""

import json
import re
import uuid
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.test import Client
from django.urls import reverse

from payments.models import PayerIdentity, PaymentOrder
from payments.providers.base import Scene
from payments.services.online import sharing
from payments.services.online.asking import ask
from simulators.wechatpay.browser import USER_AGENT
from tests.factories.community import BindingFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
OPENID = "oSimulatorPayerOne0000000000"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"


@pytest.fixture
def client():
    """A browser inside WeChat."""
    return Client(headers={"user-agent": USER_AGENT})


@pytest.fixture
def link(bill, resident):
    share = sharing.share_bill(bill=bill, by=resident)
    return reverse("payments:shared_bill", args=[sharing.token_of(share)])


def press(client, bill, url=None, **changed):
    """Presses "pay"; the address of the order's page."""
    form = {"provider": "wechatpay", "bill": bill.pk, "token": str(uuid.uuid4())} | changed
    return client.post(url or reverse("payments:pay"), form).url


def to_wechat(client, page):
    """Follows the order's page to WeChat's: where the browser is sent back to."""
    going = re.search(r'content="0; url=([^"]+)"', client.get(page).content.decode())
    answer = client.get(going[1])
    assert answer.status_code == 302
    return requests.get(answer.url, allow_redirects=False, timeout=10).headers["Location"]


def come_back(client, address):
    return client.get(urlsplit(address).path, parse_qs(urlsplit(address).query))


def call_on(page):
    """What the page hands WeChat."""
    return json.loads(unescape(re.search(r'data-bridge="([^"]+)"', page.content.decode())[1]))


def test_it_goes_the_whole_way(merchant, client, resident, bill):
    page = press(client, bill)
    order = PaymentOrder.objects.get()
    assert (order.scene, order.state) == (Scene.JSAPI, "created")
    assert merchant.ledger()["orders"] == []  # not before we know who pays
    assert come_back(client, to_wechat(client, page)).url == page
    order.refresh_from_db()
    assert (order.state, order.payer) == ("pending", OPENID)
    assert PayerIdentity.objects.get().user == resident
    shown = client.get(page)
    call = call_on(shown)
    assert call["package"] == f"prepay_id={order.pay_url}"
    assert OPENID not in shown.content.decode()
    assert merchant.raw("POST", "/jsapi/pay", call)[0] == 200
    assert ask(order).state == "paid"
    order.refresh_from_db()
    assert order.payer == ""


def test_a_session_asks_once_and_another_phone_asks_again(merchant, client, resident, bill):
    come_back(client, to_wechat(client, press(client, bill)))
    page = press(client, bill)
    answer = client.get(f"{page}go/")
    assert answer.url == page
    assert PaymentOrder.objects.get(state="pending").payer == OPENID
    merchant.faults(openid="oHisDaughter")
    other = Client(headers={"user-agent": USER_AGENT})
    other.force_login(resident)
    come_back(other, to_wechat(other, press(other, bill)))
    assert PaymentOrder.objects.get(state="pending").payer == "oHisDaughter"
    assert PayerIdentity.objects.filter(user=resident).count() == 2


def test_what_another_session_was_asked_for_opens_nothing(merchant, client, resident, bill):
    """The state is bound to the session: nobody can be sent back with somebody else's code."""
    back = to_wechat(client, press(client, bill))
    stranger = Client(headers={"user-agent": USER_AGENT})
    assert come_back(stranger, back).status_code == 404
    stranger.force_login(BindingFactory().user)
    assert come_back(stranger, back).status_code == 404
    again = Client(headers={"user-agent": USER_AGENT})
    again.force_login(resident)
    assert come_back(again, back).status_code == 404
    assert client.get(reverse("payments:payer_return")).status_code == 404
    assert PaymentOrder.objects.get().state == "created"


@pytest.mark.parametrize("fault", ["refuse_openid", "code", "line"])
def test_when_wechat_does_not_say_who_there_is_another_way(merchant, client, resident, bill, fault):
    if fault == "refuse_openid":
        merchant.faults(refuse_openid=True)
    page = press(client, bill)
    back = to_wechat(client, page)
    if fault == "code":
        back = re.sub("code=[0-9a-f]+", "code=0", back)
    if fault == "line":
        merchant.faults(refuse_next=1, match="/sns/")
    answer = come_back(client, back)
    assert answer.url == f"{page}?asked"
    shown = client.get(answer.url)
    assert "http-equiv" not in shown.content.decode()  # it does not go round in circles
    assert not PayerIdentity.objects.exists()
    scene = client.post(f"{page}scene/", {"scene": "native"})
    assert "data:image" in client.get(scene.url).content.decode()
    assert PaymentOrder.objects.filter(state="pending").get().scene == Scene.NATIVE
    assert PaymentOrder.objects.filter(scene=Scene.JSAPI).get().state == "closed"


def test_gone_back_to_it_asks_nothing_again(merchant, client, resident, bill):
    page = press(client, bill)
    back = to_wechat(client, page)
    come_back(client, back)
    assert come_back(client, back).url == page


def test_who_has_the_link_pays_by_his_own_wechat(merchant, client, link, bill, resident):
    aunt = Client(headers={"user-agent": USER_AGENT})
    for _twice in range(2):
        page = press(aunt, bill, link)
        assert come_back(aunt, to_wechat(aunt, page)).url == page
        order = PaymentOrder.objects.get(state="pending")
        assert (order.user, order.payer) == (resident, OPENID)
    assert not PayerIdentity.objects.exists()  # kept on the order only
    shown = aunt.get(page)
    assert merchant.raw("POST", "/jsapi/pay", call_on(shown))[0] == 200
    ask(order)
    assert "receipts/" not in aunt.get(page).content.decode()
    assert not bill.charges.open().exists()


def test_a_code_is_the_way_out_of_a_link_too(merchant, client, link, bill):
    aunt = Client(headers={"user-agent": USER_AGENT})
    press(aunt, bill, link)
    page = press(aunt, bill, link, scene="native")
    assert "data:image" in aunt.get(page).content.decode()


def test_inside_wechat_only_what_works_there_is_offered(
    merchant, alipay, client, resident, bill, settings
):
    inside = client.get(reverse("payments:pay")).context["forms"][0]["channels"]
    assert list(inside.words) == ["wechatpay"]
    assert inside.note
    outside = client.get(reverse("payments:pay"), headers={"user-agent": PHONE})
    assert list(outside.context["forms"][0]["channels"].words) == ["wechatpay", "alipay"]
    assert not outside.context["forms"][0]["channels"].note
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"APP_SECRET": ""}}
    bare = client.get(reverse("payments:pay")).context["forms"][0]["channels"]
    assert list(bare.words) == ["wechatpay", "alipay"]
    assert bare.note


@pytest.mark.parametrize(
    ("agent", "provider", "scene"),
    [
        (USER_AGENT, "wechatpay", "jsapi"),
        (USER_AGENT, "alipay", "native"),
        (PHONE, "wechatpay", "h5"),
        (PHONE, "alipay", "h5"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "wechatpay", "native"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "alipay", "native"),
    ],
)
def test_the_browser_says_how_one_pays(merchant, alipay, resident, bill, agent, provider, scene):
    browser = Client(headers={"user-agent": agent})
    browser.force_login(resident)
    press(browser, bill, provider=provider)
    assert PaymentOrder.objects.get().scene == scene


def test_without_the_secret_of_the_app_it_is_a_code(merchant, client, resident, bill, settings):
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"APP_SECRET": ""}}
    page = press(client, bill)
    shown = client.get(page).content.decode()
    assert "data:image" in shown
    assert 'value="jsapi"' not in shown
    assert 'value="h5"' not in shown  # WeChat's browser refuses it


def test_opened_elsewhere_it_offers_the_other_ways(merchant, client, resident, bill):
    page = press(client, bill)
    desk = Client()
    desk.force_login(resident)
    shown = desk.get(page).content.decode()
    assert "http-equiv" not in shown
    assert 'value="native"' in shown


def test_an_account_that_went_away_breaks_no_page(merchant, client, resident, bill, settings):
    page, account = press(client, bill), settings.WECHATPAY
    settings.WECHATPAY = {"": dict.fromkeys(account[""], "")}
    assert client.get(f"{page}go/").url == f"{page}?asked"
    settings.WECHATPAY = account
    back = to_wechat(client, page)
    settings.WECHATPAY = {"": dict.fromkeys(account[""], "")}
    assert come_back(client, back).url == f"{page}?asked"
    PaymentOrder.objects.update(state="pending", payer=OPENID, pay_url="wx1")
    assert client.get(page).status_code == 200


def test_the_pages_ask_few_questions(
    merchant, client, resident, bill, django_assert_max_num_queries
):
    page = press(client, bill)
    come_back(client, to_wechat(client, page))
    with django_assert_max_num_queries(16):
        client.get(page)
