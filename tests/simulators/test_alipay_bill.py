"""The daily bill of Alipay's simulator: a zip of GBK files, and its differences on demand."""

import csv
import io
import time
import urllib.request
import zipfile
from urllib.error import HTTPError

import pytest
from alipay import AliPay

from tests.fixtures.simulators import AlipaySimulator
from tests.simulators.test_alipay_gateway import make_client

METHOD = "alipay.data.dataservice.bill.downloadurl.query"
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def client(alipay_simulator: AlipaySimulator) -> AliPay:
    """A day with two payments, one of them partly refunded."""
    client = make_client(alipay_simulator)
    for number, amount in (("A1", "100.00"), ("A2", "0.01")):
        client.api_alipay_trade_precreate("物业费,一月", number, amount)
        alipay_simulator.pay(number, callback=False)
    client.api_alipay_trade_refund("30.00", out_trade_no="A1", out_request_no="R1")
    alipay_simulator.faults(bill_today=True)
    return client


def ask(client: AliPay, day: str = "") -> dict[str, str]:
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600))
    content = {"bill_type": "trade", "bill_date": day or today}
    return dict(client.server_api(METHOD, content))


def files(client: AliPay) -> dict[str, list[str]]:
    with urllib.request.urlopen(ask(client)["bill_download_url"]) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()), metadata_encoding="gbk")
    return {name: archive.read(name).decode("gbk").splitlines() for name in archive.namelist()}


def details(client: AliPay) -> list[dict[str, str]]:
    lines = next(iter(files(client).values()))
    end = next(place for place, line in enumerate(lines) if "列表结束" in line)
    return list(csv.DictReader(lines[4:end]))


def test_details_and_summary(client: AliPay) -> None:
    (name, lines), (other, summary) = files(client).items()
    assert name.endswith("_业务明细.csv")
    assert other.endswith("_业务明细(汇总).csv")
    assert lines[0] == "#支付宝业务明细查询"
    assert summary[-1].startswith("#导出时间：")
    first, _second, back = details(client)
    assert first["商户订单号"] == "A1\t"
    assert (first["业务类型"], first["商家实收（元）"], first["服务费（元）"]) == (
        "交易\t",
        "100.00",
        "-0.60",
    )
    assert (back["业务类型"], back["商家实收（元）"], back["服务费（元）"]) == (
        "退款\t",
        "-30.00",
        "0.18",
    )
    assert back["退款批次号/请求号"] == "R1\t"
    assert "商家实收共100.01元" in "".join(lines)


def test_a_day_without_trades_and_today_have_no_bill(
    client: AliPay, alipay_simulator: AlipaySimulator
) -> None:
    assert ask(client, "2020-01-01")["sub_code"] == "isp.bill_not_exist"
    alipay_simulator.faults(bill_today=False)
    assert ask(client)["sub_code"] == "isp.bill_not_exist"


def test_the_address_is_sealed(client: AliPay) -> None:
    url = ask(client)["bill_download_url"].replace("token=", "token=9")
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(url)
    refused.value.close()
    assert refused.value.code == 403


def test_differences(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    alipay_simulator.faults(bill_missing=["A2"], bill_amount=["A1"], bill_fee=["A1"], bill_extra=2)
    found = details(client)
    assert [line["商家实收（元）"] for line in found] == ["101.00", "-31.00", "100.00", "100.00"]
    assert [line["服务费（元）"] for line in found[:2]] == ["-0.70", "0.28"]
    assert {line["商户订单号"][0] for line in found[2:]} == {"X"}
    alipay_simulator.faults(bill_missing=[], bill_amount=[], bill_twice=["A2"], bill_extra=0)
    assert [line["商户订单号"] for line in details(client)].count("A2\t") == 2


def test_a_damaged_file(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    alipay_simulator.faults(bill_damaged=True)
    with pytest.raises(zipfile.BadZipFile):
        files(client)
