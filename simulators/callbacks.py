"""Telling the merchant, again and again until it answers as the provider wants to hear."""

import json
import os
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from simulators.database import Database
from simulators.faults import Faults
from simulators.posting import Answer, post
from simulators.web import Refused

Message = tuple[dict[str, str], bytes]
Order = dict[str, Any]  # with out_trade_no and notify_url at least

MINUTE, HOUR = 60, 3600
ANSWER_WITHIN = 5  # seconds
# What a new callback does under the switch `callbacks`.
FIRST_STATE = {"deliver": "due", "hold": "held", "lose": "lost"}
# A state as pages call it.
STATE_NAMES = {
    "due": "等待通知 Due",
    "sending": "通知中 Sending",
    "held": "已扣住 Held",
    "lost": "已丢失 Lost",
    "delivered": "已送达 Delivered",
    "given_up": "已放弃 Given up",
}
SCHEMA = """
CREATE TABLE IF NOT EXISTS callbacks (
    id INTEGER PRIMARY KEY,
    out_trade_no TEXT NOT NULL,
    out_refund_no TEXT NOT NULL DEFAULT '',
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('due', 'sending', 'held', 'lost', 'delivered', 'given_up')),
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS attempts (
    id INTEGER PRIMARY KEY,
    callback_id INTEGER REFERENCES callbacks,
    out_trade_no TEXT NOT NULL,
    fault TEXT NOT NULL,
    at REAL NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    error TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS callbacks_by_order ON callbacks (out_trade_no);
CREATE INDEX IF NOT EXISTS callbacks_by_time ON callbacks (state, due_at);
"""


def history(ledger: Database) -> dict[str, list[dict[str, Any]]]:
    """Every callback with its tries, and what was sent outside the queue."""
    with ledger.transaction():
        callbacks = ledger.rows(
            "SELECT id, out_trade_no, out_refund_no, url, state, due_at, tries FROM callbacks"
            " ORDER BY id"
        )
        attempts = ledger.rows(
            "SELECT id, callback_id, out_trade_no, fault, at, status, answer, error FROM attempts"
            " ORDER BY id"
        )
    of: dict[int | None, list[dict[str, Any]]] = {}
    for attempt in attempts:
        of.setdefault(attempt["callback_id"], []).append(attempt)
    for callback in callbacks:
        callback["attempts"] = of.get(callback["id"], [])
    return {"callbacks": callbacks, "forgeries": of.get(None, [])}


class Callbacks(ABC):
    """The queue of notifications, in the ledger, and the threads that empty it.

    A provider says what is sent (`message`), how it is spoilt (`forge`), what it wants to hear
    (`heard`) and after how many seconds it tries again (`schedule`).
    """

    schedule: ClassVar[tuple[int, ...]]
    forgeries: ClassVar[tuple[str, ...]]  # the faults that `forge` knows

    def __init__(self, ledger: Database, faults: Faults) -> None:
        self.ledger = ledger
        self.faults = faults
        self.scale = float(os.environ.get("SIM_CALLBACK_TIME_SCALE", "1"))
        self._stopping = False
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="callback")
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    @abstractmethod
    def message(self, order: Order, body: bytes) -> Message:
        """Headers and body of a queued notification, signed now."""

    @abstractmethod
    def forge(self, order: Order, fault: str, options: dict[str, Any]) -> Message:
        """A notification about `order` that is wrong in one way; '' is right."""

    @abstractmethod
    def heard(self, answer: Answer) -> bool:
        """Whether the merchant said that it has understood."""

    def start(self) -> None:
        """Begin to deliver; what was being sent when the process died is sent again."""
        self.ledger.execute("UPDATE callbacks SET state = 'due' WHERE state = 'sending'")
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.ledger.wake()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, order: Order, body: bytes, *, url: str, out_refund_no: str = "") -> None:
        """Queue one notification under the switches that are set now."""
        self.ledger.execute(
            "INSERT INTO callbacks (out_trade_no, out_refund_no, url, body, state, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            order["out_trade_no"],
            out_refund_no,
            url,
            body,
            FIRST_STATE.get(self.faults["callbacks"], "due"),
            time.time() + self.faults["callback_delay"],
        )

    def deliver_all(self, *, reverse: bool = False) -> list[dict[str, Any]]:
        """Send everything that is not delivered, one after the other, now; the answers."""
        direction = "DESC" if reverse else "ASC"
        with self.ledger.transaction():
            waiting = self.ledger.rows(
                "SELECT * FROM callbacks WHERE state IN ('due', 'held', 'lost', 'given_up')"
                f" ORDER BY id {direction}"
            )
            for callback in waiting:
                self._set_state(callback["id"], "sending")
        return [self._try(callback) for callback in waiting]

    def wait(self, out_trade_no: str, *, seconds: float) -> list[dict[str, Any]]:
        """The order's callbacks once there are some and none is on its way.

        Raises Refused (408) when that has not come about after so many seconds.
        """

        def settled() -> list[dict[str, Any]]:
            found = self.ledger.rows(
                "SELECT id, out_refund_no, url, state, tries FROM callbacks"
                " WHERE out_trade_no = ? ORDER BY id",
                out_trade_no,
            )
            return [] if any(one["state"] in {"due", "sending"} for one in found) else found

        found: list[dict[str, Any]] = self.ledger.wait_for(settled, seconds=seconds)
        if not found:
            raise Refused(408, "TIMEOUT", f"The callbacks of {out_trade_no} are not settled")
        return found

    def send_now(self, order: Order, fault: str, options: dict[str, Any]) -> Answer:
        """One notification outside the queue, spoilt by `fault`. Raises Refused (400)."""
        if fault == "replay":
            headers, body = self._last_sent(order["out_trade_no"])
        elif fault in self.forgeries:
            headers, body = self.forge(order, fault, options)
        else:
            known = ", ".join([*self.forgeries, "replay"])
            raise Refused(400, "PARAM_ERROR", f"No fault {fault!r}; there are {known}")
        url = str(options.get("url", order["notify_url"]))
        return self._send(order["out_trade_no"], url, headers, body, fault=fault or "duplicate")

    def _last_sent(self, out_trade_no: str) -> Message:
        last = self.ledger.row(
            "SELECT headers, body FROM attempts WHERE out_trade_no = ? AND fault = ''"
            " ORDER BY id DESC",
            out_trade_no,
        )
        if last is None:
            raise Refused(400, "PARAM_ERROR", "Nothing was sent for this order yet")
        return json.loads(last["headers"]), last["body"]

    def _run(self) -> None:
        while not self._stopping:
            for callback in self._claim():
                self._pool.submit(self._try, callback)
            self.ledger.sleep(self._until_next)

    def _until_next(self) -> float:
        """Seconds until a callback is due; at most a minute."""
        if self._stopping:
            return 0
        row = self.ledger.row("SELECT MIN(due_at) AS due_at FROM callbacks WHERE state = 'due'")
        due = row["due_at"] if row else None
        return MINUTE if due is None else min(max(due - time.time(), 0), MINUTE)

    def _claim(self) -> list[dict[str, Any]]:
        with self.ledger.transaction():
            due = self.ledger.rows(
                "SELECT * FROM callbacks WHERE state = 'due' AND due_at <= ?"
                " ORDER BY due_at LIMIT 64",
                time.time(),
            )
            for callback in due:
                self._set_state(callback["id"], "sending")
        return due

    def _set_state(self, number: int, state: str) -> None:
        self.ledger.execute("UPDATE callbacks SET state = ? WHERE id = ?", state, number)

    def _try(self, callback: dict[str, Any]) -> dict[str, Any]:
        """One try of a queued notification: signed now, noted, and timed for the next."""
        order = self.ledger.row(
            "SELECT * FROM orders WHERE out_trade_no = ?", callback["out_trade_no"]
        )
        headers, body = self.message(order or {}, callback["body"])
        with_id = {"callback": callback["id"]}
        answer = self._send(callback["out_trade_no"], callback["url"], headers, body, **with_id)
        tries = callback["tries"] + 1
        if self.heard(answer):
            state, wait = "delivered", 0.0
        elif tries > len(self.schedule):
            state, wait = "given_up", 0.0
        else:
            state, wait = "due", self.schedule[tries - 1] * self.scale
        self.ledger.execute(
            "UPDATE callbacks SET state = ?, tries = ?, due_at = ? WHERE id = ?",
            state,
            tries,
            time.time() + wait,
            callback["id"],
        )
        return {"id": callback["id"], "status": answer.status, "error": answer.error}

    def _send(
        self,
        out_trade_no: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        *,
        fault: str = "",
        callback: int | None = None,
    ) -> Answer:
        answer = post(url, body, headers, seconds=ANSWER_WITHIN)
        self.ledger.execute(
            "INSERT INTO attempts (callback_id, out_trade_no, fault, at, headers, body, status,"
            " answer, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            callback,
            out_trade_no,
            fault,
            time.time(),
            json.dumps(headers),
            body,
            answer.status,
            answer.body,
            answer.error,
        )
        return answer
