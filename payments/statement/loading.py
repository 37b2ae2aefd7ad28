"""Reads a whole account: four queries for twenty years as for one."""

import datetime
from collections import defaultdict

from django.utils import timezone

from billing.models import Account, Bill, Charge
from core.money import ZERO
from payments.statement.lines import Line, Part, Statement

# Of five tables side by side only what a line says: half the time of everything.
SHOWN = (
    *("kind", "amount", "value_date", "reverses", "account", "created_at"),
    *("posting__payment__method", "posting__payment__receipt__year"),
    *("posting__payment__receipt__number", "posting__payment__receipt__payment"),
    *("refund__entry", "refund__voucher__year", "refund__voucher__number"),
    *("refund__voucher__refund", "refund__voucher__counters"),
    *("adjustment__reason", "charge__starts_on", "charge__ends_on", "charge__fee_item__name"),
)
# Sorts by day and by the moment within it; of one moment charges first, then entries as posted.
Row = tuple[datetime.date, datetime.datetime, int, int, Line]
DAWN = datetime.datetime.min.replace(tzinfo=datetime.UTC)  # of charges whose moment nobody kept


def load_statement(account: Account) -> Statement:
    """Everything on the account; the closing balance is the account's own, from the same rows.

    A bill counts from the day it was issued, money from its value date, a late fee from the last
    day it was computed for, other charges from their first day. Within a day bills and money stand
    as they came, so that a balance that somebody was shown stays what it was.
    """
    rows = [*_charges(account), *_entries(account), *_uses(account)]
    rows.sort(key=lambda row: row[:4])
    balance, lines = ZERO, []
    for *_order, line in rows:
        balance += line.amount
        line.balance = balance
        lines.append(line)
    return Statement(lines=lines)


def _charges(account: Account) -> list[Row]:
    # Plain rows: objects of twenty years would take longer than the database does.
    bills: dict[int, Bill] = account.bills.select_related(
        "run__period", "run__corrects__period"
    ).in_bulk()
    fees: dict[int, list[Part]] = defaultdict(list)
    rows: list[Row] = []
    columns = ("pk", "bill", "kind", "fee_item__name", "starts_on", "ends_on", "amount")
    charges = account.charges.order_by("bill", "fee_item__position", "fee_item", "starts_on", "pk")
    for row in charges.values_list(*columns, "adjustment__reason"):
        pk, bill_id, kind, item, starts_on, ends_on, amount, reason = row
        line = Part(kind, item, starts_on, ends_on, amount, reason or "")
        if bill_id is not None and line.kind != Charge.Kind.LATE_FEE:
            fees[bill_id].append(line)
            continue
        day = line.ends_on if line.kind == Charge.Kind.LATE_FEE else line.starts_on
        bill = bills.get(bill_id or 0)
        rows.append((day, DAWN, 0, pk, Line(day, line.amount, bill=bill, parts=(line,))))
    for bill_id, parts in fees.items():
        bill = bills[bill_id]
        day = timezone.localdate(bill.issued_at)
        amount = sum((part.amount for part in parts), ZERO)
        line_of_bill = Line(day, amount, bill=bill, parts=parts)
        rows.append((day, bill.issued_at, 0, bill_id, line_of_bill))
    return rows


def _entries(account: Account) -> list[Row]:
    entries = account.credit_entries.select_related(
        "posting__payment__receipt", "adjustment", "charge__fee_item", "refund__voucher"
    ).only(*SHOWN)
    rows: list[Row] = []
    for entry in entries:
        posting = getattr(entry, "posting", None)
        receipt = getattr(posting.payment, "receipt", None) if posting else None
        day = entry.value_date
        voucher = getattr(getattr(entry, "refund", None), "voucher", None)
        line = Line(day, -entry.amount, entry=entry, receipt=receipt, voucher=voucher)
        rows.append((day, entry.created_at, 1, entry.pk, line))
    return rows


def _uses(account: Account) -> list[Row]:
    rows: list[Row] = []
    for use in account.credit_uses.all():
        day = timezone.localdate(use.used_at)
        rows.append((day, use.used_at, 2, use.pk, Line(day, ZERO, use=use)))
    return rows
