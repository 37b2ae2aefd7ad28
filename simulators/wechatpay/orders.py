"""Orders: create, query, pay, close. Amounts are in fen."""

import json
import re
import secrets
import time
from datetime import datetime
from typing import Any

from simulators.database import Database
from simulators.web import Refused
from simulators.wechatpay.keys import Keys
from simulators.wechatpay.ledger import rfc3339

# What the path says → what WeChat Pay calls it in its answers.
TRADE_TYPES = {"native": "NATIVE", "h5": "MWEB", "jsapi": "JSAPI"}
STATES = {
    "NOTPAY": "订单未支付",
    "SUCCESS": "支付成功",
    "CLOSED": "订单已关闭",
    "REFUND": "转入退款",
}
CODE_LIFE = 2 * 3600  # seconds that a code_url or prepay_id can be paid with
H5_LIFE = 5 * 60  # seconds that an h5_url can be opened

Order = dict[str, Any]


def bad_parameter(field: str, why: str) -> Refused:
    return Refused(400, "PARAM_ERROR", f"参数错误：{field} {why}")


def create(ledger: Database, keys: Keys, kind: str, asked: dict[str, Any]) -> Order:
    """Place an order; the very same request again finds the same order, with a fresh life.

    Raises Refused: PARAM_ERROR, MCH_NOT_EXISTS, APPID_MCHID_NOT_MATCH, ORDERPAID, ORDER_CLOSED,
    OUT_TRADE_NO_USED.
    """
    _check(keys, kind, asked)
    particulars = json.dumps([kind, asked], sort_keys=True, ensure_ascii=False)
    with ledger.transaction():
        order = find(ledger, asked["out_trade_no"])
        if order is None:
            return _insert(ledger, keys, kind, asked, particulars)
        if order["merchant"] != keys.mchid:  # numbers are unique among all merchants here
            raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        if order["state"] == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if order["state"] == "CLOSED":
            raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
        if order["particulars"] != particulars:
            raise Refused(403, "OUT_TRADE_NO_USED", "商户订单号重复")
        ledger.execute(
            "UPDATE orders SET prepared_at = ? WHERE out_trade_no = ?",
            time.time(),
            order["out_trade_no"],
        )
        return get(ledger, order["out_trade_no"])


def _check(keys: Keys, kind: str, asked: dict[str, Any]) -> None:
    """Refuse what the real gateway refuses, field by field."""
    for field, most in (("appid", 32), ("mchid", 32), ("description", 127), ("notify_url", 255)):
        value = asked.get(field)
        if not isinstance(value, str) or not 1 <= len(value) <= most:
            raise bad_parameter(field, f"应为 1 到 {most} 个字符")
    if not re.fullmatch(r"[0-9A-Za-z_\-|*]{6,32}", str(asked.get("out_trade_no", ""))):
        raise bad_parameter("out_trade_no", "应为 6 到 32 个字符，只能是数字、大小写字母_-|*")
    amount = asked.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if type(total) is not int or not 0 < total <= 10**10:
        raise bad_parameter("amount.total", "应为正整数，单位为分")
    if asked["amount"].get("currency", "CNY") != "CNY":
        raise bad_parameter("amount.currency", "只支持 CNY")
    if not re.match(r"https?://[^?]+\Z", asked["notify_url"]):
        raise bad_parameter("notify_url", "应为不带参数的网址")
    if len(str(asked.get("attach", ""))) > 128:
        raise bad_parameter("attach", "最多 128 个字符")
    if "time_expire" in asked:
        _moment(asked["time_expire"])
    if kind == "jsapi" and not (asked.get("payer") or {}).get("openid"):
        raise bad_parameter("payer.openid", "不能为空")
    if kind == "h5":
        scene = asked.get("scene_info") or {}
        if not scene.get("payer_client_ip") or not (scene.get("h5_info") or {}).get("type"):
            raise bad_parameter("scene_info", "需要 payer_client_ip 和 h5_info.type")
    if asked["mchid"] != keys.mchid:
        raise Refused(400, "MCH_NOT_EXISTS", "商户号不存在")
    if asked["appid"] != keys.appid:
        raise Refused(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")


def _moment(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise bad_parameter("time_expire", "应为 rfc3339 格式") from error
    if moment.tzinfo is None:
        raise bad_parameter("time_expire", "应带时区")
    return moment.timestamp()


def _insert(
    ledger: Database, keys: Keys, kind: str, asked: dict[str, Any], particulars: str
) -> Order:
    now = time.time()
    number = asked["out_trade_no"]
    ledger.execute(
        "INSERT INTO orders (out_trade_no, merchant, prepay_id, scan_token, trade_type, state,"
        " description, total, notify_url, attach, time_expire, particulars, created_at,"
        " prepared_at, openid)"
        " VALUES (?, ?, ?, ?, ?, 'NOTPAY', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        number,
        keys.mchid,
        f"wx{time.strftime('%d%H%M%S')}{secrets.token_hex(13)}",
        secrets.token_urlsafe(9),
        TRADE_TYPES[kind],
        asked["description"],
        asked["amount"]["total"],
        asked["notify_url"],
        str(asked.get("attach", "")),
        _moment(asked["time_expire"]) if "time_expire" in asked else None,
        particulars,
        now,
        now,
        (asked.get("payer") or {}).get("openid", ""),
    )
    return get(ledger, number)


def find(ledger: Database, out_trade_no: str) -> Order | None:
    return ledger.row("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def get(ledger: Database, out_trade_no: str) -> Order:
    """Raises Refused (404 ORDER_NOT_EXIST)."""
    order = find(ledger, out_trade_no)
    if order is None:
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def own(ledger: Database, keys: Keys, out_trade_no: str) -> Order:
    """As a merchant sees it: others' orders are not there. Raises Refused (404 ORDER_NOT_EXIST)."""
    order = get(ledger, out_trade_no)
    if order["merchant"] != keys.mchid:
        raise Refused(404, "ORDER_NOT_EXIST", "订单不存在")
    return order


def expired(order: Order) -> bool:
    """Whether nobody can pay it any more, though it is not closed."""
    limit = order["prepared_at"] + CODE_LIFE
    return bool(time.time() > min(limit, order["time_expire"] or limit))


def pay(ledger: Database, out_trade_no: str, *, openid: str = "") -> Order:
    """The customer pays. Raises Refused when the order is unknown, paid, closed or expired."""
    with ledger.transaction():
        order = get(ledger, out_trade_no)
        if order["state"] == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        if order["state"] == "CLOSED":
            raise Refused(400, "ORDER_CLOSED", "该订单已关闭")
        if expired(order):
            raise Refused(400, "ORDER_EXPIRED", "该订单已过期，请回到商户页面重新支付")
        ledger.execute(
            "UPDATE orders SET state = 'SUCCESS', transaction_id = ?, paid_at = ?, openid = ?"
            " WHERE out_trade_no = ?",
            f"42000{time.strftime('%Y%m%d')}{secrets.randbelow(10**15):015d}",
            time.time(),
            openid or order["openid"] or f"o{secrets.token_urlsafe(20)}",
            out_trade_no,
        )
        return get(ledger, out_trade_no)


def close(ledger: Database, out_trade_no: str, keys: Keys | None = None) -> None:
    """Close an unpaid order. Raises Refused (ORDERPAID).

    The live gateway answers 204 as well for an order that is closed already and for a number
    that it never saw, so this does too: only a query tells whether the order is closed. To a
    merchant (`keys`) the orders of others are such numbers.
    """
    with ledger.transaction():
        order = find(ledger, out_trade_no)
        if order and keys and order["merchant"] != keys.mchid:
            return
        if order and order["state"] == "SUCCESS":
            raise Refused(400, "ORDERPAID", "该订单已支付")
        ledger.execute(
            "UPDATE orders SET state = 'CLOSED', closed_at = ?"
            " WHERE out_trade_no = ? AND state = 'NOTPAY'",
            time.time(),
            out_trade_no,
        )


def as_transaction(keys: Keys, order: Order, *, refunded: bool = False) -> dict[str, Any]:
    """The order as a query and a notification show it."""
    state = "REFUND" if refunded else order["state"]
    shown = {
        "appid": keys.appid,
        "mchid": keys.mchid,
        "out_trade_no": order["out_trade_no"],
        "attach": order["attach"],
        "trade_state": state,
        "trade_state_desc": STATES[state],
        "promotion_detail": [],
        "amount": {"total": order["total"], "currency": "CNY"},
    }
    if order["state"] == "SUCCESS":
        shown |= {
            "transaction_id": order["transaction_id"],
            "trade_type": order["trade_type"],
            "bank_type": "OTHERS",
            "success_time": rfc3339(order["paid_at"]),
            "payer": {"openid": order["openid"]},
            "amount": {
                "total": order["total"],
                "payer_total": order["total"],
                "currency": "CNY",
                "payer_currency": "CNY",
            },
        }
    return shown
