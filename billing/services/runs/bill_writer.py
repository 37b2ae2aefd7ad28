"""Writes the bills of a run by COPY: one chunk is computed while the server takes the last one.

Computing keeps this process busy and COPY the server, so the two run side by side. Facts and ids
are asked for between two COPYs, since they need the same connection, but read while the next one
runs. Foreign keys are checked at once instead of at commit, so that this too is done meanwhile.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from billing import calculation as calc
from billing.models import Account, Bill, BillRun, Charge
from billing.services.runs.bill_computing import Computation
from billing.services.runs.facts import AskedUnits
from core.copying import copy_text, refresh_statistics, sequence_of
from core.money import plain_fen, round_half_up
from core.sql import answer, ask

ACCOUNT_FIELDS = ("id", "community", "unit", "party")
BILL_FIELDS = ("id", "account", "run", "due_on", "amount", "issued_at")
CHARGE_FIELDS = (
    "account",
    "bill",
    "kind",
    "fee_item",
    "tariff",
    "starts_on",
    "ends_on",
    "quantity",
    "unit_price",
    "months",
    "factor",
    "amount",
)


@dataclass
class _Rows:
    """Rows of one chunk in COPY's text format."""

    accounts: list[str] = field(default_factory=list)
    bills: list[str] = field(default_factory=list)
    charges: list[str] = field(default_factory=list)

    def copy(self, cursor: CursorWrapper) -> None:
        for model, fields, rows in (
            (Account, ACCOUNT_FIELDS, self.accounts),
            (Bill, BILL_FIELDS, self.bills),
            (Charge, CHARGE_FIELDS, self.charges),
        ):
            if rows:
                copy_text(cursor, model, fields, "\n".join(rows) + "\n")


# Seconds after which the thread that copies gets Python's lock from the one that computes. It needs
# it for an instant at each end of a COPY, and the server waits meanwhile: by default 0.005 each.
SWITCH_INTERVAL = 0.0005

# By unit and payer. One table and its index: joined, the planner may scan a table that it believes
# to be empty, because it was when the run began, once for every payer.
_KNOWN_ACCOUNTS = """
    SELECT unit_id, party_id, id FROM billing_account WHERE unit_id = ANY(%s::bigint[])
"""
_KnownAccounts = dict[tuple[int, int], int]


class _Ids:
    """Primary keys of rows to come. What a chunk leaves over serves the next."""

    def __init__(self, model: type[models.Model]) -> None:
        self._sequence = sequence_of(model)
        self._asked: CursorWrapper | None = None
        self._free: list[int] = []

    def ask_for(self, count: int) -> None:
        """See to it that so many keys are there at the next `load`."""
        missing = count - len(self._free)
        if missing > 0:
            self._asked = ask(
                "SELECT nextval(%s::regclass) FROM generate_series(1, %s)",
                [self._sequence, missing],
            )

    def load(self) -> None:
        """Take over what was asked for."""
        if self._asked is not None:
            fresh = [pk for (pk,) in answer(self._asked)]
            self._free[:0] = reversed(fresh)
            self._asked = None

    def take(self) -> int:
        """The lowest key that is free."""
        return self._free.pop()


def write_bills(*, run: BillRun, computation: Computation, issued_at: datetime) -> set[int]:
    """Write accounts, bills and charges of a run; returns the accounts that were there before.

    Must run in a transaction, which does all or nothing.
    """
    writer = _Writer(run, computation, issued_at)
    with _quick_switches(), connection.cursor() as cursor, ThreadPoolExecutor(1) as pool:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        computed = _Rows()
        for chunk in computation.chunks():
            writer.ask_for_keys(chunk)
            copying = pool.submit(computed.copy, cursor)
            computed = writer.rows(chunk.load())
            copying.result()
        computed.copy(cursor)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    refresh_statistics(Account, Bill, Charge)
    return writer.known_accounts


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Writer:
    """Turns units into rows. What the lines of many units have in common is written once."""

    def __init__(self, run: BillRun, computation: Computation, issued_at: datetime) -> None:
        self.computation = computation
        self.known_accounts: set[int] = set()
        self._community = run.period.community_id
        self._bill_middle = f"\t{run.pk}\t{run.due_on}\t"
        self._bill_end = f"\t{issued_at.isoformat()}"
        self._terms: dict[calc.Terms, tuple[str, str]] = {}
        self._account_ids, self._bill_ids = _Ids(Account), _Ids(Bill)
        self._asked_accounts: CursorWrapper | None = None

    def ask_for_keys(self, chunk: AskedUnits) -> None:
        """Ask for the accounts of a chunk that are on record, and for keys of rows to come."""
        self._asked_accounts = ask(_KNOWN_ACCOUNTS, [chunk.id_array])
        self._account_ids.ask_for(chunk.most_bills)
        self._bill_ids.ask_for(chunk.most_bills)

    def _load_keys(self) -> _KnownAccounts:
        self._account_ids.load()
        self._bill_ids.load()
        assert self._asked_accounts is not None
        return {(unit, party): pk for unit, party, pk in answer(self._asked_accounts)}

    def rows(self, units: Sequence[calc.Unit]) -> _Rows:
        """The rows of the chunk of units that keys were asked for."""
        known = self._load_keys()
        rows = _Rows()
        for unit in units:
            for party, lines, fen in self.computation.bills(unit):
                bill = self._bill_ids.take()
                account = known.get((unit.id, party))
                if account is not None:
                    self.known_accounts.add(account)
                else:
                    account = self._account_ids.take()
                    rows.accounts.append(f"{account}\t{self._community}\t{unit.id}\t{party}")
                rows.bills.append(
                    f"{bill}\t{account}{self._bill_middle}{plain_fen(fen)}{self._bill_end}"
                )
                for line in lines:
                    start, end = self._written(line.terms)
                    amount = plain_fen(line.fen)
                    rows.charges.append(f"{account}\t{bill}{start}{line.quantity}{end}{amount}")
        return rows

    def _written(self, terms: calc.Terms) -> tuple[str, str]:
        """The columns that lines with these terms share, before and after the quantity."""
        if terms not in self._terms:
            tariff, span = terms.tariff, terms.span
            price = "\\N" if terms.price is None else terms.price
            self._terms[terms] = (
                f"\t{Charge.Kind.FEE.value}\t{tariff.item}\t{tariff.id}"
                f"\t{span.start}\t{span.end}\t",
                f"\t{price}\t{_written_months(terms)}\t{terms.factor}\t",
            )
        return self._terms[terms]


def _written_months(terms: calc.Terms) -> str:
    """Months of a line to 6 decimals, for reading; the amount was computed from the exact ones."""
    if terms.months is None:
        return "\\N"
    millionths = round_half_up(terms.months.numerator * 10**6, terms.months.denominator)
    return f"{millionths // 10**6}.{millionths % 10**6:06}"
