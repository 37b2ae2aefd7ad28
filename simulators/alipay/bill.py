"""The daily trade bill (业务账单): a zip of two CSV files in GBK, details and summary.

Values of text end in a tab, so that spreadsheets keep long numbers; the fee is negative for a
payment. The address that the gateway names lives 30 seconds.
"""

import csv
import hashlib
import hmac
import io
import time
import zipfile
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from simulators import bills
from simulators.alipay.desk import Desk
from simulators.alipay.keys import Keys
from simulators.alipay.ledger import CHINA, clock, yuan
from simulators.alipay.trades import refused
from simulators.web import Refused, Request, Response

COLUMNS = (
    *("支付宝交易号", "商户订单号", "业务类型", "商品名称", "创建时间", "完成时间", "门店编号"),
    *("门店名称", "操作员", "终端号", "对方账户", "订单金额（元）", "商家实收（元）"),
    *("支付宝红包（元）", "集分宝（元）", "支付宝优惠（元）", "商家优惠（元）", "券核销金额（元）"),
    *("券名称", "商家红包消费金额（元）", "卡消费金额（元）", "退款批次号/请求号", "服务费（元）"),
    *("分润（元）", "备注"),
)
TABBED = {"支付宝交易号", "商户订单号", "业务类型", "门店编号", "门店名称", "操作员", "终端号"}
TABBED |= {"对方账户", "商家红包消费金额（元）", "退款批次号/请求号"}
SUMMARY = (
    *(
        "门店编号",
        "门店名称",
        "交易订单总笔数",
        "退款订单总笔数",
        "订单金额（元）",
        "商家实收（元）",
    ),
    *("支付宝优惠（元）", "商家优惠（元）", "卡消费金额（元）", "服务费（元）", "分润（元）"),
    "实收净额（元）",
)
FEE_RATE = Decimal("0.006")
URL_LIFE = 30  # seconds
NO_BILL = "isp.bill_not_exist"
PATH = "/downloadBill"


def apply_for(desk: Desk, keys: Keys, request: Request, asked: dict[str, Any]) -> dict[str, str]:
    """Where the day's bill can be fetched. Raises Refused."""
    if asked.get("bill_type") != "trade":
        raise Refused(40002, "isv.invalid-arguments", "bill_type 只支持 trade")
    try:
        day = date.fromisoformat(str(asked.get("bill_date", "")))
    except ValueError as error:
        raise Refused(40002, "isv.invalid-arguments", "bill_date 应为 yyyy-MM-dd") from error
    today = datetime.now(CHINA).date()
    if (day >= today and not (day == today and desk.faults["bill_today"])) or not lines(
        desk, keys, day
    ):
        raise refused(NO_BILL, "账单不存在")
    claim = f"{keys.app_id}.{day}.{int(time.time()) + URL_LIFE}"
    token = f"{claim}.{_seal(keys, claim)}"
    return {"bill_download_url": f"{request.base_url}{PATH}?token={token}&fileType=csv.zip"}


def download(desk: Desk, request: Request) -> Response:
    """The file that a token names. Raises Refused for a false or an old token."""
    claim, _, seal = request.query.get("token", "").rpartition(".")
    keys = desk.merchants.find(claim.partition(".")[0])
    if keys is None or not hmac.compare_digest(seal, _seal(keys, claim)):
        raise Refused(403, "FORBIDDEN", "下载地址无效")
    _app_id, day, expiry = claim.split(".")
    if time.time() > int(expiry):
        raise Refused(403, "FORBIDDEN", "下载地址已失效")
    packed = pack(desk, keys, date.fromisoformat(day))
    if desk.faults["bill_damaged"]:
        packed = packed[: len(packed) // 2]
    return Response(200, packed, "application/zip")


def lines(desk: Desk, keys: Keys, day: date) -> list[bills.Line]:
    """A day in China, payment by payment and refund by refund."""
    begin = datetime.combine(day, datetime.min.time(), CHINA).timestamp()
    span = (keys.app_id, begin, begin + 86400)
    paid = desk.ledger.rows(
        "SELECT * FROM orders WHERE merchant = ? AND paid_at >= ? AND paid_at < ? ORDER BY paid_at",
        *span,
    )
    returned = desk.ledger.rows(
        "SELECT refunds.*, orders.trade_no, orders.subject, orders.created_at AS begun_at"
        " FROM refunds JOIN orders USING (out_trade_no)"
        " WHERE merchant = ? AND refunds.status = 'SUCCESS' AND settled_at >= ? AND settled_at < ?"
        " ORDER BY settled_at",
        *span,
    )
    found = [
        _line(one, "交易", one["total"], begun=one["created_at"], ended=one["paid_at"])
        for one in paid
    ]
    found += [
        _line(one, "退款", -one["amount"], begun=one["begun_at"], ended=one["settled_at"])
        | {"退款批次号/请求号": one["out_request_no"], "备注": one["reason"]}
        for one in returned
    ]
    amounts = ["订单金额（元）", "商家实收（元）"]
    names = {"number": "商户订单号", "trade": "支付宝交易号", "fee": "服务费（元）"}
    return bills.spoil(found, desk.faults, amounts=amounts, **names)


def net(desk: Desk, keys: Keys, day: date) -> Decimal:
    """What is paid out for a day, in yuan: payments less refunds and fees, as its bill says."""
    found = lines(desk, keys, day)
    return _sum(found) + _sum(found, "服务费（元）")


def _line(row: dict[str, Any], kind: str, fen: int, *, begun: float, ended: float) -> bills.Line:
    line = dict.fromkeys(COLUMNS, "")
    line |= {name: "0.00" for name in COLUMNS if name.endswith("（元）")}
    return line | {
        "支付宝交易号": row["trade_no"],
        "商户订单号": row["out_trade_no"],
        "业务类型": kind,
        "商品名称": row["subject"],
        "创建时间": clock(begun),
        "完成时间": clock(ended),
        "对方账户": "**沙(wan***@sandbox.com)",
        "订单金额（元）": yuan(fen),
        "商家实收（元）": yuan(fen),
        "服务费（元）": yuan(-int((fen * FEE_RATE).quantize(Decimal(1), ROUND_HALF_UP))),
    }


def pack(desk: Desk, keys: Keys, day: date) -> bytes:
    """The zip. Names of files are GBK without a mark that says so, as the original's are."""
    found = lines(desk, keys, day)
    stem = f"{keys.seller_id}0156_{day:%Y%m%d}"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (
            (f"{stem}_业务明细.csv", _details(keys, day, found)),
            (f"{stem}_业务明细(汇总).csv", _summary(keys, day, found)),
        ):
            archive.writestr(_GbkName(name), text.encode("gbk"), zipfile.ZIP_DEFLATED)
    return out.getvalue()


class _GbkName(zipfile.ZipInfo):
    """An entry whose name is written in GBK; Python itself would write UTF-8 and say so."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def _head(keys: Keys, day: date, title: str) -> str:
    begin, end = (f"{one:%Y年%m月%d日} 00:00:00" for one in (day, day + timedelta(days=1)))
    return (
        f"#支付宝业务{title}查询\r\n#账号：[{keys.seller_id}0156]\r\n"
        f"#起始日期：[{begin}]   终止日期：[{end}]\r\n"
    )


def _details(keys: Keys, day: date, found: list[bills.Line]) -> str:
    paid = [line for line in found if line["业务类型"] == "交易"]
    returned = [line for line in found if line["业务类型"] == "退款"]
    rows = [[line[c] + ("\t" if c in TABBED else "") for c in COLUMNS] for line in found]
    return (
        _head(keys, day, "明细")
        + f"#{'-' * 41}业务明细列表{'-' * 40}\r\n"
        + _csv([list(COLUMNS), *rows])
        + f"#{'-' * 41}业务明细列表结束{'-' * 36}\r\n"
        + f"#交易合计：{len(paid)}笔，商家实收共{_sum(paid)}元，商家优惠共0.00元\r\n"
        + f"#退款合计：{len(returned)}笔，商家实收退款共{_sum(returned)}元，"
        + "商家优惠退款共0.00元\r\n"
        + f"#导出时间：[{datetime.now(CHINA):%Y年%m月%d日 %H:%M:%S}]\r\n"
    )


def _summary(keys: Keys, day: date, found: list[bills.Line]) -> str:
    refunded = sum(line["业务类型"] == "退款" for line in found)
    amount, fee = _sum(found), _sum(found, "服务费（元）")
    values = [str(len(found) - refunded), str(refunded), str(amount), str(amount)]
    values += ["0.00", "0.00", "0.00", str(fee), "0.00", str(amount + fee)]
    return (
        _head(keys, day, "汇总")
        + f"#{'-' * 41}业务汇总列表{'-' * 40}\r\n"
        + _csv([list(SUMMARY), ["\t", "\t", *values], ["合计\t", "\t", *values]])
        + f"#{'-' * 41}业务汇总列表结束{'-' * 36}\r\n"
        + f"#导出时间：[{datetime.now(CHINA):%Y年%m月%d日 %H:%M:%S}]\r\n"
    )


def _sum(found: list[bills.Line], column: str = "商家实收（元）") -> Decimal:
    return sum((Decimal(line[column]) for line in found), Decimal("0.00"))


def _csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def _seal(keys: Keys, claim: str) -> str:
    secret = (keys.folder / "alipay_private_key.pem").read_bytes()
    return hmac.new(secret, claim.encode(), hashlib.sha256).hexdigest()
