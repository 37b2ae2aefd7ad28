"""Seconds of processor time, which tell more than a clock on a machine that others use too."""

import os
import time
from pathlib import Path

from django.db import connection


def of_server() -> float:
    """What the server's process behind this connection has used; 0 if it runs elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Seconds by the clock, and by the processor of the server and of this process."""

    def __init__(self) -> None:
        self._server, self._own = of_server(), time.process_time()
        self._clock = time.perf_counter()

    def read(self) -> dict[str, float]:
        seconds = time.perf_counter() - self._clock
        return {
            "seconds": seconds,
            "own": time.process_time() - self._own,
            "server": of_server() - self._server,
        }
