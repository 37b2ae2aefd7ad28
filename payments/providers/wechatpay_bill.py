"""Reading WeChat Pay's trade bill (交易账单): UTF-8, a backtick before every value, a summary."""

import csv
import datetime
import gzip
import hashlib
import io
import zlib

from payments.providers.base import BillLine, DailyBill, LineKind
from payments.providers.bill_files import LARGEST, damaged, made, moment, yuan

KINDS = {"SUCCESS": LineKind.PAYMENT, "REFUND": LineKind.REFUND, "REVOKED": LineKind.REFUND}
SUMMARY = "总交易单数"


def read_bill(day: datetime.date, packed: bytes, *, sha1: str) -> DailyBill:
    """The bill in a gzip file that was promised with the SHA-1 of its content.

    Raises TransientError when the file is another, is not whole, or cannot be read.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            content = file.read(LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(str(error)) from error
    if hashlib.sha1(content, usedforsecurity=False).hexdigest() != sha1.lower():
        raise damaged("its hash is another")
    try:
        return made(day, _lines(content.decode("utf-8-sig")), content)
    except (KeyError, ValueError, csv.Error) as error:
        raise damaged(repr(error)) from error


def _lines(text: str) -> list[BillLine]:
    """Raises KeyError, ValueError when something is not as it should be."""
    rows = csv.reader(io.StringIO(text))
    columns = next(rows)
    lines: list[BillLine] = []
    for row in rows:
        if row[0] == SUMMARY:
            count = int(next(rows)[0].lstrip("`"))
            if count != len(lines):
                raise ValueError(f"{len(lines)} lines instead of {count}")
            return lines
        values = (value.removeprefix("`") for value in row)
        lines.append(_line(dict(zip(columns, values, strict=True))))
    raise ValueError("no summary")


def _line(row: dict[str, str]) -> BillLine:
    kind = KINDS[row["交易状态"]]
    refund = kind == LineKind.REFUND
    return BillLine(
        kind=kind,
        out_trade_no=row["商户订单号"],
        transaction_id=row["微信订单号"],
        # What the payer asked and paid, before the provider's own coupons.
        amount=yuan(row["申请退款金额"] if refund else row["订单金额"]),
        fee=yuan(row["手续费"]),
        happened_at=moment(row["交易时间"]),
        out_refund_no=row["商户退款单号"] if refund else "",
    )
