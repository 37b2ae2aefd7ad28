"""What the simulators of payment providers pay out to the bank."""

import csv
import io
import sqlite3
import time
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from wechatpayv3 import WeChatPay

from tests.fixtures.simulators import WeChatPaySimulator

DAY = 86_400


def day(shift: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + shift * DAY + 8 * 3600))


@pytest.fixture
def lines(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> Callable[[], list[tuple[str, str]]]:
    """(day, amount) of the bank's statement; 100.00 were paid two days ago, 200.00 yesterday."""
    books = sqlite3.connect(wechatpay_simulator.home / "wechatpay" / "ledger.sqlite3")
    for number, (back, fen) in enumerate([(2, 10_000), (1, 20_000)]):
        client.pay("物业费", f"ORDER-{number}", {"total": fen})
        wechatpay_simulator.pay(f"ORDER-{number}", callback=False)
        with books:
            books.execute(
                "UPDATE orders SET paid_at = paid_at - ? WHERE out_trade_no = ?",
                (back * DAY, f"ORDER-{number}"),
            )
    books.close()
    return lambda: statement(wechatpay_simulator)


def statement(simulator: WeChatPaySimulator) -> list[tuple[str, str]]:
    parts = urlsplit(simulator.url)
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.request("GET", "/control/statement")
    text = connection.getresponse().read().decode("gb18030")
    connection.close()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert all(row["对方户名"] == "财付通支付科技有限公司" for row in rows)
    assert len({row["账户明细编号-交易流水号"] for row in rows}) == len(rows)
    return [(row["记账日期"], row["贷方发生额（收入）"]) for row in rows]


def booked(shift: int) -> str:
    return day(shift).replace("-", "")


def test_the_net_of_a_day_comes_on_the_next(
    lines: Callable[[], list[tuple[str, str]]], client: WeChatPay
) -> None:
    assert lines() == [(booked(-1), "99.40"), (booked(0), "198.80")]
    amount = {"refund": 5_000, "total": 10_000, "currency": "CNY"}
    client.refund("R1", amount, out_trade_no="ORDER-0")  # today: nothing has come for it yet
    assert len(lines()) == 2


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("payout_short", [(-1, "98.40"), (0, "198.80")]),
        ("payout_merged", [(0, "298.20")]),
        ("payout_late", [(0, "198.80")]),
        ("payout_missing", [(0, "198.80")]),
    ],
)
def test_payouts_that_are_not_as_they_should_be(
    lines: Callable[[], list[tuple[str, str]]],
    wechatpay_simulator: WeChatPaySimulator,
    fault: str,
    expected: list[tuple[int, str]],
) -> None:
    wechatpay_simulator.faults(**{fault: [day(-2)]})
    assert lines() == [(booked(shift), amount) for shift, amount in expected]


def test_less_than_nothing_is_taken_off_the_next(
    lines: Callable[[], list[tuple[str, str]]],
    client: WeChatPay,
    wechatpay_simulator: WeChatPaySimulator,
) -> None:
    amount = {"refund": 20_000, "total": 20_000, "currency": "CNY"}
    client.refund("R1", amount, out_trade_no="ORDER-1")
    books = sqlite3.connect(wechatpay_simulator.home / "wechatpay" / "ledger.sqlite3")
    with books:
        books.execute("UPDATE refunds SET created_at = created_at - ?", (2 * DAY,))
    books.close()
    # 99.40 − 198.80 on one day, 198.80 on the next.
    assert lines() == [(booked(0), "99.40")]
