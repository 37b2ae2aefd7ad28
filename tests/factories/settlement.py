"""Days that channels owe for, and statements as China Construction Bank exports them."""

import csv
import datetime
import io
from decimal import Decimal
from typing import Any

from django.utils import timezone

from payments.models import BankLine, Reconciliation
from payments.services.channels.bank_statements import import_statement
from tests.factories.community import StaffUserFactory

COLUMNS = [
    *("交易时间", "借方发生额（支取）", "贷方发生额（收入）", "余额", "对方户名", "对方账号"),
    *("摘要", "备注", "账户明细编号-交易流水号"),
]
TENPAY, ALIPAY = "财付通支付科技有限公司", "支付宝（中国）网络技术有限公司"


def make_day(
    community: Any, day: datetime.date, net: str | Decimal, *, closed: bool = True, **of_day: Any
) -> Reconciliation:
    """A day of WeChat Pay that owes `net` yuan, mostly signed off."""
    net = Decimal(net)
    signed: dict[str, Any] = {"state": "closed", "closed_at": timezone.now()}
    wanted: dict[str, Any] = {
        "provider": "wechatpay",
        "digest": "0" * 64,
        "their_lines": 1,
        "their_paid": max(net, Decimal(0)),
        "their_refunded": max(-net, Decimal(0)),
        "compared_at": timezone.now(),
    }
    if closed:
        wanted |= signed | {"closed_by": StaffUserFactory.create()}
    return Reconciliation.objects.create(community=community, day=day, **(wanted | of_day))


def statement(*lines: tuple[datetime.date, str, str], encoding: str = "gb18030") -> bytes:
    """A file of money in and (below zero) out: (day, yuan, other side)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for number, (day, amount, name) in enumerate(lines):
        sides = (amount[1:], "0") if amount.startswith("-") else ("0", amount)
        serial = f"S{day:%Y%m%d}{number:04d}{amount}{len(name)}"
        moment = f"{day:%Y%m%d} 08:30:00"
        writer.writerow([moment, *sides, "0.00", name, "6217000000000000", "转账", "", serial])
    return out.getvalue().encode(encoding)


def take_over(community: Any, *lines: tuple[datetime.date, str, str]) -> list[BankLine]:
    """Imports a statement of these lines; nothing is matched yet."""
    taken = import_statement(source=statement(*lines), community=community)
    return list(taken.statement.lines.order_by("pk"))
