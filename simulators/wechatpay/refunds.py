"""Refunds of paid orders. Amounts are in fen."""

import re
import secrets
import time
from typing import Any

from simulators.database import Database
from simulators.web import Refused
from simulators.wechatpay import orders
from simulators.wechatpay.keys import Keys
from simulators.wechatpay.ledger import rfc3339

Refund = dict[str, Any]
SETTLED = ("SUCCESS", "CLOSED", "ABNORMAL")


def create(ledger: Database, keys: Keys, asked: dict[str, Any]) -> Refund:
    """Accept a refund; the same out_refund_no refunds once.

    Raises Refused: PARAM_ERROR, RESOURCE_NOT_EXISTS, INVALID_REQUEST (amounts that do not fit).
    """
    number = str(asked.get("out_refund_no", ""))
    if not re.fullmatch(r"[0-9A-Za-z_\-|*@]{1,64}", number):
        raise orders.bad_parameter("out_refund_no", "应为 1 到 64 个数字、大小写字母或 _-|*@")
    amount, total = _amounts(asked)
    with ledger.transaction():
        order = _paid_order(ledger, keys, asked)
        known = find(ledger, number)
        if total != order["total"] or (
            known and (known["amount"], known["out_trade_no"]) != (amount, order["out_trade_no"])
        ):
            why = "订单金额或退款金额与之前请求不一致，请核实后再试"
            raise Refused(400, "INVALID_REQUEST", why)
        if known:
            return known
        _check_left(ledger, order, amount)
        ledger.execute(
            "INSERT INTO refunds (out_refund_no, refund_id, out_trade_no, status, amount, reason,"
            " notify_url, created_at) VALUES (?, ?, ?, 'PROCESSING', ?, ?, ?, ?)",
            number,
            f"50300{time.strftime('%Y%m%d')}{secrets.randbelow(10**15):015d}",
            order["out_trade_no"],
            amount,
            str(asked.get("reason", "")),
            str(asked.get("notify_url", "")),
            time.time(),
        )
        return get(ledger, number)


def _amounts(asked: dict[str, Any]) -> tuple[int, int]:
    given = asked.get("amount") or {}
    amount, total = given.get("refund"), given.get("total")
    if type(amount) is not int or type(total) is not int or amount <= 0:
        raise orders.bad_parameter("amount", "refund 和 total 应为正整数，单位为分")
    if given.get("currency") != "CNY":
        raise orders.bad_parameter("amount.currency", "应为 CNY")
    return amount, total


def _paid_order(ledger: Database, keys: Keys, asked: dict[str, Any]) -> orders.Order:
    order = ledger.row(
        "SELECT * FROM orders WHERE state = 'SUCCESS' AND merchant = ?"
        " AND (transaction_id = ? OR out_trade_no = ?)",
        keys.mchid,
        str(asked.get("transaction_id", "")),
        str(asked.get("out_trade_no", "")),
    )
    if order is None:
        raise Refused(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    return order


def _check_left(ledger: Database, order: orders.Order, amount: int) -> None:
    left = order["total"] - refunded(ledger, order["out_trade_no"])
    if left == 0:
        raise Refused(400, "INVALID_REQUEST", "订单已全额退款")
    if amount > left:
        raise Refused(400, "INVALID_REQUEST", "申请退款金额超过订单可退金额")


def refunded(ledger: Database, out_trade_no: str) -> int:
    """What was refunded or is on its way, in fen."""
    row = ledger.row(
        "SELECT COALESCE(SUM(amount), 0) AS fen FROM refunds"
        " WHERE out_trade_no = ? AND status <> 'CLOSED'",
        out_trade_no,
    )
    return row["fen"] if row else 0


def find(ledger: Database, out_refund_no: str) -> Refund | None:
    return ledger.row("SELECT * FROM refunds WHERE out_refund_no = ?", out_refund_no)


def get(ledger: Database, out_refund_no: str) -> Refund:
    """Raises Refused (404 RESOURCE_NOT_EXISTS)."""
    refund = find(ledger, out_refund_no)
    if refund is None:
        raise Refused(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
    return refund


def settle(ledger: Database, out_refund_no: str, status: str) -> Refund:
    """Bring a refund to its end. Raises Refused when the status is none or it has ended."""
    if status not in SETTLED:
        raise orders.bad_parameter("status", f"应为 {', '.join(SETTLED)}")
    with ledger.transaction():
        if get(ledger, out_refund_no)["status"] != "PROCESSING":
            raise Refused(400, "INVALID_REQUEST", "退款已结束")
        ledger.execute(
            "UPDATE refunds SET status = ?, settled_at = ? WHERE out_refund_no = ?",
            status,
            time.time(),
            out_refund_no,
        )
        return get(ledger, out_refund_no)


def as_answer(refund: Refund, order: orders.Order) -> dict[str, Any]:
    """The refund as its creation and its query show it."""
    shown = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund["created_at"]),
        "status": refund["status"],
        "funds_account": "AVAILABLE",
        "promotion_detail": [],
        "amount": {
            "total": order["total"],
            "refund": refund["amount"],
            "from": [],
            "payer_total": order["total"],
            "payer_refund": refund["amount"],
            "settlement_refund": refund["amount"],
            "settlement_total": order["total"],
            "discount_refund": 0,
            "refund_fee": 0,
            "currency": "CNY",
        },
    }
    if refund["status"] == "SUCCESS":
        shown["success_time"] = rfc3339(refund["settled_at"])
    return shown
