"""Posting to accounts: what lessens them, and what settles what (核销).

How money arrives is not this room's business: the rooms above post through these functions.
Every function locks the accounts it touches, in the order of their ids, before it reads what is
open; so two payments of one bill settle it once and the second becomes credit. The triggers on the
tables hold the same rules against whoever does not come this way.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from django.db.models import QuerySet, Sum

from billing.calculation.settlement import Settled, settle
from billing.models import Account, Allocation, Charge, CreditEntry
from core.money import ZERO, from_fen, to_fen

# Accounts whose credit is used in one go: bounds memory and the length of a statement.
CHUNK = 2_000


def lock_accounts(account_ids: Iterable[int]) -> None:
    """Locks accounts until the end of the transaction, in the one order that everybody uses.

    NO KEY, as the triggers do: a bill run that only adds charges need not wait.
    """
    list(
        Account.objects.select_for_update(no_key=True)
        .filter(pk__in=set(account_ids))
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def post_credit(
    *,
    account: Account,
    kind: CreditEntry.Kind,
    amount: Decimal,
    value_date: datetime.date,
    reverses: CreditEntry | None = None,
) -> CreditEntry:
    """Posts a credit entry of `amount` yuan; below zero for a refund or the reversal of an entry.

    Must run in a transaction. Raises ValueError for an amount with more than two decimals,
    IntegrityError where the sign does not fit the kind or the credit would fall below 0.
    """
    to_fen(amount)
    lock_accounts([account.pk])
    return CreditEntry.objects.create(
        account=account, kind=kind, amount=amount, value_date=value_date, reverses=reverses
    )


@dataclass(frozen=True)
class Portion:
    """So many yuan of a credit, for these bills; None: whatever is open, (): nothing."""

    amount: Decimal
    bill_ids: tuple[int, ...] | None = None


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
    books = _open_bills({credit.account_id for credit in credits})
    plans = [
        [
            settled
            for portion in credit.portions
            for settled in _settle_portion(entry, portion, books[credit.account_id])
        ]
        for entry, credit in zip(entries, credits, strict=True)
    ]
    written = iter(_write([settled for plan in plans for settled in plan]))
    return [
        (entry, list(islice(written, len(plan))))
        for entry, plan in zip(entries, plans, strict=True)
    ]


def _settle_portion(
    entry: CreditEntry, portion: Portion, book: dict[int, tuple[int | None, int]]
) -> list[Settled]:
    """What a portion settles of `book`, from which it is taken off."""
    wanted = portion.bill_ids
    settled = settle(
        credits=[(entry.pk, to_fen(portion.amount))],
        charges=[
            (charge_id, fen)
            for charge_id, (bill_id, fen) in book.items()
            if wanted is None or bill_id in wanted
        ],
    )
    for one in settled:
        bill_id, fen = book[one.charge_id]
        book[one.charge_id] = (bill_id, fen - one.fen)
    return settled


def _open_bills(account_ids: Collection[int]) -> dict[int, dict[int, tuple[int | None, int]]]:
    """By account: charge → (bill, open fen), in the order in which money settles them."""
    books: dict[int, dict[int, tuple[int | None, int]]] = defaultdict(dict)
    columns = ("account", "pk", "bill", "open_amount")
    rows = Charge.objects.filter(account__in=account_ids).open().oldest_first()
    for account_id, pk, bill_id, amount in rows.values_list(*columns):
        books[account_id][pk] = (bill_id, to_fen(amount))
    return books


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
    lock_accounts([credit_entry.account_id])
    charges = Charge.objects.filter(account=credit_entry.account_id)
    if bill_ids is not None:
        charges = charges.filter(bill__in=bill_ids)
    if charge_ids is not None:
        charges = charges.filter(pk__in=charge_ids)
    account_id = credit_entry.account_id
    # A refund may have taken part of the account's credit, whichever entry that came from.
    usable = credit_of([account_id]).get(account_id, ZERO)
    if amount is not None:
        usable = min(usable, amount)
    plan = settle(
        credits=_unused_entries(CreditEntry.objects.filter(pk=credit_entry.pk))[account_id],
        charges=_open_charges(charges)[account_id],
        limit=to_fen(usable),
    )
    return _write(plan)


def use_credit(*, account_ids: Iterable[int]) -> Decimal:
    """Settles open charges of accounts with their credit, oldest first; the yuan used.

    The bill run calls it at issue for all of its accounts: those without credit, nearly all, cost
    one aggregate for thousands and no lock. Must run in a transaction.
    """
    used = 0
    for chunk in _chunks(sorted(set(account_ids))):
        with_credit = credit_of(chunk)
        if not with_credit:
            continue
        lock_accounts(with_credit)
        # Somebody may have used it, or brought more, while we waited for the lock.
        credit = credit_of(with_credit)
        purses = _unused_entries(CreditEntry.objects.filter(account__in=credit))
        charges = _open_charges(Charge.objects.filter(account__in=credit))
        plan = [
            settled
            for account_id, amount in credit.items()
            for settled in settle(
                credits=purses[account_id], charges=charges[account_id], limit=to_fen(amount)
            )
        ]
        _write(plan)
        used += sum(settled.fen for settled in plan)
    return from_fen(used)


def credit_of(account_ids: Collection[int]) -> dict[int, Decimal]:
    """The unused credit, in yuan, of those of the accounts that have any."""
    credited = _sums(CreditEntry.objects.filter(account__in=account_ids), "account")
    if not credited:
        return {}
    used = _sums(
        Allocation.objects.filter(credit_entry__account__in=list(credited)), "credit_entry__account"
    )
    credit = {pk: total - used.get(pk, ZERO) for pk, total in credited.items()}
    return {pk: amount for pk, amount in sorted(credit.items()) if amount > 0}


def _sums(rows: QuerySet, account: str) -> dict[int, Decimal]:
    return dict(rows.order_by().values_list(account).annotate(total=Sum("amount")))


def _unused_entries(entries: QuerySet) -> dict[int, list[tuple[int, int]]]:
    """By account: (entry, unused fen) of what came in, oldest first."""
    purses: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = entries.filter(amount__gt=0).with_unused().order_by("value_date", "pk")  # type: ignore[attr-defined]
    for account_id, pk, unused in rows.values_list("account", "pk", "unused"):
        purses[account_id].append((pk, to_fen(unused)))
    return purses


def _open_charges(charges: QuerySet) -> dict[int, list[tuple[int, int]]]:
    """By account: (charge, open fen) in the order in which money settles them."""
    opened: dict[int, list[tuple[int, int]]] = defaultdict(list)
    rows = charges.open().oldest_first()  # type: ignore[attr-defined]
    for account_id, pk, amount in rows.values_list("account", "pk", "open_amount"):
        opened[account_id].append((pk, to_fen(amount)))
    return opened


def _write(plan: list[Settled]) -> list[Allocation]:
    return Allocation.objects.bulk_create(
        [
            Allocation(
                credit_entry_id=settled.credit_entry_id,
                charge_id=settled.charge_id,
                amount=from_fen(settled.fen),
            )
            for settled in plan
        ]
    )


def _chunks(account_ids: Iterable[int]) -> Iterator[list[int]]:
    ids = iter(account_ids)
    while chunk := list(islice(ids, CHUNK)):
        yield chunk
