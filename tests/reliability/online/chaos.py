"""What goes wrong: the network and the providers by their fault switches, processes by SIGKILL.

Paced by the stories that come to an end, never by the clock, so that a slow machine suffers as
much as a quick one.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from scripts import processes
from tests.fixtures.simulators import ControlError, PaymentSimulator
from tests.reliability.online.mix import FAULTS, KILLED
from tests.reliability.online.world import World

# The supervisor gives up on what dies young again and again; so would a real one.
LEAST_AGE = 6.0  # seconds
PATHS = {
    "wechatpay": "/control/refunds/{out_refund_no}",
    "alipay": "/control/refunds/{out_trade_no}/{out_request_no}",
}
# What one of our programs, or one of the simulators', is started as.
PROGRAMS = {"web": ("gunicorn",), "worker": ("celery", "worker"), "beat": ("celery", "beat")}
PROGRAMS |= {what: (f"simulators.{what}",) for what in KILLED if what not in PROGRAMS}


class Chaos:
    """One seeded source of trouble."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = random.Random(f"{world.seed}:chaos")
        self.last = time.monotonic()
        self.to_kill = ""

    def strike(self, *, number: int, every: int) -> None:
        """After the `number`th story: a fault, and each so many stories a kill."""
        self._spoil()
        if number % every == every - 1:
            self.to_kill = self.to_kill or self.world.deal("kills", KILLED)
        if self.to_kill and self._kill(self.to_kill):
            self.to_kill = ""
        self.last = time.monotonic()

    def calm(self) -> None:
        """The last fault is over: providers answer again, what they held back stays lost."""
        for name in self.world.simulators:
            self.world.at(name, lambda there: there.request("DELETE", "/control/faults"))
            self._settle_held_refunds(name)
        self.last = time.monotonic()

    # --- the network and the providers --------------------------------------------------------

    def _spoil(self) -> None:
        name = self.chance.choice(sorted(self.world.simulators))
        what = self.world.deal("faults", FAULTS)
        if what in ("fail", "cut", "refuse"):
            self._switch(name, **{f"{what}_next": self.chance.randint(1, 4)})
        elif what in ("slow", "hang"):
            # We wait 8 s for an answer: one is late, the other too late.
            seconds = 2.0 if what == "slow" else 9.0
            count = self.chance.randint(1, 3) if what == "slow" else 1
            self._switch(name, slow_next=count, slow_seconds=seconds)
        elif what in ("hold", "lose"):
            self._switch(name, callbacks=what)
        elif what == "reorder":
            self._switch(name, callbacks="deliver")
            self.world.at(
                name, lambda there: there.post("/control/callbacks/deliver", order="reversed")
            )
        elif what == "keep refunds":
            self._switch(name, hold_refunds=True)
        else:
            self._switch(name, callbacks="deliver", hold_refunds=False)
            self._settle_held_refunds(name)
        self.world.count(f"fault: {what}")

    def _switch(self, name: str, **switches: object) -> None:
        self.world.at(name, lambda there: there.faults(**switches))

    def _settle_held_refunds(self, name: str) -> None:
        """A provider that took its time with refunds gets them done; some fall through."""
        for refund in self.world.at(name, lambda there: there.ledger())["refunds"]:
            if refund["status"] != "PROCESSING":
                continue
            # Of a refund that it does not do, Alipay says nothing: it stays unknown.
            falls_through = name == "wechatpay" and self.chance.random() < 0.2
            status = "CLOSED" if falls_through else "SUCCESS"
            path = PATHS[name].format(**refund)
            try:
                self.world.at(name, partial(PaymentSimulator.post, path=path, status=status))
            except ControlError:
                continue  # done before the line was cut
            self.world.count(f"held refunds: {status}")

    # --- processes ----------------------------------------------------------------------------

    def _kill(self, what: str) -> bool:
        """SIGKILL for a program, or for one of its children; the supervisor starts it again.

        The first time it is the program. False when it is not there, or too young to die again.
        """
        for main in self._mains(what):
            children = [pid for pid in self._pids() if _parent(pid) == main]
            first = not self.world.counted[f"killed: {what}"]
            if not children or first or self.chance.random() < 0.6:
                if _age(main) < LEAST_AGE:
                    return False
                # Its children share its session: none may go on at the same port or queue.
                os.killpg(main, signal.SIGKILL)
                self.world.count(f"killed: {what}")
            else:
                os.kill(self.chance.choice(children), signal.SIGKILL)
                self.world.count(f"killed: a child of {what}")
            return True
        return False

    def _mains(self, what: str) -> Iterator[int]:
        for pid in self._pids():
            words = _words(pid)
            if (
                all(word in words for word in PROGRAMS[what])
                and "scripts.respawn" in _words(_parent(pid))
                and "scripts.respawn" not in words
            ):
                yield pid

    def _pids(self) -> list[int]:
        return processes.carrying(self.world.stack.mark)


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[1]) if stat else 0


def _age(pid: int) -> float:
    """Seconds since a process was started."""
    stat = _stat(pid)
    if not stat:
        return 0.0
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return uptime - int(stat[19]) / os.sysconf("SC_CLK_TCK")
