"""Money meets charges: which lines it settles, what late fee it posts, which discount it earns.

`posting.py` calls this with purses: credit entries and what they are for. The accounts are locked.
Accounts whose bills are overdue, or that an early-payment offer is open to, are settled one purse
at a time: the second has to see what the first did. All others are settled together.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from django.db.models import OuterRef, Subquery

from billing.calculation.settlement import Settled, settle
from billing.models import Allocation, Charge, CreditEntry
from billing.services.accounts import early_payment, late_fees
from billing.services.accounts.lessening import Freed, left_of, lessen
from core.money import from_fen, to_fen


@dataclass(frozen=True)
class Choice:
    """So many fen, for these bills or lines; None: whatever is open, (): nothing."""

    fen: int
    bill_ids: Collection[int | None] | None = None  # None among them: on no bill
    charge_ids: Collection[int] | None = None

    def takes(self, line: "Line") -> bool:
        return (self.bill_ids is None or line.bill_id in self.bill_ids) and (
            self.charge_ids is None or line.charge_id in self.charge_ids
        )


@dataclass(frozen=True)
class Purse:
    """A credit entry that is to settle charges of its account, choice after choice."""

    entry: CreditEntry
    choices: tuple[Choice, ...]


@dataclass
class Line:
    """A charge with what of it is open, in fen; a late fee not yet posted has a negative id."""

    charge_id: int
    bill_id: int | None
    due_on: datetime.date
    fen: int
    # Up to when late fee of the bill was posted.
    late_until: datetime.date | None = None


@dataclass
class Book:
    """What one account has open, in the order in which money settles it."""

    lines: list[Line] = field(default_factory=list)
    late_first: bool = False

    def is_overdue(self, purse: Purse) -> bool:
        """Whether late fee may have come together; a counter-entry is no money and posts none."""
        day = purse.entry.value_date
        return purse.entry.charge_id is None and any(
            line.bill_id and line.due_on < day for line in self.lines
        )

    def put(self, bill_id: int, fen: int) -> None:
        """The bill's late fee, before or after its own lines."""
        of_bill = [n for n, line in enumerate(self.lines) if line.bill_id == bill_id]
        place = of_bill[0] if self.late_first else of_bill[-1] + 1
        beside = self.lines[of_bill[0]]
        self.lines.insert(
            place, Line(-bill_id, bill_id, beside.due_on, fen, late_until=beside.late_until)
        )

    def settle(self, purse: Purse) -> list[Settled]:
        """What the purse settles, taken off the lines."""
        settled = []
        for choice in purse.choices:
            lines = {line.charge_id: line for line in self.lines if choice.takes(line)}
            made = settle(
                credits=[(purse.entry.pk, choice.fen)],
                charges=[(line.charge_id, line.fen) for line in lines.values()],
            )
            for one in made:
                lines[one.charge_id].fen -= one.fen
            settled += made
        return settled

    def bills_of(self, settled: Iterable[Settled]) -> dict[int, Line]:
        """A line of each bill that was reached."""
        touched = {one.charge_id for one in settled}
        return {
            line.bill_id: line for line in self.lines if line.charge_id in touched and line.bill_id
        }


def settle_purses(purses: Sequence[Purse], *, just_paid: bool = False) -> list[list[Allocation]]:
    """Settles charges with each purse in order; what each settled. Must run in a transaction.

    `just_paid`: the purses came in at this moment, and are not what was left or freed of others.
    """
    made: list[list[Allocation]] = [[] for _ in purses]
    waiting = list(enumerate(purses))
    while waiting:
        accounts = {purse.entry.account_id for _n, purse in waiting}
        books = open_books(accounts)
        offers = early_payment.open_to(accounts, [purse.entry for _n, purse in waiting])
        now, waiting = _together(waiting, books, offers)
        for (n, _purse), allocations in zip(
            now, _round(now, books, offers, just_paid), strict=True
        ):
            made[n] = allocations
    return made


Numbered = list[tuple[int, Purse]]


def _together(
    waiting: Numbered, books: dict[int, Book], offers: early_payment.Offers
) -> tuple[Numbered, Numbered]:
    """What can be settled in one go, and what has to wait for it."""
    careful = set(offers) | {
        purse.entry.account_id
        for _n, purse in waiting
        if books[purse.entry.account_id].is_overdue(purse)
    }
    now: Numbered = []
    later: Numbered = []
    begun: set[int] = set()
    for n, purse in waiting:
        account_id = purse.entry.account_id
        (later if account_id in begun else now).append((n, purse))
        if account_id in careful:
            begun.add(account_id)
    return now, later


def _round(
    now: Numbered, books: dict[int, Book], offers: early_payment.Offers, just_paid: bool
) -> list[list[Allocation]]:
    late = _late_fees(now, books)
    plans = [books[purse.entry.account_id].settle(purse) for _n, purse in now]
    touched: dict[int, Line] = {}
    behind: set[int] = set()
    for (_n, purse), plan in zip(now, plans, strict=True):
        reached = books[purse.entry.account_id].bills_of(plan)
        touched |= reached
        behind |= {pk for pk, line in reached.items() if _lies_behind(purse, line)}
    posted = late_fees.post(late[pk] for pk in touched if pk in late)
    allocations = iter(_write([one for plan in plans for one in plan], posted))
    made = [[next(allocations) for _one in plan] for plan in plans]
    for _n, purse in now:
        if purse.entry.account_id in offers:
            offered = offers[purse.entry.account_id]
            early_payment.fulfil(purse.entry, offered, just_paid=just_paid)
    take_back_late_fees(behind)
    return made


def _lies_behind(purse: Purse, line: Line) -> bool:
    """Whether late fee was posted up to a later day than the money's."""
    return line.late_until is not None and line.late_until > purse.entry.value_date


def _late_fees(now: Numbered, books: dict[int, Book]) -> dict[int, late_fees.Standing]:
    """The late fees of the bills in question; what is not posted yet is put into the books."""
    days = {
        line.bill_id: purse.entry.value_date
        for _n, purse in now
        if books[purse.entry.account_id].is_overdue(purse)
        for line in books[purse.entry.account_id].lines
        if line.bill_id
    }
    found = late_fees.unposted(days)
    for bill_id, standing in found.items():
        if standing.accrued:
            books[standing.bill.account_id].put(bill_id, to_fen(standing.accrued))
    return found


def open_books(account_ids: Collection[int]) -> dict[int, Book]:
    """By account: its open lines."""
    books: dict[int, Book] = defaultdict(Book)
    late = Charge.objects.filter(bill=OuterRef("bill"), kind=Charge.Kind.LATE_FEE)
    rows = (
        Charge.objects.filter(account__in=account_ids)
        .open()
        .oldest_first()
        .annotate(late_until=Subquery(late.order_by("-ends_on").values("ends_on")[:1]))
    )
    columns = ("account", "late_first", "pk", "bill", "due", "open_amount", "late_until")
    for account_id, late_first, pk, bill_id, due, amount, until in rows.values_list(*columns):
        books[account_id].late_first = late_first
        books[account_id].lines.append(Line(pk, bill_id, due, to_fen(amount), until))
    return books


def _write(plan: list[Settled], posted: dict[int, Charge] | None = None) -> list[Allocation]:
    posted = posted or {}
    return Allocation.objects.bulk_create(
        Allocation(
            credit_entry_id=settled.credit_entry_id,
            charge_id=posted[-settled.charge_id].pk if settled.charge_id < 0 else settled.charge_id,
            amount=from_fen(settled.fen),
        )
        for settled in plan
    )


def take_back_late_fees(bill_ids: Collection[int]) -> None:
    """Takes back what is posted beyond what the days make now; money so freed settles the bill.

    For whoever changes the past of a bill: a dispute, a line taken back. The accounts are locked.
    """
    for excess in late_fees.excesses(bill_ids) if bill_ids else ():
        freed: list[Freed] = []
        left = excess.fen
        charges = Charge.objects.filter(bill=excess.bill_id, kind=Charge.Kind.LATE_FEE)
        for charge in charges.order_by("-ends_on", "-pk"):
            part = min(left, to_fen(left_of(charge)))
            if part > 0:
                lessened = lessen(
                    charge=charge,
                    amount=from_fen(part),
                    kind=CreditEntry.Kind.LATE_BACK,
                    value_date=excess.value_date,
                )
                freed += lessened.freed
                left -= part
        # The payer's money goes to what is still open of the same bill; that may lessen its late
        # fee again, by less each time.
        settle_purses(
            [
                Purse(each.credit_entry, (Choice(each.fen, (excess.bill_id,)),))
                for each in sorted(freed, key=attrgetter("credit_entry.value_date"))
            ]
        )
