"""Choose free ports, and tell whose process listens on one."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LISTENING = "0A"  # the kernel's code in /proc/net/tcp


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(wanted: dict[str, int]) -> dict[str, int]:
    """For each name its wanted port, or the next one up that is free and not given away yet."""
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        while port in chosen.values() or not is_free(port):
            port += 1
            if port > 65535:
                raise OSError(f"no free port for {name}")
        chosen[name] = port
    return chosen


def any_free(names: Iterable[str]) -> dict[str, int]:
    """For each name a free port, whichever."""
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    chosen = {name: probe.getsockname()[1] for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return chosen


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """No two starts on this machine choose ports and take them at the same time.

    The lock is on a directory that everybody can open, so no file has to be made for it.
    """
    handle = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def listened_by(pids: Iterable[int]) -> set[int]:
    """The TCP ports of this machine that any of the processes `pids` listens on."""
    ports: dict[str, int] = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except FileNotFoundError:
            continue  # a machine without IPv6
        for line in lines:
            fields = line.split()
            if fields[3] == LISTENING:
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    found = set()
    for pid in pids:
        found |= {ports[target] for target in _open_files(pid) if target in ports}
    return found


def _open_files(pid: int) -> Iterator[str]:
    try:
        handles = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return  # the process has ended
    for handle in handles:
        with suppress(OSError):  # closed meanwhile
            yield str(handle.readlink())
