"""What every bank's export is to the rest of the portal: entries with signed amounts.

A profile knows the columns of one bank and nothing of our database.
"""

import datetime
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core import tables
from core.money import ZERO

# Grouped by thousands or not; a bank may pad with zeros, never with a third decimal.
_AMOUNT = re.compile(r"[-+]?(?:[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{1,2})?")
_MOMENTS = ("%Y%m%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d", "%Y-%m-%d")


@dataclass(frozen=True)
class Entry:
    """A line of a statement: money in is positive, money out negative, in yuan."""

    row: int  # in the file as a spreadsheet shows it
    booked_on: datetime.date
    amount: Decimal
    booked_time: datetime.time | None = None
    serial: str = ""  # the bank's own number, where it gives one
    name: str = ""  # of the other side
    account: str = ""  # of the other side
    summary: str = ""  # the bank's word for what it was (摘要)
    memo: str = ""  # the payer's words (附言, 备注, 用途)
    balance: Decimal | None = None  # yuan, after it


@dataclass(frozen=True)
class StatementFile:
    """A file that was read whole."""

    profile: str
    digest: str  # SHA-256 of the file, hexadecimal
    entries: tuple[Entry, ...]


class Cells:
    """A row by its headers. What cannot be read is noted, so that all of a file is told at once."""

    def __init__(self, row: int, values: dict[str, str], problems: list[tables.BadCell]) -> None:
        self.row, self.values, self.problems = row, values, problems

    def text(self, *headers: str) -> str:
        """What stands in the columns, in this order, on one line of at most 200 characters."""
        found = (self.values.get(header, "") for header in headers)
        return " ".join(" ".join(part.split()) for part in found if part)[:200]

    def yuan(self, header: str) -> Decimal:
        """An amount as banks write it: 1234.5, 1,234.50, -35.00; empty is 0."""
        cell = self.values.get(header, "")
        if not cell:
            return ZERO
        if not _AMOUNT.fullmatch(cell):
            self.refuse(header, _("is not an amount written like 1,234.50"))
            return ZERO
        return Decimal(cell.replace(",", "")).quantize(Decimal("0.01"))

    def moment(self, *headers: str) -> tuple[datetime.date, datetime.time | None]:
        """The day, and the time where the bank gives one, of columns that belong together."""
        cell = " ".join(self.values.get(header, "") for header in headers).strip()
        for form in _MOMENTS:
            try:
                found = datetime.datetime.strptime(cell, form)  # noqa: DTZ007 (no zone: a bank day)
            except ValueError:
                continue
            return found.date(), found.time() if "%H" in form else None
        self.refuse(headers[0], _("is not a day or a time as this bank writes it"))
        return datetime.date.min, None

    def refuse(self, header: str, message: str) -> None:
        cell = self.values.get(header, "")
        self.problems.append(tables.BadCell(self.row, header, cell[:80], message))


class BankProfile(ABC):
    """How one bank writes an account's statement."""

    key: ClassVar[str]
    label: ClassVar[str | Promise]
    # What its header must have; more columns are ignored, their order is free.
    headers: ClassVar[frozenset[str]]

    @abstractmethod
    def entry(self, cells: Cells) -> Entry:
        """The entry of a row; what is wrong with it is noted in `cells`."""
