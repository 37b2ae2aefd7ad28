"""Posting to accounts: what lessens them, and what settles what (核销).

How money arrives is not this room's business: the rooms above post through these functions.
Every function locks the accounts it touches, in the order of their ids, before it reads what is
open; so two payments of one bill settle it once and the second becomes credit. The triggers on the
tables hold the same rules against whoever does not come this way.
"""

import datetime
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from django.db import connection

from billing.models import Account, Allocation, CreditEntry
from billing.services.accounts.locking import lock_accounts
from billing.services.accounts.settling import Choice, Purse, settle_purses, take_back_late_fees
from core.money import ZERO, from_fen, to_fen
from core.sql import id_array

__all__ = [
    "Credit",
    "Kept",
    "Portion",
    "allocate",
    "credit_of",
    "lock_accounts",
    "post_credit",
    "post_credits",
    "settle_with_credit",
    "take_back_late_fees",
    "use_credit",
]

# Accounts whose credit is used in one go: bounds memory.
CHUNK = 10_000


def post_credit(
    *,
    account: Account,
    kind: CreditEntry.Kind,
    amount: Decimal,
    value_date: datetime.date,
    reverses: CreditEntry | None = None,
    takes_from: CreditEntry | None = None,
) -> CreditEntry:
    """Posts a credit entry of `amount` yuan; below zero for a refund or the reversal of an entry.

    A refund of a payment `takes_from` what that brought, so that it settles nothing any more. Must
    run in a transaction. Raises ValueError for an amount with more than two decimals,
    IntegrityError where the sign does not fit the kind or the credit would fall below 0.
    """
    to_fen(amount)
    lock_accounts([account.pk])
    return CreditEntry.objects.create(
        account=account,
        kind=kind,
        amount=amount,
        value_date=value_date,
        reverses=reverses,
        takes_from=takes_from,
    )


@dataclass(frozen=True)
class Portion:
    """So many yuan of a credit, for these bills; None: whatever is open, (): nothing.

    Among the bills, None stands for what is on no bill.
    """

    amount: Decimal
    bill_ids: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Credit:
    """What lessens one account, and how its portions are to settle charges, one after the other."""

    account_id: int
    kind: CreditEntry.Kind
    value_date: datetime.date
    portions: tuple[Portion, ...]

    @property
    def amount(self) -> Decimal:
        return sum((portion.amount for portion in self.portions), ZERO)


def post_credits(credits: Sequence[Credit]) -> list[tuple[CreditEntry, list[Allocation]]]:
    """Posts credits and settles charges with them, in their order; five queries for any number.

    Each portion settles as `allocate` does; what is left over stays as credit of its account. Must
    run in a transaction. Raises as `post_credit`; portions must be above 0.
    """
    lock_accounts(credit.account_id for credit in credits)
    entries = CreditEntry.objects.bulk_create(
        CreditEntry(
            account_id=credit.account_id,
            kind=credit.kind,
            amount=from_fen(to_fen(credit.amount)),
            value_date=credit.value_date,
        )
        for credit in credits
    )
    settled = settle_purses(
        [
            Purse(
                entry,
                tuple(Choice(to_fen(each.amount), each.bill_ids) for each in credit.portions),
            )
            for entry, credit in zip(entries, credits, strict=True)
        ],
        just_paid=True,
    )
    return list(zip(entries, settled, strict=True))


def allocate(
    *,
    credit_entry: CreditEntry,
    amount: Decimal | None = None,
    bill_ids: Collection[int] | None = None,
    charge_ids: Collection[int] | None = None,
) -> list[Allocation]:
    """Settles open charges of the entry's account with what of the entry is unused.

    The payer's choice comes as bills or as charges (lines), an empty choice settling nothing;
    without a choice everything open is in question. Always oldest due date first, within a bill
    principal before late fee, lines in the order of the fee items. At most `amount` yuan is used,
    everything by default. What is left over stays as credit. Must run in a transaction.
    """
    account_id = credit_entry.account_id
    lock_accounts([account_id])
    # A refund of no one payment took part of the account's credit, and no entry knows of it.
    usable = to_fen(credit_of([account_id]).get(account_id, ZERO))
    if amount is not None:
        usable = min(usable, to_fen(amount))
    purses = _purses([credit_entry], {account_id: usable}, bill_ids, charge_ids)
    return [allocation for made in settle_purses(purses) for allocation in made]


@dataclass(frozen=True)
class Kept:
    """Yuan of credit that settles nothing, by account; and of which entries, where one is meant."""

    of_accounts: Mapping[int, Decimal] = field(default_factory=dict)
    of_entries: Mapping[int, Decimal] = field(default_factory=dict)


NOTHING = Kept()


def use_credit(*, account_ids: Iterable[int], charge_ids: Collection[int] | None = None) -> Decimal:
    """Settles open charges of accounts with their credit, oldest first; the yuan used.

    The bill run calls it at issue for all of its accounts: those without credit, nearly all, cost
    one aggregate for thousands and no lock. `charge_ids` are the lines in question, all by default.
    Must run in a transaction.
    """
    used = 0
    for chunk in _chunks(sorted(set(account_ids))):
        made = settle_with_credit(account_ids=chunk, charge_ids=charge_ids)
        used += sum(to_fen(allocation.amount) for each in made.values() for allocation in each)
    return from_fen(used)


def settle_with_credit(
    *,
    account_ids: Collection[int],
    charge_ids: Collection[int] | None = None,
    kept: Kept = NOTHING,
) -> dict[int, list[Allocation]]:
    """As `use_credit`, for a few accounts, with what is not `kept`; by account what was settled.

    Each money counts from its own value date, and so do the late fees of what it settles.
    """
    with_credit = credit_of(account_ids)
    if not with_credit:
        return {}
    lock_accounts(with_credit)
    # Somebody may have used it, or brought more, while we waited for the lock.
    usable = {
        pk: to_fen(amount - kept.of_accounts.get(pk, ZERO))
        for pk, amount in credit_of(with_credit).items()
    }
    entries = CreditEntry.objects.filter(account__in=usable, amount__gt=0)
    purses = _purses(entries, usable, charge_ids=charge_ids, kept=kept.of_entries)
    made: dict[int, list[Allocation]] = {}
    for purse, allocations in zip(purses, settle_purses(purses), strict=True):
        if allocations:
            made.setdefault(purse.entry.account_id, []).extend(allocations)
    return made


# What came in less what of it has settled something; accounts without any left are not named.
_CREDIT = """
    SELECT credited.account_id, credited.total - COALESCE(settled.total, 0)
    FROM (
        SELECT account_id, SUM(amount) AS total FROM billing_creditentry
        WHERE account_id = ANY(%(accounts)s::bigint[]) GROUP BY account_id
    ) credited
    LEFT JOIN (
        SELECT e.account_id, SUM(a.amount) AS total
        FROM billing_allocation a JOIN billing_creditentry e ON e.id = a.credit_entry_id
        WHERE e.account_id = ANY(%(accounts)s::bigint[]) GROUP BY e.account_id
    ) settled ON settled.account_id = credited.account_id
    WHERE credited.total > COALESCE(settled.total, 0)
    ORDER BY credited.account_id
"""


def credit_of(account_ids: Collection[int]) -> dict[int, Decimal]:
    """The unused credit, in yuan, of those of the accounts that have any."""
    with connection.cursor() as cursor:
        cursor.execute(_CREDIT, {"accounts": id_array(account_ids)})
        return dict(cursor.fetchall())


def _purses(
    entries: Iterable[CreditEntry],
    usable: dict[int, int],
    bill_ids: Collection[int] | None = None,
    charge_ids: Collection[int] | None = None,
    kept: Mapping[int, Decimal] = NOTHING.of_entries,
) -> list[Purse]:
    """What of the entries is unused and not `kept` (yuan), oldest first, at most `usable` fen of
    each account.

    An entry that was taken back, as a waiver is with its line, settles nothing more. Neither does
    one that only gives back what a refund took: what brought that money settles with it again, so
    that a payment is known by what it settled.
    """
    ids = [entry.pk for entry in entries]
    unused = (
        CreditEntry.objects.filter(pk__in=ids, amount__gt=0, reversed_by=None, reverses=None)
        .with_unused()
        .order_by("value_date", "pk")
    )
    purses = []
    for entry in unused:
        free = entry.unused - kept.get(entry.pk, ZERO)  # type: ignore[attr-defined]
        fen = min(to_fen(free), usable[entry.account_id])
        if fen > 0:
            usable[entry.account_id] -= fen
            purses.append(Purse(entry, (Choice(fen, bill_ids, charge_ids),)))
    return purses


def _chunks(account_ids: Iterable[int]) -> Iterator[list[int]]:
    ids = iter(account_ids)
    while chunk := list(islice(ids, CHUNK)):
        yield chunk
