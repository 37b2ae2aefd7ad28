"""Telling the merchant, again and again until it answers 200 or 204, as WeChat Pay does."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from simulators.database import Database
from simulators.faults import Faults
from simulators.posting import Answer, post
from simulators.web import Refused
from simulators.wechatpay import notifications, orders
from simulators.wechatpay.keys import Keys

# Seconds between tries, from the documentation of the payment notification.
MINUTE, HOUR = 60, 3600
SCHEDULE = (
    *(15, 15, 30, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE),
    *(30 * MINUTE,) * 3,
    *(HOUR, 3 * HOUR, 3 * HOUR, 3 * HOUR, 6 * HOUR, 6 * HOUR),
)
ANSWER_WITHIN = 5  # seconds
# What a new callback does under the switch `callbacks`.
FIRST_STATE = {"deliver": "due", "hold": "held", "lose": "lost"}


class Callbacks:
    """The queue of notifications, in the ledger, and the threads that empty it."""

    def __init__(self, ledger: Database, keys: Keys, faults: Faults) -> None:
        self.ledger = ledger
        self.keys = keys
        self.faults = faults
        self.scale = float(os.environ.get("SIM_CALLBACK_TIME_SCALE", "1"))
        self._stopping = False
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="callback")
        self._thread = threading.Thread(target=self._run, name="callbacks", daemon=True)

    def start(self) -> None:
        """Begin to deliver; what was being sent when the process died is sent again."""
        self.ledger.execute("UPDATE callbacks SET state = 'due' WHERE state = 'sending'")
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self.ledger.wake()
        self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, order: orders.Order, body: bytes, *, url: str, out_refund_no: str = "") -> None:
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

    def send_now(self, order: orders.Order, fault: str, options: dict[str, Any]) -> Answer:
        """One notification outside the queue, spoilt by `fault`. Raises Refused (400)."""
        if fault == "replay":
            headers, body = self._last_sent(order["out_trade_no"])
        elif fault in notifications.FAULTS:
            forgery = notifications.Forgery(self.keys, order, options)
            headers, body = forgery.message(fault)
        else:
            known = ", ".join([*notifications.FAULTS, "replay"])
            raise Refused(400, "PARAM_ERROR", f"No fault {fault!r}; there are {known}")
        url = str(options.get("url", order["notify_url"]))
        return self._send(order["out_trade_no"], url, headers, body, fault=fault or "duplicate")

    def _last_sent(self, out_trade_no: str) -> notifications.Message:
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
        headers, body = notifications.sealed(self.keys, callback["body"])
        with_id = {"callback": callback["id"]}
        answer = self._send(callback["out_trade_no"], callback["url"], headers, body, **with_id)
        tries = callback["tries"] + 1
        if answer.status in {200, 204}:
            state, wait = "delivered", 0.0
        elif tries > len(SCHEDULE):
            state, wait = "given_up", 0.0
        else:
            state, wait = "due", SCHEDULE[tries - 1] * self.scale
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
