"""The real wechatpayv3 client against the running simulator: orders and refunds."""

import json
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wechatpayv3 import WeChatPay, WeChatPayType

from tests.fixtures.simulators import WeChatPaySimulator
from tests.simulators.conftest import Merchant, make_client

H5_SCENE = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}


def place(client: WeChatPay, number: str = "ORDER-0001", fen: int = 12345, **more: Any) -> Any:
    status, text = client.pay("物业费", number, {"total": fen}, **more)
    return status, json.loads(text)


def query(client: WeChatPay, number: str = "ORDER-0001") -> Any:
    status, text = client.query(out_trade_no=number)
    return status, json.loads(text)


def code(answer: tuple[int, str]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["code"]


def test_native_order_gives_a_code_url_and_waits_for_payment(client: WeChatPay) -> None:
    status, answer = place(client)
    assert status == 200
    assert answer["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert query(client)[1]["trade_state"] == "NOTPAY"


def test_h5_order_gives_a_page_of_the_simulator(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    status, answer = place(client, pay_type=WeChatPayType.H5, scene_info=H5_SCENE)
    assert status == 200
    assert answer["h5_url"].startswith(f"{wechatpay_simulator.url}/cgi-bin/mmpayweb-bin/checkmweb?")


def test_jsapi_order_gives_a_prepay_id(client: WeChatPay) -> None:
    kind = {"pay_type": WeChatPayType.JSAPI, "payer": {"openid": "oUser"}}
    assert place(client, **kind)[1]["prepay_id"].startswith("wx")


def test_paid_order_tells_who_paid_how_much(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client, attach="x")
    wechatpay_simulator.pay("ORDER-0001", openid="oPayer")
    order = query(client)[1]
    assert order["trade_state"] == "SUCCESS"
    assert order["amount"]["payer_total"] == 12345
    assert order["payer"] == {"openid": "oPayer"}
    assert order["attach"] == "x"
    by_transaction = json.loads(client.query(transaction_id=order["transaction_id"])[1])
    assert by_transaction == order


def test_same_order_again_is_the_same_order(client: WeChatPay) -> None:
    assert place(client) == place(client)


@pytest.mark.parametrize("changed", [{"fen": 1}, {"attach": "x"}])
def test_same_number_for_something_else_is_refused(
    client: WeChatPay, changed: dict[str, Any]
) -> None:
    place(client)
    status, answer = place(client, **changed)
    assert (status, answer["code"]) == (403, "OUT_TRADE_NO_USED")


def test_paid_and_closed_orders_cannot_be_placed_again(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    wechatpay_simulator.pay("ORDER-0001")
    assert place(client)[1]["code"] == "ORDERPAID"
    place(client, "ORDER-0002")
    client.close("ORDER-0002")
    assert place(client, "ORDER-0002")[1]["code"] == "ORDER_CLOSED"


def test_close_is_final_and_a_paid_order_cannot_be_closed(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    assert client.close("ORDER-0001")[0] == 204
    assert query(client)[1]["trade_state"] == "CLOSED"
    path = "/control/orders/ORDER-0001/pay"
    assert wechatpay_simulator.raw("POST", path)[0] == 400
    place(client, "ORDER-0002")
    wechatpay_simulator.pay("ORDER-0002")
    assert code(client.close("ORDER-0002")) == (400, "ORDERPAID")


def test_close_says_nothing_about_a_number_it_never_saw(client: WeChatPay) -> None:
    assert client.close("NEVER-SEEN")[0] == 204
    assert query(client, "NEVER-SEEN")[0] == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "short"},
        {"number": "with space"},
        {"fen": 0},
        {"fen": -1},
        {"fen": 1.5},
        {"fen": True},
        {"notify_url": "http://127.0.0.1/notify?x=1"},
        {"time_expire": "tomorrow"},
        {"pay_type": WeChatPayType.H5, "scene_info": {"payer_client_ip": "127.0.0.1"}},
    ],
)
def test_bad_parameters_are_refused(client: WeChatPay, wrong: dict[str, Any]) -> None:
    status, answer = place(client, **wrong)
    assert (status, answer["code"]) == (400, "PARAM_ERROR")


def test_foreign_merchant_and_app_are_refused(client: WeChatPay) -> None:
    assert place(client, mchid="1900000999")[1]["code"] == "MCH_NOT_EXISTS"
    assert place(client, appid="wx9")[1]["code"] == "APPID_MCHID_NOT_MATCH"


def test_unsigned_and_wrongly_signed_requests_are_refused(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant
) -> None:
    path = "/v3/pay/transactions/out-trade-no/ORDER-0001?mchid=1900000109"
    status, text = wechatpay_simulator.raw("GET", path)
    assert (status, json.loads(text)["code"]) == (401, "SIGN_ERROR")
    stranger = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for changed in ({"private_key": stranger.decode()}, {"cert_serial_no": "00"}):
        forger = make_client(wechatpay_simulator, notify_url=merchant.url, **changed)
        assert code(forger.query(out_trade_no="ORDER-0001")) == (401, "SIGN_ERROR")


def test_old_request_is_refused(client: WeChatPay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wechatpayv3.utils.time.time", lambda: 1_000_000_000)
    assert code(client.query(out_trade_no="ORDER-0001")) == (401, "SIGN_ERROR")


def refund(client: WeChatPay, number: str, fen: int, **more: Any) -> tuple[int, Any]:
    amount = {"refund": fen, "total": 12345, "currency": "CNY"} | more.pop("amount", {})
    status, text = client.refund(number, amount, out_trade_no="ORDER-0001", **more)
    return status, json.loads(text)


def test_refund_is_accepted_then_done_and_the_order_says_so(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    wechatpay_simulator.pay("ORDER-0001")
    assert refund(client, "R1", 345)[1]["status"] == "PROCESSING"
    done = json.loads(client.query_refund("R1")[1])
    assert (done["status"], done["amount"]["refund"]) == ("SUCCESS", 345)
    assert query(client)[1]["trade_state"] == "REFUND"


def test_same_refund_number_refunds_once(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    wechatpay_simulator.pay("ORDER-0001")
    first, again = refund(client, "R1", 345), refund(client, "R1", 345)
    assert first[1]["refund_id"] == again[1]["refund_id"]
    assert refund(client, "R1", 346)[1]["code"] == "INVALID_REQUEST"
    assert len(wechatpay_simulator.ledger()["refunds"]) == 1


def test_refunds_cannot_exceed_the_payment(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    assert refund(client, "R0", 1)[1]["code"] == "RESOURCE_NOT_EXISTS"
    wechatpay_simulator.pay("ORDER-0001")
    assert refund(client, "R0", 1, amount={"total": 1})[1]["code"] == "INVALID_REQUEST"
    assert refund(client, "R1", 12000)[0] == 200
    assert refund(client, "R2", 346)[1]["code"] == "INVALID_REQUEST"
    assert refund(client, "R3", 345)[0] == 200
    assert refund(client, "R4", 1)[1]["code"] == "INVALID_REQUEST"
    assert code(client.query_refund("R9")) == (404, "RESOURCE_NOT_EXISTS")


def test_held_refund_ends_as_the_control_says(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    place(client)
    wechatpay_simulator.pay("ORDER-0001")
    wechatpay_simulator.faults(hold_refunds=True)
    refund(client, "R1", 12345)
    assert json.loads(client.query_refund("R1")[1])["status"] == "PROCESSING"
    wechatpay_simulator.post("/control/refunds/R1", status="CLOSED")
    assert json.loads(client.query_refund("R1")[1])["status"] == "CLOSED"
    assert query(client)[1]["trade_state"] == "SUCCESS"
    assert refund(client, "R2", 12345)[0] == 200


def test_failing_server_does_nothing(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    wechatpay_simulator.faults(fail_next=1)
    assert place(client)[1]["code"] == "SYSTEM_ERROR"
    assert wechatpay_simulator.ledger()["orders"] == []
    assert place(client)[0] == 200


def test_connection_cut_after_accepting_leaves_the_order(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    wechatpay_simulator.faults(cut_next=1, match="/native")
    assert query(client)[0] == 404
    with pytest.raises(requests.ConnectionError):
        place(client)
    assert query(client)[1]["trade_state"] == "NOTPAY"


def test_connection_cut_before_accepting_leaves_nothing(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator
) -> None:
    wechatpay_simulator.faults(refuse_next=1)
    with pytest.raises(requests.ConnectionError):
        place(client)
    assert query(client)[0] == 404


def test_slow_server_outlasts_an_impatient_client(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant
) -> None:
    wechatpay_simulator.faults(slow_next=1, slow_seconds=0.5)
    hasty = make_client(wechatpay_simulator, notify_url=merchant.url, timeout=0.1)
    with pytest.raises(requests.Timeout):
        hasty.query(out_trade_no="ORDER-0001")


def test_unknown_switches_are_refused(wechatpay_simulator: WeChatPaySimulator) -> None:
    for values in ({"fail_nxt": 1}, {"fail_next": "1"}, {"callbacks": "maybe"}):
        assert wechatpay_simulator.raw("POST", "/control/faults", values)[0] == 400
