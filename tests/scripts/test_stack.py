"""The whole stack: up in one call, back after kill -9, down without a trace."""

import signal
import urllib.request
from collections.abc import Callable
from contextlib import suppress

import pytest

from scripts import processes
from scripts.services import Instance
from scripts.stack import Stack

pytestmark = pytest.mark.reliability


@pytest.fixture
def stack(monkeypatch):
    """A stack beside the demo's, on servers and ports of its own."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.delenv("REDIS_URL")
    stack = Stack(Instance("stacktest", durable=False), isolated=True)
    yield stack
    stack.reset()


def command_lines(stack: Stack) -> dict[int, str]:
    lines = {}
    for pid in processes.carrying(stack.mark):
        with suppress(FileNotFoundError):  # ended meanwhile
            lines[pid] = (processes.PROC / str(pid) / "cmdline").read_text().replace("\0", " ")
    return lines


def kill(stack: Stack, which: Callable[[str], bool]) -> None:
    pids = [pid for pid, line in command_lines(stack).items() if which(line)]
    assert pids
    processes.send(signal.SIGKILL, pids, mark=stack.mark)


def page(stack: Stack, name: str) -> int:
    with urllib.request.urlopen(stack.address(name), timeout=60) as answer:
        return answer.status


def test_the_stack_comes_up_survives_kill_9_and_leaves_nothing_behind(stack):
    assert stack.start() is True
    for name in (
        "WEB_PORT",
        "SIM_SMS_PORT",
        "SIM_MAILBOX_PORT",
        "SIM_WECHATPAY_PORT",
        "SIM_ALIPAY_PORT",
    ):
        assert page(stack, name) == 200
    assert stack.start() is False, "a second start finds it running"

    kill(stack, lambda line: " gunicorn " in line and "respawn" not in line)
    assert processes.wait_until(lambda: stack.answers(stack.ports()), seconds=180, every=0.2)

    kill(stack, lambda line: " honcho " in line)
    assert command_lines(stack), "what honcho started outlives it"
    stack.stop()
    assert command_lines(stack) == {}
    assert not any(stack.instance.status().values())
