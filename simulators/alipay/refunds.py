"""Refunds of paid trades. Amounts are in fen here and in yuan on the wire."""

import time
from typing import Any

from simulators.alipay import trades
from simulators.alipay.keys import Keys
from simulators.alipay.ledger import clock, yuan
from simulators.alipay.trades import Trade, refused
from simulators.database import Database

Refund = dict[str, Any]


def create(ledger: Database, keys: Keys, asked: dict[str, Any]) -> tuple[Trade, Refund, bool]:
    """Accept a refund: the trade, the refund, and whether it is new.

    The same out_request_no refunds once; without one the trade can only be refunded whole.
    Raises Refused: ACQ.TRADE_NOT_EXIST, ACQ.TRADE_STATUS_ERROR, ACQ.TRADE_HAS_FINISHED,
    ACQ.REASON_TRADE_REFUND_FEE_ERR, ACQ.DISCORDANT_REPEAT_REQUEST.
    """
    amount = trades.fen(asked.get("refund_amount"), "refund_amount")
    with ledger.transaction():
        trade = trades.known(ledger, asked, keys)
        number = str(asked.get("out_request_no") or trade["out_trade_no"])
        before = find(ledger, trade["out_trade_no"], number)
        if before is not None:
            if before["amount"] != amount:
                raise refused("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
            return trade, before, False
        if trade["state"] == "TRADE_FINISHED":
            raise refused("ACQ.TRADE_HAS_FINISHED", "交易已完结")
        if trade["state"] != "TRADE_SUCCESS":
            raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        if amount > trade["total"] - asked_for(ledger, trade["out_trade_no"]):
            raise refused("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
        if not asked.get("out_request_no") and amount != trade["total"]:
            raise trades.bad_parameter("out_request_no", "部分退款时必填")
        ledger.execute(
            "INSERT INTO refunds (out_trade_no, out_request_no, status, amount, reason,"
            " created_at) VALUES (?, ?, 'PROCESSING', ?, ?, ?)",
            *(trade["out_trade_no"], number, amount),
            str(asked.get("refund_reason", "")),
            time.time(),
        )
        return trade, get(ledger, trade["out_trade_no"], number), True


def asked_for(ledger: Database, out_trade_no: str) -> int:
    """What went back or is on its way, in fen."""
    return _sum(ledger, out_trade_no, "status <> 'FAILED'")


def gone_back(ledger: Database, out_trade_no: str) -> int:
    """What went back, in fen."""
    return _sum(ledger, out_trade_no, "status = 'SUCCESS'")


def _sum(ledger: Database, out_trade_no: str, which: str) -> int:
    row = ledger.row(
        f"SELECT COALESCE(SUM(amount), 0) AS fen FROM refunds WHERE out_trade_no = ? AND {which}",
        out_trade_no,
    )
    return row["fen"] if row else 0


def find(ledger: Database, out_trade_no: str, number: str) -> Refund | None:
    return ledger.row(
        "SELECT * FROM refunds WHERE out_trade_no = ? AND out_request_no = ?",
        out_trade_no,
        number,
    )


def get(ledger: Database, out_trade_no: str, number: str) -> Refund:
    refund = find(ledger, out_trade_no, number)
    if refund is None:
        raise refused("ACQ.REFUND_NOT_EXIST", "退款不存在")
    return refund


def settle(ledger: Database, out_trade_no: str, number: str, status: str) -> Refund:
    """Bring a refund to its end; a trade that was refunded whole is closed. Raises Refused."""
    if status not in {"SUCCESS", "FAILED"}:
        raise trades.bad_parameter("status", "应为 SUCCESS 或 FAILED")
    with ledger.transaction():
        if get(ledger, out_trade_no, number)["status"] != "PROCESSING":
            raise refused("ACQ.TRADE_STATUS_ERROR", "退款已结束")
        ledger.execute(
            "UPDATE refunds SET status = ?, settled_at = ?"
            " WHERE out_trade_no = ? AND out_request_no = ?",
            *(status, time.time(), out_trade_no, number),
        )
        if gone_back(ledger, out_trade_no) == trades.get(ledger, out_trade_no)["total"]:
            ledger.execute(
                "UPDATE orders SET state = 'TRADE_CLOSED', closed_at = ? WHERE out_trade_no = ?",
                time.time(),
                out_trade_no,
            )
        return get(ledger, out_trade_no, number)


def as_answer(ledger: Database, trade: Trade, refund: Refund, *, moved: bool) -> dict[str, Any]:
    """What a refund's request is told; `refund_fee` is all that went back of the trade."""
    shown = {
        "buyer_logon_id": "wan***@sandbox.com",
        "buyer_user_id": trade["buyer_id"],
        "fund_change": "Y" if moved else "N",
        "out_trade_no": trade["out_trade_no"],
        "refund_fee": yuan(gone_back(ledger, trade["out_trade_no"])),
        "send_back_fee": yuan(refund["amount"]) if moved else "0.00",
        "trade_no": trade["trade_no"],
    }
    if refund["settled_at"]:
        shown["gmt_refund_pay"] = clock(refund["settled_at"])
    return shown


def as_query(trade: Trade, refund: Refund | None) -> dict[str, Any]:
    """What a refund's query is told: no refund_status unless the money went back."""
    if refund is None or refund["status"] != "SUCCESS":
        return {}
    return {
        "gmt_refund_pay": clock(refund["settled_at"]),
        "out_request_no": refund["out_request_no"],
        "out_trade_no": trade["out_trade_no"],
        "refund_amount": yuan(refund["amount"]),
        "refund_status": "REFUND_SUCCESS",
        "total_amount": yuan(trade["total"]),
        "trade_no": trade["trade_no"],
    }
