"""The simulators as processes: they stop politely, survive SIGKILL, and start again."""

import smtplib
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.fixtures.simulators import (
    AlipaySimulator,
    MailboxSimulator,
    Simulator,
    SmsSimulator,
    WeChatPaySimulator,
)
from tests.simulators.conftest import Merchant, make_client

KINDS = [WeChatPaySimulator, AlipaySimulator, SmsSimulator, MailboxSimulator]
Start = Callable[..., Simulator]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulators of this test alone, and ends them after it."""
    started: list[Simulator] = []

    def start(kind: type[Simulator], **environment: str) -> Simulator:
        started.append(kind(tmp_path, **environment).start())
        return started[-1]

    yield start
    for simulator in started:
        simulator.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_stops_politely_with_a_connection_open(start: Start, kind: type[Simulator]) -> None:
    simulator = start(kind)
    host, _, port = simulator.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert simulator.stop() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_says_so_when_the_port_is_taken(start: Start, kind: type[Simulator]) -> None:
    simulator = start(kind)
    environment = {**simulator.environment, "PATH": "", "PYTHONPATH": "."}
    second = subprocess.run(
        [sys.executable, "-m", kind.module],
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert "cannot listen on 127.0.0.1:" in second.stderr


def test_wechatpay_keeps_ledger_and_keys_through_a_crash(start: Start, merchant: Merchant) -> None:
    simulator = start(WeChatPaySimulator)
    assert isinstance(simulator, WeChatPaySimulator)
    client = make_client(simulator, notify_url=merchant.url)
    client.pay("物业费", "ORDER-0001", {"total": 12345})
    simulator.faults(callbacks="hold")
    simulator.pay("ORDER-0001")
    before = simulator.ledger()
    simulator.kill()
    simulator.start()
    assert simulator.ledger() == before
    assert client.query(out_trade_no="ORDER-0001")[0] == 200


def test_wechatpay_delivers_after_a_crash_what_was_due(start: Start, merchant: Merchant) -> None:
    simulator = start(WeChatPaySimulator)
    assert isinstance(simulator, WeChatPaySimulator)
    client = make_client(simulator, notify_url=merchant.url)
    client.pay("物业费", "ORDER-0001", {"total": 12345})
    simulator.faults(callback_delay=3600.0)
    simulator.pay("ORDER-0001")
    simulator.kill()
    # Nobody can wait an hour: the time has come while nobody was there.
    books = sqlite3.connect(simulator.home / "wechatpay" / "ledger.sqlite3")
    with books:
        books.execute("UPDATE callbacks SET due_at = 0")
    books.close()
    assert merchant.received.empty()
    simulator.start()
    assert merchant.next()


def test_wechatpay_sends_again_what_a_crash_interrupted(start: Start, merchant: Merchant) -> None:
    simulator = start(WeChatPaySimulator)
    assert isinstance(simulator, WeChatPaySimulator)
    client = make_client(simulator, notify_url=merchant.url)
    client.pay("物业费", "ORDER-0001", {"total": 12345})
    merchant.at_leisure.clear()
    simulator.pay("ORDER-0001")
    first = merchant.next()
    simulator.kill()
    merchant.at_leisure.set()
    simulator.start()
    assert merchant.next().body == first.body


def test_wechatpay_gives_up_after_the_whole_schedule(start: Start, merchant: Merchant) -> None:
    simulator = start(WeChatPaySimulator, SIM_CALLBACK_TIME_SCALE="0")
    assert isinstance(simulator, WeChatPaySimulator)
    client = make_client(simulator, notify_url=merchant.url)
    client.pay("物业费", "ORDER-0001", {"total": 12345})
    merchant.answers = [500] * 99
    simulator.pay("ORDER-0001")
    [callback] = simulator.wait_for_callbacks("ORDER-0001")
    assert (callback["state"], callback["tries"]) == ("given_up", 16)


def test_mailbox_keeps_mail_through_a_crash(start: Start) -> None:
    simulator = start(MailboxSimulator)
    assert isinstance(simulator, MailboxSimulator)
    message = EmailMessage()
    message["Subject"] = "Kept"
    message.set_content("x")
    with smtplib.SMTP("127.0.0.1", simulator.smtp_port) as smtp:
        smtp.send_message(message, "a@example.com", ["b@example.com"])
    simulator.kill()
    simulator.start()
    assert [found["subject"] for found in simulator.messages()] == ["Kept"]


@pytest.mark.parametrize(
    ("kind", "name"), [(WeChatPaySimulator, "wechatpay"), (SmsSimulator, "aliyun_sms")]
)
def test_env_prints_what_the_portal_needs(tmp_path: Path, kind: type[Simulator], name: str) -> None:
    environment = {**kind(tmp_path).environment, "PYTHONPATH": "."}
    command = [sys.executable, "-m", kind.module, "--env"]
    printed = [
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert printed[0] == printed[1]
    [file] = (tmp_path / name).glob("*.env")
    assert file.read_text() == printed[0]
    assert file.stat().st_mode & 0o777 == 0o600
    assert all("=" in line for line in printed[0].splitlines())
