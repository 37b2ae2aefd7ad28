"""The other side of the simulators: the real clients, and a merchant that listens."""

import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType

from tests.fixtures.simulators import WeChatPaySimulator


class Received(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Merchant:
    """An HTTP server that keeps what is posted to it and answers what it is told to."""

    def __init__(self) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        self.answers: list[int] = []  # statuses for the next posts; 200 when there are none
        self.at_leisure = threading.Event()  # cleared: posts are read, but not answered yet
        self.at_leisure.set()
        merchant = self

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1  # an answer that nobody waits for any more fails quietly, at the end

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                merchant.received.put(Received(dict(self.headers), body))
                merchant.at_leisure.wait(10)
                self.send_response(merchant.answers.pop(0) if merchant.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/notify"
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.02])

    def next(self) -> Received:
        return self.received.get(timeout=10)


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    merchant = Merchant()
    merchant.thread.start()
    yield merchant
    merchant.at_leisure.set()
    merchant.server.shutdown()
    merchant.thread.join()
    merchant.server.server_close()


def make_client(simulator: WeChatPaySimulator, *, notify_url: str, **changed: Any) -> WeChatPay:
    """The real client, in public-key mode, pointed at the simulator."""
    account = simulator.account
    arguments = {
        "wechatpay_type": WeChatPayType.NATIVE,
        "mchid": account["WECHATPAY_MCHID"],
        "appid": account["WECHATPAY_APPID"],
        "cert_serial_no": account["WECHATPAY_SERIAL_NO"],
        "private_key": Path(account["WECHATPAY_PRIVATE_KEY_FILE"]).read_text(),
        "apiv3_key": account["WECHATPAY_APIV3_KEY"],
        "public_key": Path(account["WECHATPAY_PUBLIC_KEY_FILE"]).read_text(),
        "public_key_id": account["WECHATPAY_PUBLIC_KEY_ID"],
        "notify_url": notify_url,
        "timeout": 10,
    }
    client = WeChatPay(**(arguments | changed))
    client._core._gate_way = account["WECHATPAY_GATEWAY"]
    return client


@pytest.fixture
def client(wechatpay_simulator: WeChatPaySimulator, merchant: Merchant) -> WeChatPay:
    return make_client(wechatpay_simulator, notify_url=merchant.url)
