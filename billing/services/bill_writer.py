"""Writes the bills of a run by COPY: one chunk is computed while the server takes the last one.

Computing keeps this process busy and COPY the server, so the two run side by side. Facts and ids
are asked for between two COPYs, since they need the same connection, but read while the next one
runs. Foreign keys are checked at once instead of at commit, so that this too is done meanwhile.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing import calculation as calc
from billing.models import Account, Bill, BillRun, Charge
from billing.services.bill_computing import Computation
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


# Ids for what may have to be written: an account where there is none yet, and a bill, for each
# payer. The day before the first counts, as in the facts.
_KEYS = """
    SELECT unit_id, party_id, known IS NOT NULL,
        COALESCE(known, nextval(%s::regclass)), nextval(%s::regclass)
    FROM (
        SELECT unit.id AS unit_id, payer.party_id, account.id AS known
        FROM unnest(%s) WITH ORDINALITY AS unit (id, place)
        JOIN community_occupancy payer ON payer.unit_id = unit.id AND payer.is_payer
            AND payer.starts_on <= %s AND COALESCE(payer.ends_on, 'infinity') >= %s::date - 1
        LEFT JOIN billing_account account
            ON account.unit_id = unit.id AND account.party_id = payer.party_id
        GROUP BY unit.place, unit.id, payer.party_id, account.id
        ORDER BY unit.place, MIN(payer.starts_on)
    ) payers
"""


class _Key(NamedTuple):
    """The account of a payer at a unit, whether it is on record, and the id of a bill to come."""

    known: bool
    account: int
    bill: int


_Keys = dict[tuple[int, int], _Key]  # by unit and payer


def write_bills(*, run: BillRun, computation: Computation, issued_at: datetime) -> set[int]:
    """Write accounts, bills and charges of a run; returns the accounts that were there before.

    Must run in a transaction, which does all or nothing.
    """
    writer = _Writer(run, computation, issued_at)
    first, last = computation.days.all
    sequences = sequence_of(Account), sequence_of(Bill)
    with connection.cursor() as cursor, ThreadPoolExecutor(max_workers=1) as pool:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        computed = _Rows()
        for chunk in computation.chunks():
            keys = ask(_KEYS, [*sequences, chunk.ids, last, first])
            copying = pool.submit(computed.copy, cursor)
            computed = writer.rows(chunk.load(), _read_keys(keys))
            copying.result()
        computed.copy(cursor)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    refresh_statistics(Account, Bill, Charge)
    return writer.known_accounts


def _read_keys(asked: CursorWrapper) -> _Keys:
    return {
        (unit, party): _Key(known, account, bill)
        for unit, party, known, account, bill in answer(asked)
    }


class _Writer:
    """Turns units into rows. What the lines of many units have in common is written once."""

    def __init__(self, run: BillRun, computation: Computation, issued_at: datetime) -> None:
        self.computation = computation
        self.known_accounts: set[int] = set()
        self._community = run.period.community_id
        self._bill_middle = f"\t{run.pk}\t{run.due_on}\t"
        self._bill_end = f"\t{issued_at.isoformat()}"
        self._terms: dict[calc.Terms, tuple[str, str]] = {}

    def rows(self, units: Sequence[calc.Unit], keys: _Keys) -> _Rows:
        """The rows of a chunk of units."""
        rows = _Rows()
        for unit in units:
            for party, lines, fen in self.computation.bills(unit):
                known, account, bill = keys[unit.id, party]
                if known:
                    self.known_accounts.add(account)
                else:
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
