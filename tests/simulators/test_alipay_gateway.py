"""Alipay's simulator through the real client: trades, refunds and their traps."""

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from alipay import AliPay, AliPayException, AliPayValidationError

from tests.fixtures.simulators import AlipaySimulator
from tests.simulators.conftest import Merchant

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def make_client(simulator: AlipaySimulator, **changed: Any) -> AliPay:
    """The real client, pointed at the simulator."""
    account = simulator.account
    arguments = {
        "appid": account["ALIPAY_APP_ID"],
        "app_private_key_string": Path(account["ALIPAY_PRIVATE_KEY_FILE"]).read_text(),
        "alipay_public_key_string": Path(account["ALIPAY_PUBLIC_KEY_FILE"]).read_text(),
    }
    client = AliPay(**(arguments | changed))
    client._gateway = account["ALIPAY_GATEWAY"]
    return client


@pytest.fixture
def client(alipay_simulator: AlipaySimulator) -> AliPay:
    return make_client(alipay_simulator)


def precreate(
    client: AliPay,
    number: str = "A1",
    amount: str = "123.45",
    *,
    subject: str = "物业费 一月",
    **more: Any,
) -> Any:
    return client.api_alipay_trade_precreate(subject, number, amount, **more)


def test_nobody_knows_a_code_before_it_is_scanned(
    client: AliPay, alipay_simulator: AlipaySimulator
) -> None:
    answer = precreate(client)
    assert answer["code"] == "10000"
    assert answer["qr_code"].startswith("https://qr.alipay.com/bax")
    for asked in (client.api_alipay_trade_query, client.api_alipay_trade_close):
        assert asked(out_trade_no="A1")["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    alipay_simulator.look("A1")
    assert client.api_alipay_trade_query(out_trade_no="A1")["trade_status"] == "WAIT_BUYER_PAY"


def test_paid_is_told_with_the_amount(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    precreate(client)
    alipay_simulator.pay("A1", callback=False)
    answer = client.api_alipay_trade_query(out_trade_no="A1")
    assert (answer["trade_status"], answer["total_amount"]) == ("TRADE_SUCCESS", "123.45")
    assert client.api_alipay_trade_query(trade_no=answer["trade_no"]) == answer
    assert precreate(client)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    assert client.api_alipay_trade_close(out_trade_no="A1")["sub_code"] == "ACQ.TRADE_STATUS_ERROR"


def test_closed_stays_closed(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    precreate(client)
    alipay_simulator.look("A1")
    assert client.api_alipay_trade_close(out_trade_no="A1")["code"] == "10000"
    answer = client.api_alipay_trade_query(out_trade_no="A1")
    assert answer["trade_status"] == "TRADE_CLOSED"
    assert "send_pay_date" not in answer
    assert precreate(client)["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_a_trade_keeps_its_amount(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    precreate(client)
    alipay_simulator.look("A1")
    assert precreate(client, amount="1.00")["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"


@pytest.mark.parametrize(
    ("number", "amount", "more"),
    [
        ("A-1", "1.00", {}),
        ("A1", "1.001", {}),
        ("A1", "0", {}),
        ("A1", "1.00", {"subject": "a=b"}),
        ("A1", "1.00", {"time_expire": "2020-01-01 00:00:00"}),
    ],
)
def test_wrong_particulars(client: AliPay, number: str, amount: str, more: dict) -> None:
    assert precreate(client, number, amount, **more)["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_refunds_in_parts_and_whole(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    precreate(client, amount="100.00")
    alipay_simulator.pay("A1", callback=False)

    def refund(amount: str, number: str) -> Any:
        return client.api_alipay_trade_refund(amount, out_trade_no="A1", out_request_no=number)

    first = refund("30.00", "R1")
    assert (first["fund_change"], first["refund_fee"]) == ("Y", "30.00")
    again = refund("30.00", "R1")
    assert (again["fund_change"], again["refund_fee"]) == ("N", "30.00")
    assert refund("31.00", "R1")["sub_code"] == "ACQ.DISCORDANT_REPEAT_REQUEST"
    assert refund("70.01", "R2")["sub_code"] == "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    assert client.api_alipay_trade_query(out_trade_no="A1")["trade_status"] == "TRADE_SUCCESS"
    assert refund("70.00", "R2")["refund_fee"] == "100.00"
    closed = client.api_alipay_trade_query(out_trade_no="A1")
    assert (closed["trade_status"], "send_pay_date" in closed) == ("TRADE_CLOSED", True)
    found = client.api_alipay_trade_fastpay_refund_query("R1", out_trade_no="A1")
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "30.00")


def test_a_refund_that_nobody_asked_for_is_a_success_without_content(
    client: AliPay, alipay_simulator: AlipaySimulator
) -> None:
    precreate(client)
    alipay_simulator.pay("A1", callback=False)
    found = client.api_alipay_trade_fastpay_refund_query("R9", out_trade_no="A1")
    assert found == {"code": "10000", "msg": "Success"}


def test_a_held_refund_moves_later(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    precreate(client)
    alipay_simulator.pay("A1", callback=False)
    alipay_simulator.faults(hold_refunds=True, poor_next=1)
    poor = client.api_alipay_trade_refund("1.00", out_trade_no="A1", out_request_no="R1")
    assert poor["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    held = client.api_alipay_trade_refund("1.00", out_trade_no="A1", out_request_no="R1")
    assert held["fund_change"] == "N"
    assert "refund_status" not in client.api_alipay_trade_fastpay_refund_query(
        "R1", out_trade_no="A1"
    )
    alipay_simulator.post("/control/refunds/A1/R1", status="SUCCESS")
    done = client.api_alipay_trade_fastpay_refund_query("R1", out_trade_no="A1")
    assert done["refund_status"] == "REFUND_SUCCESS"


def test_strangers_are_refused(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    other = make_client(alipay_simulator, appid="2021000000000000")
    with pytest.raises(AliPayException, match="invalid-app-id"):
        other.api_alipay_trade_query(out_trade_no="A1")
    key = (alipay_simulator.home / "alipay" / "keys" / "alipay_private_key.pem").read_text()
    forger = make_client(alipay_simulator, app_private_key_string=key)
    assert forger.api_alipay_trade_query(out_trade_no="A1")["sub_code"] == "isv.invalid-signature"
    public = (alipay_simulator.home / "alipay" / "keys" / "app_public_key.pem").read_text()
    fooled = make_client(alipay_simulator, alipay_public_key_string=public)
    with pytest.raises(AliPayValidationError):
        precreate(fooled)


def test_faults(client: AliPay, alipay_simulator: AlipaySimulator) -> None:
    alipay_simulator.faults(busy_next=1, fail_next=1, match="trade.precreate")
    with pytest.raises(HTTPError) as failure:
        precreate(client)
    failure.value.close()
    assert precreate(client)["code"] == "20000"
    alipay_simulator.faults(cut_next=1)
    with pytest.raises(OSError, match=r"closed|reset"):
        precreate(client)
    assert alipay_simulator.order("A1")["state"] == "ASKED"


def test_a_page_is_paid_and_leads_back(
    client: AliPay, alipay_simulator: AlipaySimulator, merchant: Merchant
) -> None:
    query = client.api_alipay_trade_wap_pay(
        "物业费", "A1", "12.00", return_url="http://127.0.0.1:1/back/", notify_url=merchant.url
    )
    url = f"{alipay_simulator.account['ALIPAY_GATEWAY']}?{query}"
    with urllib.request.urlopen(url) as answer:
        page = answer.read().decode()
        address = answer.url
    assert "12.00" in page
    assert alipay_simulator.order("A1")["state"] == "WAIT_BUYER_PAY"
    token = address.rpartition("=")[2]
    with urllib.request.urlopen(
        f"{alipay_simulator.url}/cashier/pay", f"token={token}".encode()
    ) as answer:
        page = answer.read().decode()
    assert "支付成功" in page
    assert "http://127.0.0.1:1/back/?app_id=" in page
    assert b"TRADE_SUCCESS" in merchant.next().body


def test_a_page_with_a_false_signature_is_refused(
    client: AliPay, alipay_simulator: AlipaySimulator
) -> None:
    query = client.api_alipay_trade_page_pay("物业费", "A1", "12.00").replace("12.00", "0.01")
    status, text = alipay_simulator.raw("GET", f"/gateway.do?{query}")
    assert status == 400
    assert json.loads(text)["code"] == "isv.invalid-signature"
