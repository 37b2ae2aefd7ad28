"""Find and end our own processes, and never anybody else's.

A process id in a file proves nothing: after a crash or a reboot it may belong to another program.
So a process counts as ours only when the kernel says that it works in our directory under the
expected name, or carries our mark in its environment; and it is signalled through a pidfd, which
cannot come to mean another process between the check and the signal.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

PROC = Path("/proc")
LOADING_SECONDS = 1.0  # a program is loaded in far less
# Processes that this one started and that may outlive it: kept, or Python complains of lost ones.
_children: list[subprocess.Popen[bytes]] = []


def detached(command: list[str], output: BinaryIO, **options: Any) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that it outlives us and our terminal."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    )
    _children.append(child)
    return child


def reap() -> None:
    """Let go of ended processes that this very process started."""
    _children[:] = [child for child in _children if child.poll() is None]


def works_in(pid: int, *, name: str, directory: Path) -> bool:
    """Whether process `pid` runs program `name` with `directory` as its working directory."""
    try:
        if (PROC / str(pid) / "comm").read_text().strip() != name:
            return False
        cwd = PROC / str(pid) / "cwd"
        if str(cwd.readlink()) == f"{directory} (deleted)":
            return True
        return cwd.samefile(directory)
    except (OSError, ValueError):
        return False


def carries(pid: int, mark: str) -> bool:
    """Whether process `pid` was started with `mark` ("NAME=value") in its environment."""
    try:
        return mark.encode() in _environment(pid).split(b"\0") and _stat(pid)[0] not in "ZX"
    except OSError:
        return False


def _environment(pid: int) -> bytes:
    """The environment that process `pid` was started with.

    While a program is being loaded, the kernel shows it without arguments and environment for a
    moment. Whoever takes that for an answer loses sight of a process that has just started.
    """
    deadline = time.monotonic() + LOADING_SECONDS
    loading = True
    while True:
        environment = (PROC / str(pid) / "environ").read_bytes()
        if environment or not loading or time.monotonic() > deadline:
            return environment
        if _stat(pid)[20] == "0":  # no memory: a thread of the kernel, or about to end
            return b""
        # The environment appears just after the arguments: with them there, look once more.
        loading = not (PROC / str(pid) / "cmdline").read_bytes()
        time.sleep(0.001)


def _stat(pid: int) -> list[str]:
    """What the kernel tells of process `pid` after its name: state, parent, ..."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _all_pids() -> Iterator[int]:
    own = os.getpid()
    for entry in PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != own:
            yield int(entry.name)


def working_in(*, name: str, directory: Path) -> list[int]:
    """The processes running program `name` in `directory`."""
    return [pid for pid in _all_pids() if works_in(pid, name=name, directory=directory)]


def carrying(mark: str) -> list[int]:
    """The processes, whatever their session, that carry `mark` in their environment."""
    return [pid for pid in _all_pids() if carries(pid, mark)]


def end(
    pid: int, *, ours: Callable[[int], bool], first: signal.Signals, patience: float = 30.0
) -> None:
    """Send `first` to process `pid` if it is still `ours`, and SIGKILL after `patience` seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not ours(pid):
            return
        for number, wait in ((first, patience), (signal.SIGKILL, 10.0)):
            signal.pidfd_send_signal(handle, number)
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if poll.poll(wait * 1000):
                return
        raise TimeoutError(f"process {pid} does not end")
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def topmost(pids: list[int]) -> list[int]:
    """Those of `pids` whose parent is not among them."""
    return [pid for pid in pids if _parent(pid) not in pids]


def _parent(pid: int) -> int:
    try:
        return int(_stat(pid)[1])
    except OSError:
        return 0


def send(number: signal.Signals, pids: list[int], *, mark: str) -> None:
    """Send a signal to those of `pids` that still carry `mark`."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if carries(pid, mark):
                signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            continue
        finally:
            os.close(handle)


def kill(mark: str) -> None:
    """SIGKILL everything that carries `mark`, and what it may start meanwhile."""

    def gone() -> bool:
        send(signal.SIGKILL, carrying(mark), mark=mark)
        reap()
        return not carrying(mark)

    if not wait_until(gone, seconds=30, every=0.1):
        raise TimeoutError(f"processes do not end: {carrying(mark)}")


def wait_until(check: Callable[[], bool], *, seconds: float, every: float = 0.02) -> bool:
    """Ask `check` until it says yes; False when it has not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
