"""Payment inside WeChat: whose openid it is, and the payer's window."""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType

from tests.fixtures.simulators import WeChatPaySimulator


def authorize(simulator: WeChatPaySimulator, **changed: str) -> tuple[int, str]:
    """Status, and where the browser is sent."""
    import http.client

    asked = {
        "appid": simulator.account["WECHATPAY_APPID"],
        "redirect_uri": "http://127.0.0.1:1/wechat/",
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "s1",
    } | changed
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
    connection.request("GET", f"/connect/oauth2/authorize?{urlencode(asked)}")
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers.get("Location", "")


def change(simulator: WeChatPaySimulator, code: str, **changed: str) -> dict[str, Any]:
    asked = {
        "appid": simulator.account["WECHATPAY_APPID"],
        "secret": simulator.account["WECHATPAY_APP_SECRET"],
        "code": code,
        "grant_type": "authorization_code",
    } | changed
    status, text = simulator.raw("GET", f"/sns/oauth2/access_token?{urlencode(asked)}")
    assert status == 200
    return dict(json.loads(text))


def new_code(simulator: WeChatPaySimulator) -> str:
    return parse_qs(urlsplit(authorize(simulator)[1]).query)["code"][0]


def test_a_code_becomes_an_openid_once(wechatpay_simulator: WeChatPaySimulator) -> None:
    status, place = authorize(wechatpay_simulator)
    assert status == 303
    assert place.startswith("http://127.0.0.1:1/wechat/?code=")
    assert place.endswith("&state=s1")
    code = new_code(wechatpay_simulator)
    assert change(wechatpay_simulator, code)["openid"] == "oSimulatorPayerOne0000000000"
    assert change(wechatpay_simulator, code)["errcode"] == 40029


def test_strangers_get_no_openid(wechatpay_simulator: WeChatPaySimulator) -> None:
    assert authorize(wechatpay_simulator, appid="wx0")[0] == 400
    assert authorize(wechatpay_simulator, redirect_uri="javascript:alert(1)")[0] == 400
    code = new_code(wechatpay_simulator)
    assert change(wechatpay_simulator, code, secret="x")["errcode"] == 40125


@pytest.mark.parametrize("spoilt", ["", "package", "paySign", "timeStamp"])
def test_the_payers_window_opens_for_signed_calls(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, spoilt: str
) -> None:
    text = client.pay(
        "物业费",
        "ORDER-0001",
        {"total": 100},
        payer={"openid": "oSimulatorPayerOne0000000000"},
        pay_type=WeChatPayType.JSAPI,
    )[1]
    package = f"prepay_id={json.loads(text)['prepay_id']}"
    stamp = str(int(time.time()))
    appid = wechatpay_simulator.account["WECHATPAY_APPID"]
    asked = {
        "appId": appid,
        "timeStamp": stamp,
        "nonceStr": "n",
        "package": package,
        "signType": "RSA",
        "paySign": client.sign([appid, stamp, "n", package]),
    }
    if spoilt:
        asked[spoilt] = "1"
    status, _text = wechatpay_simulator.raw("GET", f"/jsapi/pay?{urlencode(asked)}")
    assert status == (400 if spoilt else 200)
    status, _text = wechatpay_simulator.raw("POST", "/jsapi/pay", asked)
    assert status == (400 if spoilt else 200)
    state = wechatpay_simulator.order("ORDER-0001")["state"]
    assert state == ("NOTPAY" if spoilt else "SUCCESS")


def test_who_refuses_comes_back_without_a_code(wechatpay_simulator: WeChatPaySimulator) -> None:
    wechatpay_simulator.faults(refuse_openid=True)
    assert authorize(wechatpay_simulator)[1] == "http://127.0.0.1:1/wechat/?state=s1"


def test_an_order_is_paid_by_whom_it_was_placed_for(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    answer = client.pay(
        "物业费",
        "ORDER-0002",
        {"total": 100},
        payer={"openid": "oSomebodyElse"},
        pay_type=WeChatPayType.JSAPI,
    )
    package = f"prepay_id={json.loads(answer[1])['prepay_id']}"
    appid, stamp = wechatpay_simulator.account["WECHATPAY_APPID"], str(int(time.time()))
    asked = {
        "appId": appid,
        "timeStamp": stamp,
        "nonceStr": "n",
        "package": package,
        "signType": "RSA",
        "paySign": client.sign([appid, stamp, "n", package]),
    }
    assert wechatpay_simulator.raw("POST", "/jsapi/pay", asked)[0] == 403
    assert wechatpay_simulator.order("ORDER-0002")["state"] == "NOTPAY"
