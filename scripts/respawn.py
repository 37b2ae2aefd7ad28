"""Run a Python module, and again when it dies: python -m scripts.respawn MODULE [ARGUMENT…].

honcho ends all processes when one of them ends. In a demo a killed worker should come back instead,
as it does under a real service manager.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import FrameType

# A process that dies this young, this often in a row, will not get better by itself.
YOUNG_SECONDS = 5.0
CHANCES = 5


def main(command: list[str]) -> int:
    """Returns the last exit status: after SIGTERM or SIGINT, or when it keeps dying young."""
    child: subprocess.Popen[bytes] | None = None
    asked_to_stop = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        if child is not None and child.poll() is None:
            child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, pass_on)
    died_young = 0
    while True:
        began = time.monotonic()
        # A session of its own: a signal to our group must reach the program once, not twice.
        child = subprocess.Popen([sys.executable, "-m", *command], start_new_session=True)
        if asked_to_stop:
            child.terminate()
        status = child.wait()
        died_young = died_young + 1 if time.monotonic() - began < YOUNG_SECONDS else 0
        if asked_to_stop or died_young >= CHANCES:
            return status
        print(f"{command[0]} ended with status {status}; starting it again", flush=True)
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
