"""The merchants that a simulator of a payment provider knows, each with keys of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from simulators.database import Database
from simulators.process import write_account
from simulators.web import Application, Refused, Request, Response, json_response


class Account(Protocol):
    """One merchant's numbers and keys."""

    @property
    def number(self) -> str:
        """What the provider calls it by, in requests and in the ledger."""

    def account(self, address: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""


Keys = TypeVar("Keys", bound=Account)
Values = dict[str, str]


class Merchants(Generic[Keys]):
    """All of them, by number; orders name theirs in the column `merchant`."""

    def __init__(self, keys: list[Keys]) -> None:
        self.first = keys[0]
        self._by_number = {one.number: one for one in keys}

    def __iter__(self) -> Iterator[Keys]:
        return iter(self._by_number.values())

    def find(self, number: str) -> Keys | None:
        return self._by_number.get(number)

    def named(self, number: str) -> Keys:
        """The merchant with this number, the first for none. Raises Refused (404)."""
        keys = self.find(number) if number else self.first
        if keys is None:
            raise Refused(404, "NOT_FOUND", f"No merchant {number}; SIM_MERCHANTS says how many")
        return keys

    def of(self, order: dict[str, object]) -> Keys:
        """Whose order it is; the first's if it is gone from the ledger."""
        return self._by_number.get(str(order.get("merchant", "")), self.first)

    def write(self, home: Path, address: str) -> None:
        """merchant.env and merchant.json, merchant-2.env and so on."""
        for place, keys in enumerate(self, start=1):
            stem = "merchant" if place == 1 else f"merchant-{place}"
            write_account(home, stem, keys.account(address))


def load(home: Path, load_or_make: Callable[[Path, int], Keys]) -> Merchants[Keys]:
    """As many as SIM_MERCHANTS says, one unless it does."""
    count = int(os.environ.get("SIM_MERCHANTS", "1"))
    return Merchants([load_or_make(home, place) for place in range(1, count + 1)])


def folder(home: Path, place: int) -> Path:
    """Where a merchant's keys are: keys, keys-2 and so on."""
    return home / ("keys" if place == 1 else f"keys-{place}")


def add_column(ledger: Database, first: str) -> None:
    """Orders of a ledger from when there was one merchant are the first one's."""
    if not any(column["name"] == "merchant" for column in ledger.rows("PRAGMA table_info(orders)")):
        ledger.execute("ALTER TABLE orders ADD COLUMN merchant TEXT NOT NULL DEFAULT ''")
    ledger.execute("UPDATE orders SET merchant = ? WHERE merchant = ''", first)


def add_key_route(
    application: Application, merchants: Merchants[Keys], steps: dict[str, Callable[[Keys], Values]]
) -> None:
    """POST /control/keys/{step}: a merchant's keys change as they do at the provider; the answer
    are the variables that the portal needs to know."""

    @application.route("POST", "/control/keys/{step}")
    def change(request: Request) -> Response:
        step = steps.get(request.arguments["step"])
        if step is None:
            raise Refused(404, "NOT_FOUND", f"There are the steps {', '.join(steps)}")
        return json_response(step(merchants.named(str(request.json().get("merchant", "")))))
