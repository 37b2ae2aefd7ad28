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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, NamedTuple

from scripts.services import PROJECT
from simulators.wechatpay import keys as key_files
from simulators.wechatpay import notifications

AT_A_TIME = 16
EACH = 40  # requests of a client in a round
MOST_TIMES = 2.0


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Times(NamedTuple):
    """Milliseconds for one request while 16 are at it; medians of the rounds."""

    callback: float
    bare: float

    @property
    def ratio(self) -> float:
        return self.callback / self.bare


def measure(*, rounds: int = 5) -> Times:
    """The medians of so many rounds of each, in turns."""
    taken: dict[str, list[float]] = {"callback": [], "bare": []}
    with tempfile.TemporaryDirectory() as home, ExitStack() as servers:
        keys = key_files.load_or_make(Path(home))
        account = keys.account("http://127.0.0.1:9")
        portal = servers.enter_context(_server("config.wsgi", account))
        bare = servers.enter_context(_server("benchmarks.bare.wsgi", {}))
        body = b'{"event_type": "TRANSACTION.SUCCESS", "resource": {}}'
        for number in range(rounds + 1):
            callbacks = [_callback(keys, number, place) for place in range(AT_A_TIME * EACH)]
            one_row = [Request("/bare/", {}, body)] * len(callbacks)
            for name, server, asked in (
                ("bare", bare, one_row),
                ("callback", portal, callbacks),
            ):
                seconds = _ask_all(server, asked)
                if number:  # the first round warms both
                    taken[name].append(seconds / len(asked) * 1000)
        _check(rounds + 1)
    return Times(statistics.median(taken["callback"]), statistics.median(taken["bare"]))


def _callback(keys: key_files.Keys, number: int, place: int) -> Request:
    """A genuine callback as it comes; each has a number of its own."""
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
    headers, body = notifications.sealed(keys, notifications.for_payment(keys, order))
    return Request("/callbacks/wechatpay/", headers, body)


def _check(rounds: int) -> None:
    from payments.models import ProviderEvent

    for provider in ("wechatpay", "bare"):
        kept = ProviderEvent.objects.filter(provider=provider).count()
        if kept != rounds * AT_A_TIME * EACH:
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
            if answer.status != 204:
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
    return (
        f"A callback: {times.callback:.2f} ms, {times.ratio:.2f} times a bare view that inserts a "
        f"row ({times.bare:.2f} ms), {AT_A_TIME} at a time"
    )


def main() -> None:
    from benchmarks.database import benchmark_database

    with benchmark_database():
        times = measure()
    print(told(times))
    if times.ratio > MOST_TIMES:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
