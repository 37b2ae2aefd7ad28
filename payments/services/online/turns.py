"""How long one sweep goes on: beat rings again, and a worker has other things to do."""

import time

# Less than beat's interval, and with one slow answer more than that far below Celery's time limit,
# which would kill the sweep in the middle.
SECONDS = 9.0


class Turn:
    """The time of one sweep, from now."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + SECONDS

    def lasts(self) -> bool:
        """Whether there is time to begin with one more row."""
        return time.monotonic() < self._ends
