"""Switches that make a simulator misbehave, set through its control API."""

import threading
from typing import Any

# For each count above zero the next request that matches is spoilt, in this order.
KINDS = ("refuse", "fail", "cut", "slow")
COMMON: dict[str, Any] = {
    "refuse_next": 0,  # the line is cut before anything is done
    "fail_next": 0,  # an error answer, nothing done
    "cut_next": 0,  # done, then the line is cut
    "slow_next": 0,  # done after slow_seconds
    "slow_seconds": 1.0,
    "match": "",  # only requests whose target contains this
}


class Faults:
    """The switches of one simulator: the common ones and its own, with their defaults."""

    def __init__(self, **own: Any) -> None:
        self._defaults = {**COMMON, **own}
        self._values = dict(self._defaults)
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            return self._values[name]

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return dict(self._values)

    def set(self, values: dict[str, Any]) -> None:
        """Set switches by name. Raises ValueError for an unknown name or a wrong type."""
        for name, value in values.items():
            if name not in self._defaults:
                raise ValueError(f"No switch {name}; there are {', '.join(self._defaults)}")
            default = self._defaults[name]
            wanted = (int, float) if isinstance(default, float) else type(default)
            if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(
                default, bool
            ):
                raise ValueError(f"{name} must be like {default!r}")
        with self._lock:
            self._values.update(values)

    def clear(self) -> None:
        with self._lock:
            self._values = dict(self._defaults)

    def take(self, name: str) -> bool:
        """Use up one of a counted switch; whether there was one."""
        with self._lock:
            if self._values[name] <= 0:
                return False
            self._values[name] -= 1
            return True

    def draw(self, target: str) -> str:
        """The fault that this request suffers: refuse, fail, cut, slow or none ('')."""
        if self["match"] not in target:
            return ""
        return next((kind for kind in KINDS if self.take(f"{kind}_next")), "")

    def dawdle(self) -> None:
        self._stopping.wait(self["slow_seconds"])

    def stop(self) -> None:
        """Let nothing dawdle any longer: the process is leaving."""
        self._stopping.set()
