"""The one door of the open platform: verify the merchant's signature, act, sign the answer."""

import json
import re
from collections.abc import Callable
from typing import Any

from simulators.alipay import bill, refunds, signing, trades
from simulators.alipay.desk import Desk
from simulators.alipay.keys import Keys
from simulators.web import Application, Refused, Request, Response, redirect

PATH = "/gateway.do"
PAGES = {"alipay.trade.wap.pay", "alipay.trade.page.pay"}
MESSAGES = {
    10000: "Success",
    20000: "Service Currently Unavailable",
    40001: "Missing Required Arguments",
    40002: "Invalid Arguments",
    40004: "Business Failed",
}
Asked = dict[str, Any]
Method = Callable[[Keys, Request, Asked], dict[str, Any]]


def add_routes(application: Application, desk: Desk) -> None:
    """Register the gateway and the address from which bills are fetched."""
    methods = _methods(desk)

    def gateway(request: Request) -> Response:
        parameters = request.query | (request.form() if request.method == "POST" else {})
        method = parameters.get("method", "")
        if method in PAGES:
            return _page(desk, method, parameters)
        return _answer(desk, methods, method, parameters, request)

    application.route("GET", PATH)(gateway)
    application.route("POST", PATH)(gateway)

    @application.route("GET", bill.PATH)
    def download(request: Request) -> Response:
        return bill.download(desk, request)


def _methods(desk: Desk) -> dict[str, Method]:
    ledger = desk.ledger

    def precreate(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        trade = trades.ask(ledger, keys, "alipay.trade.precreate", asked["common"], asked)
        code = f"https://qr.alipay.com/{trade['scan_token']}"
        return {"out_trade_no": trade["out_trade_no"], "qr_code": code}

    def query(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        return trades.as_answer(trades.known(ledger, asked, keys))

    def close(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        trade = trades.close(ledger, asked, keys)
        return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}

    def refund(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        return desk.refund(keys, asked)

    def query_refund(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        trade = trades.known(ledger, asked, keys)
        number = str(asked.get("out_request_no", ""))
        return refunds.as_query(trade, refunds.find(ledger, trade["out_trade_no"], number))

    def bill_address(keys: Keys, request: Request, asked: Asked) -> dict[str, Any]:
        return bill.apply_for(desk, keys, request, asked)

    return {
        "alipay.trade.precreate": precreate,
        "alipay.trade.query": query,
        "alipay.trade.close": close,
        "alipay.trade.refund": refund,
        "alipay.trade.fastpay.refund.query": query_refund,
        "alipay.data.dataservice.bill.downloadurl.query": bill_address,
    }


def _answer(
    desk: Desk,
    methods: dict[str, Method],
    method: str,
    parameters: dict[str, str],
    request: Request,
) -> Response:
    """JSON, with status 200 whatever is in it; who is not known gets it unsigned."""
    known = desk.merchants.find(parameters.get("app_id", ""))
    try:
        keys, asked = _asked(desk, parameters)
        if method not in methods:
            raise Refused(40002, "isv.invalid-method", "不存在的方法名")
        if desk.faults.take("busy_next"):
            raise Refused(20000, "isp.unknow-error", "系统繁忙")
        content = {"code": "10000", "msg": MESSAGES[10000], **methods[method](keys, request, asked)}
    except Refused as refusal:
        content = {
            "code": str(refusal.status),
            "msg": MESSAGES.get(refusal.status, "Business Failed"),
            "sub_code": refusal.code,
            "sub_msg": refusal.message,
        }
    signer = known or desk.merchants.first
    return signing.answer(signer, method or "error", content, signed=known is not None)


def _page(desk: Desk, method: str, parameters: dict[str, str]) -> Response:
    """A payer's browser: to the cashier, or to a page that says what is wrong."""
    try:
        keys, asked = _asked(desk, parameters)
        trade = trades.ask(desk.ledger, keys, method, asked["common"], asked)
    except Refused as refusal:
        raise Refused(400, refusal.code, refusal.message) from refusal
    # Whoever follows the link is signed in, in his app or his browser: now it is a trade.
    trades.look(desk.ledger, trade["out_trade_no"])
    return redirect(f"/cashier?token={trade['scan_token']}")


def _asked(desk: Desk, parameters: dict[str, str]) -> tuple[Keys, Asked]:
    """Who asks for what, once the request proved genuine. Raises Refused."""
    keys = desk.merchants.find(parameters.get("app_id", ""))
    if keys is None:
        raise Refused(40002, "isv.invalid-app-id", "无效的AppID参数")
    signing.verify_request(keys, parameters)
    if parameters.get("version") != "1.0":
        raise Refused(40002, "isv.invalid-version", "无效的版本")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", parameters.get("timestamp", "")):
        raise Refused(40002, "isv.invalid-timestamp", "非法的时间戳参数")
    try:
        asked = json.loads(parameters.get("biz_content", "{}"))
    except ValueError as error:
        raise Refused(40002, "isv.invalid-json", "biz_content 不是 JSON") from error
    if not isinstance(asked, dict):
        raise Refused(40002, "isv.invalid-json", "biz_content 不是 JSON 对象")
    common = {name: parameters.get(name, "") for name in ("notify_url", "return_url")}
    return keys, {**asked, "common": common}
