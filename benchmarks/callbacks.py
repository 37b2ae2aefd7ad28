"""A payment provider's callback, against a bare Django view that inserts one row.

Both run under the web server as the portal runs it, in turns, 16 clients at a time, each with its
connection kept open. A callback's signature is verified, its content decrypted, stored under its
number and its worker rung for; nobody works that off here.
"""

import http.client
import os
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, NamedTuple

from scripts.services import PROJECT
from simulators.alipay import keys as alipay_keys
from simulators.alipay import notifications as alipay_notifications
from simulators.wechatpay import keys as wechatpay_keys
from simulators.wechatpay import notifications as wechatpay_notifications

AT_A_TIME = 16
EACH = 40  # requests of a client in a round
MOST_TIMES = 2.0
ANSWERS = {200, 204}
NOWHERE = "http://127.0.0.1:9"  # a provider that nobody asks here
ONE_ROW = b'{"event_type": "TRANSACTION.SUCCESS", "resource": {}}'


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Sender(NamedTuple):
    """A provider: the portal's account there, and callbacks of it, each with a number of its own:
    that of its round and its place in it."""

    provider: str
    account: dict[str, str]
    callback: Callable[[int, int], Request]


class Times(NamedTuple):
    """Milliseconds for one request while 16 are at it, a callback's and a bare view's in turns."""

    provider: str
    callback: list[float]
    bare: list[float]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        return [one / other for one, other in zip(self.callback, self.bare, strict=True)]


def measure(*, rounds: int = 5) -> list[Times]:
    """Those of every provider."""
    with tempfile.TemporaryDirectory() as home, ExitStack() as servers:
        senders = [_wechatpay(Path(home, "wechatpay")), _alipay(Path(home, "alipay"))]
        account = senders[0].account | senders[1].account
        portal = servers.enter_context(_server("config.wsgi", account))
        bare = servers.enter_context(_server("benchmarks.bare.wsgi", {}))
        taken = [Times(sender.provider, [], []) for sender in senders]
        for number in range(rounds + 1):
            for sender, times in zip(senders, taken, strict=True):
                callbacks = [sender.callback(number, place) for place in range(AT_A_TIME * EACH)]
                one_row = [Request("/bare/", {}, ONE_ROW)] * len(callbacks)
                # By turns the first, so that neither always has the quieter half.
                asked = [(times.bare, bare, one_row), (times.callback, portal, callbacks)]
                for milliseconds, server, requests in asked[:: (-1) ** number]:
                    seconds = _ask_all(server, requests)
                    if number:  # the first round warms both
                        milliseconds.append(seconds / len(requests) * 1000)
        _check({sender.provider: rounds + 1 for sender in senders} | {"bare": 2 * (rounds + 1)})
    return taken


def _wechatpay(home: Path) -> Sender:
    keys = wechatpay_keys.load_or_make(home)

    def callback(number: int, place: int) -> Request:
        order = {
            "out_trade_no": f"B{number:07d}{place:08d}",
            "transaction_id": f"42{number:07d}{place:08d}",
            "state": "SUCCESS",
            "trade_type": "NATIVE",
            "attach": "",
            "openid": "o" * 28,
            "total": 30212,
            "paid_at": time.time(),
        }
        told = wechatpay_notifications.for_payment(keys, order)
        headers, body = wechatpay_notifications.sealed(keys, told)
        return Request("/callbacks/wechatpay/", headers, body)

    return Sender("wechatpay", keys.account(NOWHERE), callback)


def _alipay(home: Path) -> Sender:
    keys = alipay_keys.load_or_make(home)

    def callback(number: int, place: int) -> Request:
        trade = {
            "out_trade_no": f"B{number:07d}{place:08d}",
            "trade_no": f"20{number:07d}{place:019d}",
            "buyer_id": "2088000000000000",
            "subject": "物业费",
            "total": 30212,
            "created_at": time.time(),
            "paid_at": time.time(),
        }
        told = alipay_notifications.for_payment(keys, trade)
        headers, body = alipay_notifications.sealed(keys, told)
        return Request("/callbacks/alipay/", headers, body)

    return Sender("alipay", keys.account(NOWHERE), callback)


def _check(rounds: Mapping[str, int]) -> None:
    """Whether every request of so many rounds left its row."""
    from payments.models import ProviderEvent

    for provider, number in rounds.items():
        kept = ProviderEvent.objects.filter(provider=provider).count()
        if kept != number * AT_A_TIME * EACH:
            raise SystemExit(f"{kept} rows of {provider}")


def _ask_all(server: str, requests: Sequence[Request]) -> float:
    """Seconds until every request is answered well; 16 clients share them."""
    start = Barrier(AT_A_TIME + 1)
    wrong: list[Any] = []

    def client(own: Sequence[Request]) -> None:
        connection = http.client.HTTPConnection(server, timeout=30)
        connection.connect()
        start.wait()
        for one in own:
            connection.request("POST", one.path, one.body, one.headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status not in ANSWERS:
                wrong.append(answer.status)
        connection.close()

    threads = [Thread(target=client, args=[requests[i::AT_A_TIME]]) for i in range(AT_A_TIME)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    if wrong:
        raise SystemExit(f"answered with {set(wrong)}")
    return time.perf_counter() - began


@contextmanager
def _server(application: str, account: dict[str, str]) -> Iterator[str]:
    """The address of a web server, started with the words of the Procfile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (line,) = (one for one in (PROJECT / "Procfile").read_text().splitlines() if "gunicorn" in one)
    words = shlex.split(line.replace("$WEB_PORT", str(port)))
    command = [application if word == "config.wsgi" else word for word in words]
    command = command[words.index("gunicorn") :]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT,
            env=os.environ | account,
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"127.0.0.1:{port}", process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connection = http.client.HTTPConnection(address, timeout=5)
            connection.request("GET", "/nowhere/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the web server does not start")


def told(times: Times) -> str:
    """The result in a line."""
    callback, bare = statistics.median(times.callback), statistics.median(times.bare)
    return (
        f"A callback of {times.provider}: {callback:.2f} ms, {times.ratio:.2f} times "
        f"({min(times.ratios):.2f} – {max(times.ratios):.2f}) a bare view that inserts a row "
        f"({bare:.2f} ms), {AT_A_TIME} at a time"
    )


def main() -> None:
    from benchmarks.database import benchmark_database

    with benchmark_database():
        taken = measure()
    for times in taken:
        print(told(times))
    if any(times.ratio > MOST_TIMES for times in taken):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
