"""The pages on which a person plays the customer: orders, the scan box, the cashier."""

import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from simulators import callbacks, payouts
from simulators.layout import (
    Markup,
    PagesApplication,
    facts,
    join,
    moment,
    page,
    table,
    tag,
)
from simulators.web import Refused, Request, Response, redirect
from simulators.wechatpay import orders
from simulators.wechatpay.desk import Desk

BRAND = "微信支付 WeChat Pay"
STATE_NAMES = {"NOTPAY": "待支付 Unpaid", "SUCCESS": "已支付 Paid", "CLOSED": "已关闭 Closed"}
REFUND_NAMES = {
    "PROCESSING": "退款中 Processing",
    "SUCCESS": "已退款 Refunded",
    "CLOSED": "已关闭 Closed",
    "ABNORMAL": "异常 Abnormal",
}


def add_routes(application: PagesApplication, desk: Desk) -> None:
    """Register the pages."""
    application.add_style()
    route = application.route

    @route("GET", "/")
    def home(request: Request) -> Response:
        found = desk.ledger.rows("SELECT * FROM orders ORDER BY created_at DESC LIMIT 200")
        return page("订单 Orders", _scan_box(), _order_table(found), payouts.link(), brand=BRAND)

    @route("GET", "/scan")
    def scan(request: Request) -> Response:
        order = _find_scanned(desk, request.query.get("code", "").strip())
        return redirect(f"/cashier?prepay_id={order['prepay_id']}")

    @route("GET", "/cashier")
    def cashier(request: Request) -> Response:
        return _cashier(_find_prepaid(desk, request.query), request.query)

    @route("GET", "/cgi-bin/mmpayweb-bin/checkmweb")
    def h5(request: Request) -> Response:
        order = _find_prepaid(desk, request.query)
        if request.query.get("package") != order["scan_token"]:
            raise Refused(400, "PARAM_ERROR", "支付链接不完整，请回到商户页面重新发起支付")
        if time.time() > order["prepared_at"] + orders.H5_LIFE:
            raise Refused(400, "ORDER_EXPIRED", "支付链接已过期，请回到商户页面重新发起支付")
        return _cashier(order, request.query)

    @route("POST", "/cashier/pay")
    def pay(request: Request) -> Response:
        form = request.form()
        order = _find_prepaid(desk, form)
        with suppress(Refused):  # paid already, closed or expired: the page that follows says so
            desk.pay(order["out_trade_no"])
        back = quote(_back(form), safe="")
        return redirect(f"/cashier?prepay_id={order['prepay_id']}&redirect_url={back}")

    @route("GET", "/orders/{number}")
    def show(request: Request) -> Response:
        order = orders.get(desk.ledger, request.arguments["number"])
        return page(f"订单 {order['out_trade_no']}", _details(desk, order), brand=BRAND)


def _scan_box() -> Markup:
    return tag(
        "form",
        tag("label", "扫一扫：粘贴二维码的内容 Scan: paste the code's text", for_="code"),
        tag(
            "div",
            tag(
                "input",
                id="code",
                name="code",
                required=True,
                autocomplete="off",
                placeholder="weixin://wxpay/bizpayurl?pr=…",
            ),
            tag("button", "扫码 Scan"),
            class_="row",
        ),
        action="/scan",
        class_="box",
    )


def _order_table(found: list[orders.Order]) -> Markup:
    rows: list[list[object]] = [
        [
            tag("a", order["out_trade_no"], href=f"/orders/{quote(order['out_trade_no'])}"),
            order["description"],
            tag("b", yuan(order["total"])),
            _state_or_pay(order),
            moment(order["created_at"]),
        ]
        for order in found
    ]
    return table(
        ["订单号 Order", "商品 For", "金额 Amount", "状态 State", "时间 Time"],
        rows,
        caption="最近的订单 Latest orders",
        empty="还没有订单。在门户里选择微信支付，订单就会出现在这里。 No orders yet.",
    )


def _cashier(order: orders.Order, values: dict[str, str]) -> Response:
    head = [
        tag("p", order["description"], class_="payee"),
        tag("p", yuan(order["total"]), class_="amount"),
    ]
    box = tag("div", *head, _next(order, values), class_="box cashier")
    return page("收银台 Cashier", box, brand=BRAND)


def _next(order: orders.Order, values: dict[str, str]) -> Markup:
    """What can be done on the cashier's page: pay, or go back."""
    back = _back(values)
    link = tag("a", "返回商户 Back to the merchant", href=back, class_="button", hidden=not back)
    if order["state"] == "SUCCESS":
        paid = tag("p", "支付成功 Paid", class_="notice good", role="status")
        return join([paid, tag("p", link)])
    if order["state"] == "CLOSED" or orders.expired(order):
        told = "订单已关闭或过期，没有付款。 The order is closed or expired; nothing was paid."
        return join([tag("p", told, class_="notice warn", role="status"), tag("p", link)])
    return tag(
        "form",
        tag("input", type="hidden", name="prepay_id", value=order["prepay_id"]),
        tag("input", type="hidden", name="redirect_url", value=back),
        tag("button", f"确认支付 Pay {yuan(order['total'])}", id="pay", class_="pay"),
        method="post",
        action="/cashier/pay",
    )


def _details(desk: Desk, order: orders.Order) -> Markup:
    pairs: list[tuple[str, object]] = [
        ("状态 State", _state(order)),
        ("金额 Amount", tag("b", yuan(order["total"]))),
        ("商品 For", order["description"]),
        ("方式 Way", order["trade_type"]),
        ("下单 Placed", moment(order["created_at"])),
        ("支付 Paid", moment(order["paid_at"])),
        ("微信订单号 Transaction", order["transaction_id"] or "—"),
        ("通知地址 Notify", tag("span", order["notify_url"], class_="long")),
    ]
    parts = [facts(pairs)]
    if order["state"] == "NOTPAY":
        href = f"/cashier?prepay_id={order['prepay_id']}"
        parts.append(tag("p", tag("a", "去支付 Pay", href=href, class_="button")))
    parts += [_refunds(desk, order), _callbacks(desk, order), _attempts(desk, order)]
    return join(parts)


def _refunds(desk: Desk, order: orders.Order) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM refunds WHERE out_trade_no = ? ORDER BY created_at", order["out_trade_no"]
    )
    if not found:
        return Markup("")
    rows: list[list[object]] = [
        [
            one["out_refund_no"],
            yuan(one["amount"]),
            REFUND_NAMES[one["status"]],
            moment(one["created_at"]),
        ]
        for one in found
    ]
    columns = ["退款单号 Refund", "金额 Amount", "状态 State", "时间 Time"]
    return table(columns, rows, caption="退款 Refunds", empty="")


def _callbacks(desk: Desk, order: orders.Order) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM callbacks WHERE out_trade_no = ? ORDER BY id", order["out_trade_no"]
    )
    rows: list[list[object]] = [
        [
            one["out_refund_no"] or "支付 Payment",
            callbacks.STATE_NAMES[one["state"]],
            one["tries"],
            moment(one["due_at"]) if one["state"] == "due" else "—",
        ]
        for one in found
    ]
    columns = ["通知 Notification", "状态 State", "次数 Tries", "下次 Next"]
    empty = "支付之后会通知商户。 The merchant is told once it is paid."
    return table(columns, rows, caption="通知 Notifications", empty=empty)


def _attempts(desk: Desk, order: orders.Order) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM attempts WHERE out_trade_no = ? ORDER BY id DESC LIMIT 50",
        order["out_trade_no"],
    )
    if not found:
        return Markup("")
    rows: list[list[object]] = [
        [moment(one["at"]), one["fault"] or "正常 Plain", one["error"] or f"HTTP {one['status']}"]
        for one in found
    ]
    columns = ["时间 Time", "种类 Kind", "商户的回答 Answer"]
    return table(columns, rows, caption="每一次通知 Every try", empty="")


def _state(order: dict[str, Any]) -> Markup:
    return tag("span", STATE_NAMES[order["state"]], class_=f"state {order['state'].lower()}")


def _state_or_pay(order: orders.Order) -> Markup:
    if order["state"] != "NOTPAY":
        return _state(order)
    href = f"/cashier?prepay_id={order['prepay_id']}"
    return tag("span", _state(order), " ", tag("a", "去支付 Pay", href=href))


def _find_scanned(desk: Desk, code: str) -> orders.Order:
    token = parse_qs(urlsplit(code).query).get("pr", [""])[0]
    order = desk.ledger.row("SELECT * FROM orders WHERE scan_token = ?", token)
    if order is None or not code.startswith("weixin://wxpay/bizpayurl?"):
        raise Refused(404, "ORDER_NOT_EXIST", "二维码无法识别，请检查是否粘贴完整")
    return order


def _find_prepaid(desk: Desk, values: dict[str, str]) -> orders.Order:
    prepay_id = values.get("prepay_id", "")
    order = desk.ledger.row("SELECT * FROM orders WHERE prepay_id = ?", prepay_id)
    if order is None:
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在，请回到商户页面重新发起支付")
    return order


def _back(values: dict[str, str]) -> str:
    """The merchant's page to return to: an http address or nothing."""
    address = values.get("redirect_url", "")
    return address if address.startswith(("http://", "https://")) else ""


def yuan(fen: int) -> str:
    return f"¥{fen // 100:,}.{fen % 100:02d}"
