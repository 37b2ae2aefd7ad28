"""The world behind a provider: a simulator that is told what to do, a place for callbacks."""

from base64 import b64decode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests


class Catcher:
    """A place for callbacks: keeps the last one."""

    def __init__(self) -> None:
        catcher = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                catcher.last = (dict(self.headers), body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.last: tuple[dict[str, str], bytes] = ({}, b"")
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/callbacks/x/"
        Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()


class TheSimulator:
    """What the contract wants done behind the provider's back."""

    def __init__(self, simulator: Any, catcher: Catcher) -> None:
        self.simulator, self.catcher = simulator, catcher

    def look(self, out_trade_no: str) -> None:
        if hasattr(self.simulator, "look"):
            self.simulator.look(out_trade_no)

    def show_todays_bill(self, *, damaged: bool = False) -> None:
        self.simulator.faults(bill_today=True, bill_damaged=damaged)

    def pay(self, out_trade_no: str) -> None:
        self.simulator.pay(out_trade_no, callback=False)

    def identify(self, address: str) -> dict[str, str]:
        answer = requests.get(address, allow_redirects=False, timeout=10)
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))

    def accepts(self, call: Mapping[str, str]) -> bool:
        status, _text = self.simulator.raw("GET", f"/jsapi/pay?{urlencode(call)}")
        return bool(status == 200)

    def break_once(self, *, done: bool) -> None:
        self.simulator.faults(**{"cut_next" if done else "refuse_next": 1})

    def callback(self, out_trade_no: str, fault: str = "") -> tuple[dict[str, str], bytes]:
        self.simulator.notify(out_trade_no, fault)
        return self.catcher.last


def same_bytes(one: str, other: str) -> bool:
    """Whether two spellings of base64 say the same: its last group has unused bits."""
    try:
        return b64decode(one) == b64decode(other)
    except ValueError:
        return False
