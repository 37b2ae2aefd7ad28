"""What reading the bills of different providers has in common."""

import datetime
import hashlib
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from payments.providers.base import BillDamaged, BillLine, DailyBill

CHINA = ZoneInfo("Asia/Shanghai")
LARGEST = 200_000_000  # bytes unpacked; a line has some 300


def no_bill(day: datetime.date) -> DailyBill:
    """A day of which the provider has no file: nothing happened on it."""
    return made(day, [], b"")


def made(day: datetime.date, lines: list[BillLine], content: bytes) -> DailyBill:
    return DailyBill(day, tuple(lines), content, hashlib.sha256(content).hexdigest())


def damaged(why: str) -> BillDamaged:
    """The file is not what was promised: to be fetched again."""
    return BillDamaged(f"the bill's file is damaged: {why}")


def yuan(text: str) -> Decimal:
    """An amount of a bill, which has two decimals at most. Raises ValueError."""
    try:
        amount = Decimal(text)
        exact = amount.quantize(Decimal("0.01"))
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no amount") from error
    if exact != amount:
        raise ValueError(f"{text!r} has a part of a fen")
    return exact


def moment(text: str) -> datetime.datetime:
    """2026-01-05 18:22:21 on the clock in China. Raises ValueError."""
    return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
