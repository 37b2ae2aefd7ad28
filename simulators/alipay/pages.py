"""The pages on which a person plays the payer: orders, the scan box, the cashier."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from simulators import callbacks, payouts
from simulators.alipay import signing, trades
from simulators.alipay.desk import Desk
from simulators.alipay.ledger import clock, yuan
from simulators.alipay.trades import Trade
from simulators.layout import Markup, PagesApplication, facts, join, moment, page, table, tag
from simulators.web import Refused, Request, Response, redirect

BRAND = "支付宝 Alipay"
STATE_NAMES = {
    "ASKED": "待扫码 Not scanned",
    "WAIT_BUYER_PAY": "待支付 Unpaid",
    "TRADE_SUCCESS": "已支付 Paid",
    "TRADE_FINISHED": "已完结 Finished",
    "TRADE_CLOSED": "已关闭 Closed",
}
STATE_STYLES = {"TRADE_SUCCESS": "success", "TRADE_FINISHED": "success"}
REFUND_NAMES = {
    "PROCESSING": "退款中 Processing",
    "SUCCESS": "已退款 Refunded",
    "FAILED": "失败 Failed",
}


def add_routes(application: PagesApplication, desk: Desk) -> None:
    """Register the pages."""
    application.add_style()
    route = application.route

    @route("GET", "/")
    def home(request: Request) -> Response:
        found = desk.ledger.rows("SELECT * FROM orders ORDER BY asked_at DESC LIMIT 200")
        return page("交易 Trades", _scan_box(), _trade_table(found), payouts.link(), brand=BRAND)

    @route("GET", "/scan")
    def scan(request: Request) -> Response:
        parts = urlsplit(request.query.get("code", "").strip())
        trade = _find(desk, parts.path.strip("/"))
        if parts.hostname != "qr.alipay.com":
            raise Refused(404, "ACQ.TRADE_NOT_EXIST", "二维码无法识别，请检查是否粘贴完整")
        return redirect(f"/cashier?token={trade['scan_token']}")

    @route("GET", "/cashier")
    def cashier(request: Request) -> Response:
        trade = _find(desk, request.query.get("token", ""))
        return _cashier(desk, trades.look(desk.ledger, trade["out_trade_no"]))

    @route("POST", "/cashier/pay")
    def pay(request: Request) -> Response:
        trade = _find(desk, request.form().get("token", ""))
        with suppress(Refused):  # paid already, closed or expired: the page that follows says so
            desk.pay(trade["out_trade_no"])
        return redirect(f"/cashier?token={trade['scan_token']}")

    @route("GET", "/orders/{number}")
    def show(request: Request) -> Response:
        trade = trades.get(desk.ledger, request.arguments["number"])
        return page(f"交易 {trade['out_trade_no']}", _details(desk, trade), brand=BRAND)


def _find(desk: Desk, token: str) -> Trade:
    row = desk.ledger.row("SELECT out_trade_no FROM orders WHERE scan_token = ?", token)
    if row is None:
        raise Refused(404, "ACQ.TRADE_NOT_EXIST", "交易不存在，请回到商户页面重新发起支付")
    return trades.get(desk.ledger, row["out_trade_no"])


def _scan_box() -> Markup:
    box = tag(
        "input",
        id="code",
        name="code",
        required=True,
        autocomplete="off",
        placeholder="https://qr.alipay.com/…",
    )
    return tag(
        "form",
        tag("label", "扫一扫：粘贴二维码的内容 Scan: paste the code's text", for_="code"),
        tag("div", box, tag("button", "扫码 Scan"), class_="row"),
        action="/scan",
        class_="box",
    )


def _trade_table(found: list[Trade]) -> Markup:
    rows: list[list[object]] = [
        [
            tag("a", trade["out_trade_no"], href=f"/orders/{quote(trade['out_trade_no'])}"),
            trade["subject"],
            tag("b", f"¥{yuan(trade['total'])}"),
            _state_or_pay(trade),
            moment(trade["asked_at"]),
        ]
        for trade in found
    ]
    return table(
        ["订单号 Order", "商品 For", "金额 Amount", "状态 State", "时间 Time"],
        rows,
        caption="最近的交易 Latest trades",
        empty="还没有交易。在门户里选择支付宝，订单就会出现在这里。 No trades yet.",
    )


def _cashier(desk: Desk, trade: Trade) -> Response:
    head = [
        tag("p", trade["subject"], class_="payee"),
        tag("p", f"¥{yuan(trade['total'])}", class_="amount"),
    ]
    box = tag("div", *head, _next(desk, trade), class_="box cashier")
    return page("收银台 Cashier", box, brand=BRAND)


def _next(desk: Desk, trade: Trade) -> Markup:
    """What can be done on the cashier's page: pay, or go back."""
    back = _way_back(desk, trade)
    link = tag("a", "返回商户 Back to the merchant", href=back, class_="button", hidden=not back)
    if trade["paid_at"]:
        paid = tag("p", "支付成功 Paid", class_="notice good", role="status")
        return join([paid, tag("p", link)])
    if trade["state"] == "TRADE_CLOSED" or trades.expired(trade):
        told = "交易已关闭或过期，没有付款。 The trade is closed or expired; nothing was paid."
        return join([tag("p", told, class_="notice warn", role="status"), tag("p", link)])
    return tag(
        "form",
        tag("input", type="hidden", name="token", value=trade["scan_token"]),
        tag("button", f"确认付款 Pay ¥{yuan(trade['total'])}", id="pay", class_="pay"),
        method="post",
        action="/cashier/pay",
    )


def _way_back(desk: Desk, trade: Trade) -> str:
    """The merchant's page with the signed parameters that Alipay adds once it is paid."""
    address = str(trade["return_url"])
    if not address.startswith(("http://", "https://")):
        return ""
    if not trade["paid_at"]:
        return address
    keys = desk.merchants.of(trade)
    told = {
        "app_id": keys.app_id,
        "auth_app_id": keys.app_id,
        "charset": "utf-8",
        "method": f"{trade['method']}.return",
        "out_trade_no": trade["out_trade_no"],
        "seller_id": keys.seller_id,
        "timestamp": clock(),
        "total_amount": yuan(trade["total"]),
        "trade_no": trade["trade_no"],
        "version": "1.0",
    }
    joint = "&" if urlsplit(address).query else "?"
    return f"{address}{joint}{urlencode(signing.seal(keys, told))}"


def _details(desk: Desk, trade: Trade) -> Markup:
    pairs: list[tuple[str, object]] = [
        ("状态 State", _state(trade)),
        ("金额 Amount", tag("b", f"¥{yuan(trade['total'])}")),
        ("商品 For", trade["subject"]),
        ("接口 Method", trade["method"]),
        ("下单 Asked", moment(trade["asked_at"])),
        ("支付 Paid", moment(trade["paid_at"])),
        ("支付宝交易号 Trade", trade["trade_no"] or "—"),
        ("通知地址 Notify", tag("span", trade["notify_url"], class_="long")),
    ]
    parts = [facts(pairs)]
    if trade["state"] in {"ASKED", "WAIT_BUYER_PAY"}:
        parts.append(tag("p", tag("a", "去支付 Pay", href=_cashier_of(trade), class_="button")))
    parts += [_refunds(desk, trade), _callbacks(desk, trade), _attempts(desk, trade)]
    return join(parts)


def _refunds(desk: Desk, trade: Trade) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM refunds WHERE out_trade_no = ? ORDER BY created_at", trade["out_trade_no"]
    )
    if not found:
        return Markup("")
    rows: list[list[object]] = [
        [
            one["out_request_no"],
            f"¥{yuan(one['amount'])}",
            REFUND_NAMES[one["status"]],
            moment(one["created_at"]),
        ]
        for one in found
    ]
    columns = ["退款请求号 Refund", "金额 Amount", "状态 State", "时间 Time"]
    return table(columns, rows, caption="退款 Refunds", empty="")


def _callbacks(desk: Desk, trade: Trade) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM callbacks WHERE out_trade_no = ? ORDER BY id", trade["out_trade_no"]
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


def _attempts(desk: Desk, trade: Trade) -> Markup:
    found = desk.ledger.rows(
        "SELECT * FROM attempts WHERE out_trade_no = ? ORDER BY id DESC LIMIT 50",
        trade["out_trade_no"],
    )
    if not found:
        return Markup("")
    rows: list[list[object]] = [
        [
            moment(one["at"]),
            one["fault"] or "正常 Plain",
            one["error"] or f"HTTP {one['status']} {one['answer'][:20]}",
        ]
        for one in found
    ]
    columns = ["时间 Time", "种类 Kind", "商户的回答 Answer"]
    return table(columns, rows, caption="每一次通知 Every try", empty="")


def _state(trade: dict[str, Any]) -> Markup:
    style = STATE_STYLES.get(trade["state"], "notpay" if trade["paid_at"] is None else "")
    return tag("span", STATE_NAMES[trade["state"]], class_=f"state {style}")


def _state_or_pay(trade: Trade) -> Markup:
    if trade["state"] not in {"ASKED", "WAIT_BUYER_PAY"}:
        return _state(trade)
    return tag("span", _state(trade), " ", tag("a", "去支付 Pay", href=_cashier_of(trade)))


def _cashier_of(trade: Trade) -> str:
    return f"/cashier?token={trade['scan_token']}"
