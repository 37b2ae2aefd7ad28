"""Counter-entries: what lessens one charge and no other, be it open or paid already."""

import datetime
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q, Sum

from billing.models import Adjustment, Allocation, Charge, CreditEntry
from core.money import ZERO, from_fen, to_fen


class MoreThanLeft(Exception):
    """The charge would be lessened by more than it was; carries what is left of it, in yuan."""

    def __init__(self, left: Decimal) -> None:
        super().__init__(f"only {left} yuan are left of the charge")
        self.left = left


@dataclass(frozen=True)
class Freed:
    """Money that settled the charge before and is credit again."""

    credit_entry: CreditEntry
    fen: int


@dataclass(frozen=True)
class Lessened:
    """The counter-entries, and the money that they took the place of."""

    entries: Sequence[CreditEntry]
    freed: Sequence[Freed]


def left_of(charge: Charge) -> Decimal:
    """What of a charge may still be lessened: its amount less all that lessens it by name."""
    taken = CreditEntry.objects.filter(charge=charge).aggregate(total=Sum("amount"))["total"]
    return charge.amount - (taken or ZERO)


def lessen(
    *,
    charge: Charge,
    amount: Decimal,
    kind: CreditEntry.Kind,
    value_date: datetime.date,
    adjustment: Adjustment | None = None,
) -> Lessened:
    """Posts credit entries that name `charge` and settle exactly `amount` yuan of it.

    What is open goes first, with `value_date`. Where the line was paid already the money's
    allocations are undone so far, the latest first, and the money is credit again; the entry in
    its place has the money's own value date, so that no late fee arises for days on which it was
    paid. The account is locked by the caller. Raises MoreThanLeft.
    """
    left = left_of(charge)
    if amount > left:
        raise MoreThanLeft(left)
    open_fen = to_fen(charge.amount) - _settled(charge)
    parts: dict[datetime.date, int] = defaultdict(int)
    if open_fen:
        parts[value_date] = min(open_fen, to_fen(amount))
    freed = undo_money([charge.pk], to_fen(amount) - parts[value_date])
    for each in freed:
        parts[each.credit_entry.value_date] += each.fen
    entries = CreditEntry.objects.bulk_create(
        CreditEntry(
            account_id=charge.account_id,
            kind=kind,
            amount=from_fen(fen),
            value_date=day,
            charge=charge,
            adjustment=adjustment,
        )
        for day, fen in sorted(parts.items())
        if fen
    )
    Allocation.objects.bulk_create(
        Allocation(credit_entry=entry, charge=charge, amount=entry.amount) for entry in entries
    )
    return Lessened(entries, freed)


def _settled(charge: Charge) -> int:
    total = Allocation.objects.filter(charge=charge).aggregate(total=Sum("amount"))["total"]
    return to_fen(total or ZERO)


def undo_money(charge_ids: Collection[int], fen: int) -> list[Freed]:
    """Undoes what credit settled of charges, as far as `fen`, the latest first.

    Money goes before an early-payment discount, which belongs to its lines.
    """
    freed: list[Freed] = []
    written: list[Allocation] = []
    standing = Allocation.objects.filter(
        charge__in=charge_ids, amount__gt=0, undone_by=None, credit_entry__charge=None
    ).alias(is_given=Q(credit_entry__kind=CreditEntry.Kind.DISCOUNT))
    for allocation in standing.select_related("credit_entry").order_by(
        "is_given", "-credit_entry__value_date", "-pk"
    ):
        if fen <= 0:
            break
        whole = to_fen(allocation.amount)
        part = min(whole, fen)
        same = {"credit_entry": allocation.credit_entry, "charge_id": allocation.charge_id}
        # A twin is exact: what stays settled is written anew.
        written.append(Allocation(**same, amount=-allocation.amount, undoes=allocation))
        if part < whole:
            written.append(Allocation(**same, amount=from_fen(whole - part)))
        freed.append(Freed(allocation.credit_entry, part))
        fen -= part
    Allocation.objects.bulk_create(written)
    return freed
