"""The daily trade bill (交易账单): what the merchant reconciles with.

UTF-8 with a byte order mark; a backtick before every value; amounts in yuan; then a summary.
"""

import csv
import gzip
import hashlib
import hmac
import io
import time
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulators import bills
from simulators.web import Refused, Request, Response
from simulators.wechatpay.desk import Desk
from simulators.wechatpay.keys import Keys
from simulators.wechatpay.ledger import CHINA

COLUMNS = (
    *("交易时间", "公众账号ID", "商户号", "特约商户号", "设备号", "微信订单号", "商户订单号"),
    *("用户标识", "交易类型", "交易状态", "付款银行", "货币种类", "应结订单金额", "代金券金额"),
    *("微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态"),
    *("商品名称", "商户数据包", "手续费", "费率", "订单金额", "申请退款金额", "费率备注"),
)
# What the last line says → the column that it sums up.
SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
FEE_RATE = Decimal("0.006")
ZERO = Decimal("0.00")
URL_LIFE = 300  # seconds


def apply_for(desk: Desk, keys: Keys, request: Request) -> dict[str, str]:
    """Where the day's bill can be fetched, and its SHA1. Raises Refused (400)."""
    day = _day(request.query.get("bill_date", ""))
    if request.query.get("bill_type", "ALL") != "ALL":
        raise Refused(400, "PARAM_ERROR", "参数错误：bill_type 只支持 ALL")
    today = datetime.now(CHINA).date()
    if day >= today and not (day == today and desk.faults["bill_today"]):
        raise Refused(400, "INVALID_REQUEST", "账单日期不正确，只能下载当日以前的账单")
    text = build(desk, keys, day)
    if text is None:
        raise Refused(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    packing = "GZIP" if request.query.get("tar_type") == "GZIP" else "PLAIN"
    claim = f"{day}.{packing}.{int(time.time()) + URL_LIFE}"
    token = f"{claim}.{_seal(keys, claim)}"
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(text, usedforsecurity=False).hexdigest(),
        "download_url": f"{request.base_url}/v3/billdownload/file?token={token}",
    }


def download(desk: Desk, keys: Keys, request: Request) -> Response:
    """The file that a token names. Raises Refused (400) for a false or an old token."""
    claim, _, seal = request.query.get("token", "").rpartition(".")
    if not hmac.compare_digest(seal, _seal(keys, claim)):
        raise Refused(400, "PARAM_ERROR", "参数错误：token 无效")
    day, packing, expiry = claim.split(".")
    if time.time() > int(expiry):
        raise Refused(400, "INVALID_REQUEST", "下载地址已失效，请重新申请账单")
    text = build(desk, keys, date.fromisoformat(day)) or b""
    if desk.faults["bill_damaged"]:
        text = text[: len(text) // 2]
    if packing == "GZIP":
        return Response(200, gzip.compress(text), "application/x-gzip")
    return Response(200, text, "text/plain; charset=utf-8")


def build(desk: Desk, keys: Keys, day: date) -> bytes | None:
    """The bill of one day in China, or None when nothing happened on it."""
    found = lines(desk, keys, day)
    return _write(found) if found is not None else None


def net(desk: Desk, keys: Keys, day: date) -> Decimal:
    """What is paid out for a day, in yuan: payments less refunds and fees, as its bill says."""
    columns = (("订单金额", 1), ("申请退款金额", -1), ("手续费", -1))
    found = lines(desk, keys, day) or []
    return sum((sign * Decimal(line[name]) for line in found for name, sign in columns), ZERO)


def lines(desk: Desk, keys: Keys, day: date) -> list[bills.Line] | None:
    """The payments of a day in China, and the refunds that were taken on, done or not; None when
    nothing happened on it."""
    begin = datetime.combine(day, datetime.min.time(), CHINA).timestamp()
    span = (keys.mchid, begin, begin + 86400)
    paid = desk.ledger.rows(
        "SELECT * FROM orders WHERE merchant = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at",
        *span,
    )
    returned = desk.ledger.rows(
        "SELECT refunds.*, orders.transaction_id, orders.openid, orders.trade_type,"
        " orders.description, orders.attach FROM refunds JOIN orders USING (out_trade_no)"
        " WHERE merchant = ? AND refunds.status <> 'CLOSED'"
        " AND refunds.created_at >= ? AND refunds.created_at < ? ORDER BY refunds.created_at",
        *span,
    )
    if not paid and not returned:
        return None
    found = [_payment(keys, order) for order in paid]
    found += [_refund(keys, one) for one in returned]
    amounts = ["应结订单金额", "订单金额", "退款金额", "申请退款金额"]
    names = {"number": "商户订单号", "trade": "微信订单号", "fee": "手续费"}
    return bills.spoil(found, desk.faults, amounts=amounts, **names)


def _write(lines: list[dict[str, str]]) -> bytes:
    def total(column: str) -> str:
        return str(sum((Decimal(line[column]) for line in lines), Decimal("0.00")))

    sums = [str(len(lines)), *map(total, SUMS.values())]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([f"`{line[column]}" for column in COLUMNS] for line in lines)
    writer.writerow(["总交易单数", *SUMS])
    writer.writerow([f"`{value}" for value in sums])
    return out.getvalue().encode("utf-8-sig")


def _common(keys: Keys, row: dict[str, Any], moment: float) -> dict[str, str]:
    line = dict.fromkeys(COLUMNS, "")
    line.update(
        {
            "交易时间": datetime.fromtimestamp(moment, CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "公众账号ID": keys.appid,
            "商户号": keys.mchid,
            "特约商户号": "0",
            "微信订单号": row["transaction_id"],
            "商户订单号": row["out_trade_no"],
            "用户标识": row["openid"],
            "交易类型": row["trade_type"],
            "付款银行": "OTHERS",
            "货币种类": "CNY",
            "代金券金额": "0.00",
            "充值券退款金额": "0.00",
            "商品名称": row["description"],
            "商户数据包": row["attach"],
            "费率": f"{FEE_RATE:.2%}",
        }
    )
    return line


def _payment(keys: Keys, order: dict[str, Any]) -> dict[str, str]:
    return _common(keys, order, order["paid_at"]) | {
        "交易状态": "SUCCESS",
        "应结订单金额": _yuan(order["total"]),
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "手续费": _fee(order["total"]),
        "订单金额": _yuan(order["total"]),
        "申请退款金额": "0.00",
    }


def _refund(keys: Keys, refund: dict[str, Any]) -> dict[str, str]:
    return _common(keys, refund, refund["created_at"]) | {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": refund["out_refund_no"],
        "退款金额": _yuan(refund["amount"]),
        "退款类型": "ORIGINAL",
        "退款状态": "SUCCESS" if refund["status"] == "SUCCESS" else "PROCESSING",
        "手续费": _fee(-refund["amount"]),
        "订单金额": "0.00",
        "申请退款金额": _yuan(refund["amount"]),
    }


def _yuan(fen: int) -> str:
    return str(Decimal(fen).scaleb(-2).quantize(Decimal("0.01")))


def _fee(fen: int) -> str:
    return _yuan(int((fen * FEE_RATE).quantize(Decimal(1), ROUND_HALF_UP)))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, "PARAM_ERROR", "参数错误：bill_date 应为 yyyy-MM-dd") from error


def _seal(keys: Keys, claim: str) -> str:
    return hmac.new(keys.apiv3_key.encode(), claim.encode(), hashlib.sha256).hexdigest()
