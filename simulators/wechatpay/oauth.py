"""Web authorization (网页授权) of an official account, and JSAPI payment's own window.

A page inside WeChat is sent to /connect/oauth2/authorize and comes back with a code; the merchant's
server changes the code for the payer's openid at /sns/oauth2/access_token. The real service has
the first at open.weixin.qq.com and the second at api.weixin.qq.com.
"""

import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from simulators import rsa
from simulators.web import Application, Refused, Request, Response, json_response, redirect
from simulators.wechatpay import orders
from simulators.wechatpay.desk import Desk

CODE_LIFE = 300  # seconds; a code is good for one time
OLDEST_CALL = 300  # seconds between signing and opening the payer's window


def add_routes(application: Application, desk: Desk) -> None:
    codes: dict[str, tuple[str, float]] = {}  # code → openid, good until

    @application.route("GET", "/connect/oauth2/authorize")
    def authorize(request: Request) -> Response:
        asked = request.query
        address = asked.get("redirect_uri", "")
        if asked.get("appid") != desk.merchants.first.appid:
            raise Refused(400, "10003", "Appid 参数错误")
        if not address.startswith(("http://", "https://")):
            raise Refused(400, "10003", "redirect_uri 域名与后台配置不一致")
        if asked.get("response_type") != "code" or asked.get("scope") not in {
            "snsapi_base",
            "snsapi_userinfo",
        }:
            raise Refused(400, "10005", "Scope 参数错误或没有 Scope 权限")
        joint = "&" if urlsplit(address).query else "?"
        state = urlencode({"state": asked.get("state", "")})
        if desk.faults["refuse_openid"]:
            return redirect(f"{address}{joint}{state}")
        code = secrets.token_hex(16)
        codes[code] = (desk.faults["openid"], time.time() + CODE_LIFE)
        return redirect(f"{address}{joint}code={code}&{state}")

    @application.route("GET", "/sns/oauth2/access_token")
    def access_token(request: Request) -> Response:
        asked = request.query
        if asked.get("appid") != desk.merchants.first.appid:
            return _error(40013, "invalid appid")
        if asked.get("secret") != desk.merchants.first.app_secret:
            return _error(40125, "invalid appsecret")
        if asked.get("grant_type") != "authorization_code":
            return _error(40002, "invalid grant_type")
        openid, until = codes.pop(asked.get("code", ""), ("", 0.0))
        if time.time() > until:
            return _error(40163 if openid else 40029, "invalid code")
        told: dict[str, Any] = {
            "access_token": secrets.token_urlsafe(64),
            "expires_in": 7200,
            "refresh_token": secrets.token_urlsafe(64),
            "openid": openid,
            "scope": "snsapi_base",
        }
        return json_response(told)

    @application.route("GET", "/jsapi/pay")
    def shown(request: Request) -> Response:
        """What WeChat shows its person when a page calls getBrandWCPayRequest."""
        order = _check_call(desk, request.query)
        return json_response({"description": order["description"], "total": order["total"]})

    @application.route("POST", "/jsapi/pay")
    def paid(request: Request) -> Response:
        """The person agrees: the same six values again."""
        order = _check_call(desk, request.json())
        desk.pay(order["out_trade_no"])
        return json_response({"out_trade_no": order["out_trade_no"]})


def _check_call(desk: Desk, asked: dict[str, str]) -> orders.Order:
    """The order of a call that the merchant signed, placed for who calls. Raises Refused."""
    names = ("appId", "timeStamp", "nonceStr", "package")
    signed = "".join(f"{asked.get(name, '')}\n" for name in names)
    stamp = asked.get("timeStamp", "")
    if asked.get("signType") != "RSA" or not stamp.isdigit():
        raise Refused(400, "PARAM_ERROR", "缺少参数或 signType 不是 RSA")
    if abs(time.time() - int(stamp)) > OLDEST_CALL:
        raise Refused(400, "PARAM_ERROR", "timeStamp 已过期")
    prepay_id = asked.get("package", "").removeprefix("prepay_id=")
    order = desk.ledger.row("SELECT * FROM orders WHERE prepay_id = ?", prepay_id)
    keys = desk.merchants.of(order) if order else desk.merchants.first
    if asked.get("appId") != keys.appid or not any(
        rsa.is_signed(certificate, signed.encode(), asked.get("paySign", ""))
        for certificate in keys.certificates.values()
    ):
        raise Refused(400, "SIGN_ERROR", "支付验证签名失败")
    if order is None or order["trade_type"] != "JSAPI":
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在，请回到商户页面重新发起支付")
    if order["openid"] != desk.faults["openid"]:
        raise Refused(403, "NO_AUTH", "当前支付账号与下单账号不一致")
    return order


def _error(code: int, message: str) -> Response:
    """A refusal, which comes with status 200."""
    return json_response({"errcode": code, "errmsg": message})
