"""The daily trade bill, fetched and checked as a merchant does."""

import csv
import gzip
import hashlib
import io
import json
import sqlite3
import time

import pytest
from wechatpayv3 import WeChatPay

from tests.fixtures.simulators import WeChatPaySimulator


@pytest.fixture
def yesterday(client: WeChatPay, wechatpay_simulator: WeChatPaySimulator) -> str:
    """A day, in China, on which one order was paid and partly refunded."""
    client.pay("物业费,一月", "ORDER-0001", {"total": 12345})
    wechatpay_simulator.pay("ORDER-0001", callback=False)
    amount = {"refund": 45, "total": 12345, "currency": "CNY"}
    client.refund("R1", amount, out_trade_no="ORDER-0001")
    # Nobody can wait a day: the books are dated back behind the simulator's back.
    books = sqlite3.connect(wechatpay_simulator.home / "wechatpay" / "ledger.sqlite3")
    with books:
        books.execute("UPDATE orders SET paid_at = paid_at - 86400")
        books.execute(
            "UPDATE refunds SET created_at = created_at - 86400, settled_at = settled_at - 86400"
        )
    books.close()
    return day(-1)


def day(shift: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + (shift * 24 + 8) * 3600))


def test_bill_lists_payment_and_refund_in_yuan(client: WeChatPay, yesterday: str) -> None:
    status, text = client.trade_bill(yesterday)
    answer = json.loads(text)
    assert status == 200
    packed = client.download_bill(answer["download_url"])[1]
    plain = gzip.decompress(packed)
    assert plain.startswith(b"\xef\xbb\xbf")
    assert hashlib.sha1(plain).hexdigest() == answer["hash_value"]
    rows = list(csv.DictReader(io.StringIO(plain.decode("utf-8-sig"))))
    paid, refunded, summary_head, summary = rows
    assert (paid["商户订单号"], paid["应结订单金额"]) == ("`ORDER-0001", "`123.45")
    assert (paid["手续费"], paid["费率"], paid["商品名称"]) == ("`0.74", "`0.60%", "`物业费,一月")
    assert (refunded["商户退款单号"], refunded["申请退款金额"]) == ("`R1", "`0.45")
    assert summary_head["交易时间"] == "总交易单数"
    assert list(summary.values())[:3] == ["`2", "`123.45", "`0.45"]


def test_unpacked_bill(client: WeChatPay, yesterday: str) -> None:
    answer = json.loads(client.trade_bill(yesterday, tar_type="")[1])
    plain = client.download_bill(answer["download_url"])[1]
    assert plain.decode("utf-8-sig").startswith("交易时间,公众账号ID,")


@pytest.mark.parametrize(
    ("date", "code"),
    [("2020-01-01", "NO_STATEMENT_EXIST"), (day(0), "INVALID_REQUEST"), ("1/5", "PARAM_ERROR")],
)
def test_days_without_a_bill(client: WeChatPay, date: str, code: str) -> None:
    status, text = client.trade_bill(date)
    assert (status, json.loads(text)["code"]) == (400, code)


def test_download_address_cannot_be_made_up(client: WeChatPay, yesterday: str) -> None:
    url = json.loads(client.trade_bill(yesterday)[1])["download_url"]
    assert client.download_bill(url[:-1] + "x")[0] == 400
    assert client.download_bill(url.partition("=")[0] + "=")[0] == 400


def test_differences_on_demand(
    client: WeChatPay, yesterday: str, wechatpay_simulator: WeChatPaySimulator
) -> None:
    wechatpay_simulator.faults(bill_amount=["ORDER-0001"], bill_fee=["ORDER-0001"], bill_extra=1)
    answer = json.loads(client.trade_bill(yesterday)[1])
    plain = gzip.decompress(client.download_bill(answer["download_url"])[1])
    paid, refunded, extra, *_summary = csv.DictReader(io.StringIO(plain.decode("utf-8-sig")))
    assert (paid["订单金额"], paid["手续费"]) == ("`124.45", "`0.84")
    assert (refunded["退款金额"], refunded["订单金额"]) == ("`1.45", "`0.00")
    assert extra["商户订单号"].startswith("`X")


def test_a_damaged_file_does_not_fit_its_hash(
    client: WeChatPay, yesterday: str, wechatpay_simulator: WeChatPaySimulator
) -> None:
    wechatpay_simulator.faults(bill_damaged=True)
    answer = json.loads(client.trade_bill(yesterday)[1])
    plain = gzip.decompress(client.download_bill(answer["download_url"])[1])
    assert hashlib.sha1(plain).hexdigest() != answer["hash_value"]
