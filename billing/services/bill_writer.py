"""Writes the bills of a run by COPY: one chunk is computed while the server takes the last one.

Computing keeps this process busy and COPY the server, so the two run side by side. Reading facts
and reserving ids need the same connection and happen between two COPYs. Foreign keys are checked
at once instead of at commit, so that this too happens while the next chunk is computed.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from billing import calculation as calc
from billing.models import Account, Bill, BillRun, Charge
from billing.services.bill_computing import Computation
from core.copying import copy_text, reserve_ids
from core.money import plain_fen, round_half_up

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


class _Keys(NamedTuple):
    """Accounts on record, by unit and payer, and ids for rows to come."""

    accounts: dict[tuple[int, int], int]
    new_accounts: Iterator[int]
    new_bills: Iterator[int]


def write_bills(*, run: BillRun, computation: Computation, issued_at: datetime) -> set[int]:
    """Write accounts, bills and charges of a run; returns the accounts that were there before.

    Must run in a transaction, which does all or nothing.
    """
    writer = _Writer(run, computation, issued_at)
    with connection.cursor() as cursor, ThreadPoolExecutor(max_workers=1) as pool:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        computed = _Rows()
        for units in computation.chunks():
            keys = _keys_for(units)
            copying = pool.submit(computed.copy, cursor)
            computed = writer.rows(units, keys)
            copying.result()
        computed.copy(cursor)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return writer.known_accounts


def _keys_for(units: Sequence[calc.Unit]) -> _Keys:
    found = Account.objects.filter(unit__in=[unit.id for unit in units])
    accounts = {
        (unit, party): pk for pk, unit, party in found.values_list("id", "unit_id", "party_id")
    }
    payers = {(unit.id, payer.party) for unit in units for payer in unit.payers}
    return _Keys(
        accounts,
        iter(reserve_ids(Account, len(payers - accounts.keys()))),
        iter(reserve_ids(Bill, len(payers))),
    )


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
                account = keys.accounts.get((unit.id, party))
                if account is None:
                    account = next(keys.new_accounts)
                    rows.accounts.append(f"{account}\t{self._community}\t{unit.id}\t{party}")
                else:
                    self.known_accounts.add(account)
                bill = next(keys.new_bills)
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
