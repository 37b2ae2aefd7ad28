"""What a person can do on the pages: scan, pay, go back; each of it without a script."""

import json
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from urllib.parse import quote

import pytest
import requests
from wechatpayv3 import WeChatPay, WeChatPayType

from tests.fixtures.simulators import WeChatPaySimulator
from tests.simulators.conftest import Merchant

NUMBER = "ORDER-0001"
HTML = {"Accept": "text/html"}


@pytest.fixture
def code_url(client: WeChatPay) -> str:
    return str(json.loads(client.pay("物业费 <1月>", NUMBER, {"total": 12345})[1])["code_url"])


@pytest.fixture
def h5_url(client: WeChatPay) -> str:
    scene = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    kind = {"pay_type": WeChatPayType.H5, "scene_info": scene}
    return str(json.loads(client.pay("物业费", NUMBER, {"total": 12345}, **kind)[1])["h5_url"])


def get(url: str, **query: str) -> requests.Response:
    return requests.get(url, params=query, headers=HTML, timeout=10)


def press_pay(page: requests.Response) -> requests.Response:
    """Send the cashier's form as a browser does."""
    found = re.findall(r'name="(\w+)" value="([^"]*)"', page.text)
    fields = {name: unescape(value) for name, value in found}
    url = page.url.split("/", 3)
    return requests.post(f"{url[0]}//{url[2]}/cashier/pay", fields, headers=HTML, timeout=10)


def test_scanned_code_is_paid_at_the_cashier(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, code_url: str
) -> None:
    home = wechatpay_simulator.url
    assert "待支付" in get(home).text
    cashier = get(f"{home}/scan", code=code_url)
    assert "¥123.45" in cashier.text
    assert "物业费 &lt;1月&gt;" in cashier.text
    assert "支付成功" in press_pay(cashier).text
    assert merchant.next()
    assert wechatpay_simulator.order(NUMBER)["state"] == "SUCCESS"
    assert "42000" in get(f"{home}/orders/{NUMBER}").text


def test_h5_page_leads_back_to_the_merchant(merchant: Merchant, h5_url: str) -> None:
    page = get(f"{h5_url}&redirect_url={quote('http://127.0.0.1/bills/?a=1&b=2', safe='')}")
    paid = press_pay(page)
    assert 'href="http://127.0.0.1/bills/?a=1&amp;b=2"' in paid.text


def test_way_back_is_a_web_address_or_none(h5_url: str) -> None:
    paid = press_pay(get(f"{h5_url}&redirect_url=javascript%3Aalert(1)"))
    assert "支付成功" in paid.text
    assert "javascript" not in paid.text


def test_second_press_pays_nothing(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, h5_url: str
) -> None:
    page = get(h5_url)
    assert "支付成功" in press_pay(page).text
    transaction = wechatpay_simulator.order(NUMBER)["transaction_id"]
    assert "支付成功" in press_pay(page).text
    assert wechatpay_simulator.order(NUMBER)["transaction_id"] == transaction
    assert len(wechatpay_simulator.ledger()["callbacks"]) == 1


def test_many_payments_at_once_are_one(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, code_url: str
) -> None:
    path = f"/control/orders/{NUMBER}/pay"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: wechatpay_simulator.raw("POST", path)[0], range(16)))
    assert sorted(answers) == [200] + [400] * 15
    assert len(wechatpay_simulator.ledger()["callbacks"]) == 1


def test_closed_order_cannot_be_paid(client: WeChatPay, h5_url: str) -> None:
    page = get(h5_url)
    client.close(NUMBER)
    assert press_pay(page).text.count("没有付款") == 1


@pytest.mark.parametrize(("age", "dead"), [(299, False), (301, True)])
def test_h5_link_lives_five_minutes(
    wechatpay_simulator: WeChatPaySimulator, h5_url: str, age: int, dead: bool
) -> None:
    books = sqlite3.connect(wechatpay_simulator.home / "wechatpay" / "ledger.sqlite3")
    with books:
        books.execute("UPDATE orders SET prepared_at = prepared_at - ?", [age])
    books.close()
    assert ("已过期" in get(h5_url).text) == dead


def test_order_past_its_end_cannot_be_paid(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    end = {"time_expire": "2020-01-01T00:00:00+08:00"}
    client.pay("物业费", NUMBER, {"total": 12345}, **end)
    assert wechatpay_simulator.raw("POST", f"/control/orders/{NUMBER}/pay")[0] == 400
    assert wechatpay_simulator.order(NUMBER)["state"] == "NOTPAY"


@pytest.mark.parametrize(
    "path", ["/scan?code=https://x/?pr=1", "/cashier?prepay_id=x", "/orders/x", "/x"]
)
def test_nonsense_is_told_on_a_page(wechatpay_simulator: WeChatPaySimulator, path: str) -> None:
    page = get(wechatpay_simulator.url + path)
    assert page.status_code == 404
    assert 'role="alert"' in page.text


def test_half_a_link_is_told_on_a_page(h5_url: str) -> None:
    assert get(h5_url.rpartition("&")[0]).status_code == 400
