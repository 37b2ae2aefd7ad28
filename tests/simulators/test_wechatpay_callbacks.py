"""Notifications: what the real client makes of true ones, late ones and forged ones."""

import base64
import json
import time
from typing import Any

import pytest
from wechatpayv3 import WeChatPay

from tests.fixtures.simulators import ControlError, WeChatPaySimulator
from tests.simulators.conftest import Merchant, Received, make_client


@pytest.fixture
def order(client: WeChatPay) -> str:
    """An order waiting for payment: its number."""
    client.pay("物业费", "ORDER-0001", {"total": 12345})
    return "ORDER-0001"


def read(client: WeChatPay, received: Received) -> Any:
    """The notification as the client decrypts it; None when it refuses it."""
    return client.callback(received.headers, received.body)


def test_payment_is_told_signed_and_encrypted(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    paid = wechatpay_simulator.pay(order)
    told = read(client, merchant.next())
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    resource = told["resource"]
    assert resource["out_trade_no"] == order
    assert resource["transaction_id"] == paid["transaction_id"]
    assert resource["amount"]["total"] == 12345
    assert (resource["mchid"], resource["appid"]) == ("1900000109", "wx8888888888888888")
    assert resource["trade_state"] == "SUCCESS"
    assert resource == json.loads(client.query(out_trade_no=order)[1]) | resource


def test_ciphertext_hides_the_order(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.pay(order)
    assert order.encode() not in merchant.next().body


def test_told_again_until_the_answer_is_good(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    merchant.answers = [500, 404, 302, 204]
    wechatpay_simulator.pay(order)
    notices = [read(client, merchant.next()) for _ in range(4)]
    assert len({notice["id"] for notice in notices}) == 1
    [callback] = wechatpay_simulator.wait_for_callbacks(order)
    assert (callback["state"], callback["tries"]) == ("delivered", 4)
    [entry] = wechatpay_simulator.ledger()["callbacks"]
    assert [attempt["status"] for attempt in entry["attempts"]] == [500, 404, 302, 204]


def test_refund_is_told(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.pay(order, callback=False)
    amount = {"refund": 45, "total": 12345, "currency": "CNY"}
    client.refund("R1", amount, out_trade_no=order)
    told = read(client, merchant.next())
    assert told["event_type"] == "REFUND.SUCCESS"
    assert told["resource"]["refund_status"] == "SUCCESS"
    assert told["resource"]["amount"]["refund"] == 45


def test_lost_callback_never_comes_until_it_is_delivered_by_hand(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.faults(callbacks="lose")
    wechatpay_simulator.pay(order)
    [callback] = wechatpay_simulator.wait_for_callbacks(order)
    assert callback["state"] == "lost"
    assert merchant.received.empty()
    wechatpay_simulator.post("/control/callbacks/deliver")
    assert read(client, merchant.next())["resource"]["out_trade_no"] == order


def test_held_callbacks_can_be_delivered_in_reverse(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    client.pay("物业费", "ORDER-0002", {"total": 1})
    wechatpay_simulator.faults(callbacks="hold")
    wechatpay_simulator.pay(order)
    wechatpay_simulator.pay("ORDER-0002")
    wechatpay_simulator.post("/control/callbacks/deliver", order="reversed")
    came = [read(client, merchant.next())["resource"]["out_trade_no"] for _ in range(2)]
    assert came == ["ORDER-0002", order]


def test_delayed_callback_waits(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.faults(callback_delay=0.3)
    begin = time.monotonic()
    wechatpay_simulator.pay(order)
    merchant.next()
    assert time.monotonic() - begin >= 0.3


def test_duplicate_is_a_true_notification(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.pay(order)
    first = read(client, merchant.next())
    merchant.answers = [202]
    answer = wechatpay_simulator.notify(order)
    assert answer["status"] == 202
    assert read(client, merchant.next())["resource"] == first["resource"]


def test_replay_is_the_same_bytes(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.pay(order)
    first = merchant.next()
    wechatpay_simulator.wait_for_callbacks(order)
    wechatpay_simulator.notify(order, "replay")
    assert merchant.next() == first


def test_late_one_is_true_but_old(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.notify(order, "late", age=301)
    received = merchant.next()
    assert read(client, received)
    assert time.time() - int(received.headers["Wechatpay-Timestamp"]) >= 301


@pytest.mark.parametrize("fault", ["forged", "bad_signature", "altered", "probe"])
def test_false_signatures_are_refused_by_the_client(
    client: WeChatPay,
    wechatpay_simulator: WeChatPaySimulator,
    merchant: Merchant,
    order: str,
    fault: str,
) -> None:
    wechatpay_simulator.notify(order, fault)
    assert read(client, merchant.next()) is None


def test_wrong_key_cannot_be_decrypted(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.notify(order, "wrong_key")
    assert read(client, merchant.next()) is None


def test_probe_is_marked(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.notify(order, "probe")
    assert merchant.next().headers["Wechatpay-Signature"].startswith("WECHATPAY/SIGNTEST/")


def test_odd_headers_and_bodies(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.notify(order, "no_signature_type")
    assert "Wechatpay-Signature-Type" not in merchant.next().headers
    wechatpay_simulator.notify(order, "unknown_serial")
    serial = merchant.next().headers["Wechatpay-Serial"]
    assert serial != wechatpay_simulator.account["WECHATPAY_PUBLIC_KEY_ID"]
    wechatpay_simulator.notify(order, "not_json")
    assert merchant.next().body == b"<xml>SUCCESS</xml>"


@pytest.mark.parametrize(
    ("fault", "options", "field", "true"),
    [
        ("wrong_amount", {"total": 1}, "amount", 12345),
        ("wrong_merchant", {}, "mchid", "1900000109"),
        ("wrong_app", {}, "appid", "wx8888888888888888"),
        ("unknown_order", {}, "out_trade_no", "ORDER-0001"),
    ],
)
def test_well_signed_lies(
    client: WeChatPay,
    wechatpay_simulator: WeChatPaySimulator,
    merchant: Merchant,
    order: str,
    fault: str,
    options: dict[str, Any],
    field: str,
    true: Any,
) -> None:
    wechatpay_simulator.notify(order, fault, **options)
    resource = read(client, merchant.next())["resource"]
    told = resource[field]["total"] if field == "amount" else resource[field]
    assert told != true


def test_premature_notification_claims_what_the_query_denies(
    client: WeChatPay, wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    wechatpay_simulator.notify(order)
    assert read(client, merchant.next())["resource"]["trade_state"] == "SUCCESS"
    assert json.loads(client.query(out_trade_no=order)[1])["trade_state"] == "NOTPAY"


def test_unknown_fault_is_refused(wechatpay_simulator: WeChatPaySimulator, order: str) -> None:
    with pytest.raises(ControlError, match="wrong_amount"):
        wechatpay_simulator.notify(order, "wrong_amout")


def test_nobody_listening_is_an_error_not_a_crash(
    wechatpay_simulator: WeChatPaySimulator, order: str
) -> None:
    answer = wechatpay_simulator.notify(order, url="http://127.0.0.1:1/notify")
    assert "ConnectionRefusedError" in answer["error"]
    assert "not an http address" in wechatpay_simulator.notify(order, url="ftp://x")["error"]


def test_answer_signature_is_checked_by_the_client(
    wechatpay_simulator: WeChatPaySimulator, merchant: Merchant, order: str
) -> None:
    """The answers are really signed: another platform key in the client refuses them."""
    own_key = wechatpay_simulator.home / "wechatpay" / "keys" / "merchant_public_key.pem"
    client = make_client(
        wechatpay_simulator, notify_url=merchant.url, public_key=own_key.read_text()
    )
    with pytest.raises(Exception, match="failed to verify the signature"):
        client.query(out_trade_no=order)


def test_paysign_material_is_there(wechatpay_simulator: WeChatPaySimulator) -> None:
    """The account file names everything the portal needs, and the key is a PKCS#8 one."""
    account = wechatpay_simulator.account
    assert len(account["WECHATPAY_APIV3_KEY"]) == 32
    assert account["WECHATPAY_PUBLIC_KEY_ID"].startswith("PUB_KEY_ID_")
    with open(account["WECHATPAY_PRIVATE_KEY_FILE"]) as file:
        lines = file.read().splitlines()
    assert lines[0] == "-----BEGIN PRIVATE KEY-----"
    assert len(base64.b64decode("".join(lines[1:-1]))) > 1000
