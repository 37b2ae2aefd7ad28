"""Reading Alipay's trade bill (业务账单): a zip of two GBK files, of which the details count."""

import csv
import datetime
import io
import re
import zipfile
import zlib

from payments.providers.base import BillLine, DailyBill, LineKind
from payments.providers.bill_files import LARGEST, damaged, made, moment, yuan

TITLE = "#支付宝业务明细查询"
KINDS = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
TOTALS = re.compile(r"#(交易|退款)合计：(\d+)笔")


def read_bill(day: datetime.date, packed: bytes) -> DailyBill:
    """The bill in a zip file. Alipay gives no hash: lines are compared with the totals below them.

    Raises TransientError when the file is not whole or cannot be read.
    """
    try:
        content = _details(packed)
        return made(day, _lines(content.decode("gb18030")), content)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, csv.Error) as error:
        raise damaged(repr(error)) from error


def _details(packed: bytes) -> bytes:
    """The file of details, known by its first line: names of files are in GBK or UTF-8."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for member in archive.infolist():
            if member.file_size > LARGEST:
                raise ValueError("too large")
            content = archive.read(member)
            if content.startswith(TITLE.encode("gbk")):
                return content
    raise ValueError("no details")


def _lines(text: str) -> list[BillLine]:
    """Raises KeyError, ValueError when something is not as it should be."""
    rows = text.splitlines()
    marks = [place for place, row in enumerate(rows) if row.startswith("#---")]
    if len(marks) != 2:
        raise ValueError("no beginning or no end")
    table = csv.reader(rows[marks[0] + 1 : marks[1]])
    columns = [name.strip() for name in next(table)]
    found = [
        dict(zip(columns, (value.strip() for value in row), strict=True)) for row in table if row
    ]
    lines = [_line(row) for row in found]
    _compare(lines, rows[marks[1] + 1 :])
    return lines


def _line(row: dict[str, str]) -> BillLine:
    kind = KINDS[row["业务类型"]]
    return BillLine(
        kind=kind,
        out_trade_no=row["商户订单号"],
        transaction_id=row["支付宝交易号"],
        amount=abs(yuan(row["订单金额（元）"])),
        fee=-yuan(row["服务费（元）"]),
        happened_at=moment(row["完成时间"]),
        out_refund_no=row["退款批次号/请求号"] if kind == LineKind.REFUND else "",
    )


def _compare(lines: list[BillLine], rest: list[str]) -> None:
    """The number of lines of each kind is as the file itself says. Raises ValueError."""
    totals = [TOTALS.match(row) for row in rest]
    counted = {match[1]: int(match[2]) for match in totals if match}
    for name, kind in KINDS.items():
        own = sum(line.kind == kind for line in lines)
        if counted.get(name) != own:
            raise ValueError(f"{own} lines of {name} instead of {counted.get(name)}")
