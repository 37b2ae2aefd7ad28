"""Trades: asked for, scanned, paid, closed. Amounts are in fen here and in yuan on the wire."""

import re
import secrets
import time
from datetime import datetime
from typing import Any

from simulators.alipay.keys import Keys
from simulators.alipay.ledger import CHINA, clock, yuan
from simulators.database import Database
from simulators.web import Refused

Trade = dict[str, Any]
# The method that asks → its product_code.
PRODUCTS = {
    "alipay.trade.precreate": {"", "FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"},
    "alipay.trade.wap.pay": {"QUICK_WAP_PAY", "QUICK_WAP_WAY"},
    "alipay.trade.page.pay": {"FAST_INSTANT_TRADE_PAY"},
}
PAID = ("TRADE_SUCCESS", "TRADE_FINISHED")
CODE_LIFE = 2 * 3600  # seconds that a code can be scanned when the merchant sets no other time


def refused(code: str, message: str) -> Refused:
    """A refusal of the business kind."""
    return Refused(40004, code, message)


def bad_parameter(field: str, why: str) -> Refused:
    return refused("ACQ.INVALID_PARAMETER", f"参数无效：{field} {why}")


def ask(
    ledger: Database, keys: Keys, method: str, common: dict[str, str], asked: dict[str, Any]
) -> Trade:
    """Keep what a merchant asks for; it is no trade yet, and asking again is answered again.

    Raises Refused: ACQ.INVALID_PARAMETER, ACQ.TRADE_HAS_SUCCESS, ACQ.TRADE_HAS_CLOSE,
    ACQ.CONTEXT_INCONSISTENT.
    """
    number, total = _check(method, asked)
    with ledger.transaction():
        trade = find(ledger, number)
        if trade is not None and trade["merchant"] != keys.app_id:  # unique among all of them here
            raise refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
        if trade is not None and trade["state"] in PAID:
            raise refused("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
        if trade is not None and trade["state"] == "TRADE_CLOSED":
            raise refused("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        if trade is not None and trade["state"] == "WAIT_BUYER_PAY":
            if (trade["total"], trade["subject"]) != (total, asked["subject"]):
                raise refused("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")
            return trade
        token = trade["scan_token"] if trade else f"bax{secrets.token_hex(10)}"
        ledger.execute(
            "INSERT OR REPLACE INTO orders (out_trade_no, merchant, scan_token, method, state,"
            " subject, total, notify_url, return_url, time_expire, asked_at)"
            " VALUES (?, ?, ?, ?, 'ASKED', ?, ?, ?, ?, ?, ?)",
            *(number, keys.app_id, token, method, asked["subject"], total),
            *(common.get("notify_url", ""), common.get("return_url", "")),
            _expiry(asked),
            time.time(),
        )
        return get(ledger, number)


def _check(method: str, asked: dict[str, Any]) -> tuple[str, int]:
    """The merchant's number and the amount in fen, if the rest is right as well."""
    number = str(asked.get("out_trade_no", ""))
    if not re.fullmatch(r"[0-9A-Za-z_]{1,64}", number):
        raise bad_parameter("out_trade_no", "应为 1 到 64 个字母、数字或下划线")
    subject = asked.get("subject")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 256 or set(subject) & set("/=&"):
        raise bad_parameter("subject", "应为 1 到 256 个字符，不可使用 / = & 等特殊字符")
    if str(asked.get("product_code", "")) not in PRODUCTS[method]:
        raise bad_parameter("product_code", "与接口不符")
    return number, fen(asked.get("total_amount"), "total_amount")


def fen(value: Any, field: str) -> int:
    """Yuan as text, with at most two decimals. Raises Refused."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,2})?", str(value)):
        raise bad_parameter(field, "应为金额，单位为元，最多两位小数")
    whole, _, part = str(value).partition(".")
    amount = int(whole) * 100 + int(part.ljust(2, "0"))
    if amount == 0:
        raise bad_parameter(field, "应大于零")
    return amount


def _expiry(asked: dict[str, Any]) -> float | None:
    text = asked.get("time_expire")
    if text is None:
        return None
    try:
        moment = datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    except ValueError as error:
        raise bad_parameter("time_expire", "格式为 yyyy-MM-dd HH:mm:ss") from error
    if moment.timestamp() <= time.time():
        raise bad_parameter("time_expire", "应晚于当前时间")
    return moment.timestamp()


def find(ledger: Database, out_trade_no: str) -> Trade | None:
    """A trade, or what was only asked for; closed by now if its time is over."""
    ledger.execute(
        "UPDATE orders SET state = 'TRADE_CLOSED', closed_at = time_expire"
        " WHERE out_trade_no = ? AND state = 'WAIT_BUYER_PAY' AND time_expire <= ?",
        out_trade_no,
        time.time(),
    )
    return ledger.row("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def get(ledger: Database, out_trade_no: str) -> Trade:
    """As the control API sees it. Raises Refused when nobody asked for it."""
    trade = find(ledger, out_trade_no)
    if trade is None:
        raise not_there()
    return trade


def known(ledger: Database, asked: dict[str, Any], keys: Keys | None = None) -> Trade:
    """As Alipay sees it: unknown until it was scanned, and to other merchants (`keys`) for ever.

    Raises Refused (ACQ.TRADE_NOT_EXIST).
    """
    number = asked.get("out_trade_no")
    if not number:
        row = ledger.row(
            "SELECT out_trade_no FROM orders WHERE trade_no = ?", str(asked.get("trade_no", ""))
        )
        number = row["out_trade_no"] if row else ""
    trade = find(ledger, str(number))
    if trade is None or trade["state"] == "ASKED":
        raise not_there()
    if keys and trade["merchant"] != keys.app_id:
        raise not_there()
    return trade


def not_there() -> Refused:
    return refused("ACQ.TRADE_NOT_EXIST", "交易不存在")


def expired(trade: Trade) -> bool:
    """Whether nobody can pay it any more."""
    return time.time() > (trade["time_expire"] or trade["asked_at"] + CODE_LIFE)


def look(ledger: Database, out_trade_no: str) -> Trade:
    """The payer scans the code or signs in: now it is a trade, unless its time is over."""
    with ledger.transaction():
        trade = get(ledger, out_trade_no)
        if trade["state"] == "ASKED" and not expired(trade):
            ledger.execute(
                "UPDATE orders SET state = 'WAIT_BUYER_PAY', trade_no = ?, created_at = ?,"
                " buyer_id = ? WHERE out_trade_no = ?",
                f"{time.strftime('%Y%m%d')}22001{secrets.randbelow(10**15):015d}",
                time.time(),
                f"2088{secrets.randbelow(10**12):012d}",
                out_trade_no,
            )
        return get(ledger, out_trade_no)


def pay(ledger: Database, out_trade_no: str) -> Trade:
    """The payer pays. Raises Refused when the trade is paid, closed or expired."""
    with ledger.transaction():
        trade = look(ledger, out_trade_no)
        if trade["state"] in PAID:
            raise refused("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
        if trade["state"] != "WAIT_BUYER_PAY":
            raise refused("ACQ.TRADE_HAS_CLOSE", "交易已经关闭或过期，请回到商户页面重新支付")
        ledger.execute(
            "UPDATE orders SET state = 'TRADE_SUCCESS', paid_at = ? WHERE out_trade_no = ?",
            time.time(),
            out_trade_no,
        )
        return get(ledger, out_trade_no)


def close(ledger: Database, asked: dict[str, Any], keys: Keys | None = None) -> Trade:
    """Close a trade that waits. Raises Refused: ACQ.TRADE_NOT_EXIST, ACQ.TRADE_STATUS_ERROR."""
    with ledger.transaction():
        trade = known(ledger, asked, keys)
        if trade["state"] != "WAIT_BUYER_PAY":
            raise refused("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
        ledger.execute(
            "UPDATE orders SET state = 'TRADE_CLOSED', closed_at = ? WHERE out_trade_no = ?",
            time.time(),
            trade["out_trade_no"],
        )
        return trade


def as_answer(trade: Trade) -> dict[str, Any]:
    """A trade as its query shows it; a trade that was never paid has no send_pay_date."""
    paid = trade["paid_at"] is not None
    shown: dict[str, Any] = {
        "buyer_logon_id": "wan***@sandbox.com",
        "buyer_pay_amount": yuan(trade["total"]) if paid else "0.00",
        "buyer_user_id": trade["buyer_id"],
        "invoice_amount": yuan(trade["total"]) if paid else "0.00",
        "out_trade_no": trade["out_trade_no"],
        "point_amount": "0.00",
        "receipt_amount": yuan(trade["total"]) if paid else "0.00",
        "total_amount": yuan(trade["total"]),
        "trade_no": trade["trade_no"],
        "trade_status": trade["state"],
    }
    if paid:
        fund = {"amount": yuan(trade["total"]), "fund_channel": "ALIPAYACCOUNT"}
        shown |= {"send_pay_date": clock(trade["paid_at"]), "fund_bill_list": [fund]}
    return shown
