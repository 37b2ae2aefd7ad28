"""What Alipay's simulator tells the merchant, and how it insists."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from alipay import AliPay

from tests.fixtures.simulators import AlipaySimulator
from tests.simulators.test_alipay_gateway import make_client

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class Shop:
    """A merchant's server: keeps what it is told, answers the next of `answers`, then success."""

    def __init__(self) -> None:
        shop = self
        self.told: list[dict[str, str]] = []
        self.answers: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                shop.told.append(dict(parse_qsl(body)))
                self.send_response(200)
                self.end_headers()
                self.wfile.write((shop.answers.pop(0) if shop.answers else "success").encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/notify"


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    thread = threading.Thread(target=shop.server.serve_forever, args=[0.02])
    thread.start()
    yield shop
    shop.server.shutdown()
    thread.join()
    shop.server.server_close()


@pytest.fixture
def client(alipay_simulator: AlipaySimulator, shop: Shop) -> AliPay:
    client = make_client(alipay_simulator)
    client.api_alipay_trade_precreate("物业费", "A1", "12.00", notify_url=shop.url)
    return client


def genuine(client: AliPay, told: dict[str, str]) -> bool:
    parameters = dict(told)
    return bool(client.verify(parameters, parameters.pop("sign")))


def test_paid_is_told_in_a_signed_form(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    alipay_simulator.pay("A1")
    (sent,) = alipay_simulator.wait_for_callbacks("A1")
    (told,) = shop.told
    assert sent["state"] == "delivered"
    assert genuine(client, told)
    assert (told["trade_status"], told["total_amount"]) == ("TRADE_SUCCESS", "12.00")
    account = alipay_simulator.account
    assert told["app_id"] == account["ALIPAY_APP_ID"]
    assert told["seller_id"] == account["ALIPAY_SELLER_ID"]


def test_only_the_word_success_ends_it(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    shop.answers = ["fail", "SUCCESS", "success\n", "success"]
    alipay_simulator.pay("A1")
    (sent,) = alipay_simulator.wait_for_callbacks("A1")
    assert (sent["state"], sent["tries"]) == ("delivered", 4)
    assert len({told["notify_id"] for told in shop.told}) == 1
    assert all(genuine(client, told) for told in shop.told)


def test_it_gives_up_after_eight_tries(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    shop.answers = ["fail"] * 9
    alipay_simulator.pay("A1")
    (sent,) = alipay_simulator.wait_for_callbacks("A1", timeout=30)
    assert (sent["state"], sent["tries"]) == ("given_up", 8)


def test_a_refund_is_told_as_well(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    alipay_simulator.pay("A1", callback=False)
    client.api_alipay_trade_refund("2.00", out_trade_no="A1", out_request_no="R1")
    alipay_simulator.wait_for_callbacks("A1")
    client.api_alipay_trade_refund("10.00", out_trade_no="A1", out_request_no="R2")
    alipay_simulator.wait_for_callbacks("A1")
    part, whole = shop.told
    assert (part["trade_status"], part["refund_fee"]) == ("TRADE_SUCCESS", "2.00")
    assert (whole["trade_status"], whole["refund_fee"]) == ("TRADE_CLOSED", "12.00")
    assert whole["out_biz_no"] == "R2"


@pytest.mark.parametrize("fault", ["", "late", "wrong_amount", "wrong_merchant", "wrong_app"])
def test_these_faults_are_signed_truly(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop, fault: str
) -> None:
    alipay_simulator.notify("A1", fault)
    assert genuine(client, shop.told[0])


@pytest.mark.parametrize("fault", ["forged", "bad_signature", "altered", "added"])
def test_these_faults_are_not(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop, fault: str
) -> None:
    alipay_simulator.notify("A1", fault)
    assert not genuine(client, shop.told[0])


def test_replayed_byte_for_byte(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    alipay_simulator.pay("A1")
    alipay_simulator.wait_for_callbacks("A1")
    alipay_simulator.notify("A1", "replay")
    assert shop.told[0] == shop.told[1]


def test_lost_held_and_reordered(
    client: AliPay, alipay_simulator: AlipaySimulator, shop: Shop
) -> None:
    alipay_simulator.faults(callbacks="lose")
    alipay_simulator.pay("A1")
    client.api_alipay_trade_refund("2.00", out_trade_no="A1", out_request_no="R1")
    assert [one["state"] for one in alipay_simulator.wait_for_callbacks("A1")] == ["lost", "lost"]
    assert shop.told == []
    alipay_simulator.post("/control/callbacks/deliver", order="reversed")
    assert ["refund_fee" in told for told in shop.told] == [True, False]
