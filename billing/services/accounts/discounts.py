"""The entries of early-payment discounts: what an offer gives for which lines, given and undone.

A discount settles lines of its own offer and nothing else, and all of it does: where money was
faster, it takes the money's place and the money is the payer's credit. So no part of a discount is
ever credit that could be paid out, or be left behind when somebody moves out.
"""

import datetime
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from django.db.models import F, OuterRef

from billing.calculation.settlement import settle
from billing.models import Allocation, Charge, CreditEntry, EarlyPaymentOffer
from billing.models.charge import ChargeQuerySet
from billing.services.accounts.lessening import Freed, undo_money
from core.money import from_fen, round_to_fen, to_fen
from core.sql import total_of


def lines_of(offer: EarlyPaymentOffer, account_ids: Collection[int]) -> ChargeQuerySet:
    """The accounts' lines that an offer is about, those taken back too."""
    return Charge.objects.filter(
        account__in=account_ids,
        kind=Charge.Kind.FEE,
        fee_item__in=offer.fee_items.all(),
        starts_on__gte=offer.starts_on,
        ends_on__lte=offer.ends_on,
    )


def with_left(lines: ChargeQuerySet) -> ChargeQuerySet:
    """Annotates `left`: the amount less all that lessens the line by name, in yuan."""
    lessened = total_of(CreditEntry.objects.filter(charge=OuterRef("pk")))
    return lines.annotate(left=F("amount") - lessened)


def percent_of(offer: EarlyPaymentOffer, base: int) -> int:
    """What an offer gives for `base` fen, rounded half up once, in fen."""
    return round_to_fen(Fraction(base, 100) * Fraction(offer.percent) / 100)


def open_fen(lines: ChargeQuerySet) -> list[tuple[int, int]]:
    """What is open of lines, the oldest first, in fen."""
    columns = ("pk", "open_amount")
    rows = lines.open().oldest_first().values_list(*columns)
    return [(pk, to_fen(amount)) for pk, amount in rows]


def give(
    *, account_id: int, fen: int, value_date: datetime.date, charge_ids: Collection[int]
) -> tuple[CreditEntry, Sequence[Freed]]:
    """Posts a discount of `fen` that settles these lines; and the money whose place it took.

    The account is locked by the caller.
    """
    entry = CreditEntry.objects.create(
        account_id=account_id,
        kind=CreditEntry.Kind.DISCOUNT,
        amount=from_fen(fen),
        value_date=value_date,
    )
    lines = Charge.objects.filter(pk__in=charge_ids)
    freed = undo_money(charge_ids, fen - sum(part for _pk, part in open_fen(lines)))
    settle_with([(entry.pk, fen)], open_fen(lines))
    return entry, freed


def settle_with(credits: list[tuple[int, int]], charges: list[tuple[int, int]]) -> None:
    """Settles charges with entries, both with what is left of them in fen."""
    Allocation.objects.bulk_create(
        Allocation(credit_entry_id=entry_id, charge_id=pk, amount=from_fen(part))
        for entry_id, pk, part in settle(credits=credits, charges=charges)
    )


def undo(entries: Iterable[CreditEntry]) -> set[int]:
    """Takes discounts back whole, by negative twins; the lines that they settled."""
    entries = list(entries)
    standing = list(
        Allocation.objects.filter(credit_entry__in=entries, undoes=None, undone_by=None)
    )
    Allocation.objects.bulk_create(
        Allocation(
            credit_entry_id=each.credit_entry_id,
            charge_id=each.charge_id,
            amount=-each.amount,
            undoes=each,
        )
        for each in standing
    )
    CreditEntry.objects.bulk_create(
        CreditEntry(
            account_id=entry.account_id,
            kind=entry.kind,
            amount=-entry.amount,
            value_date=entry.value_date,
            reverses=entry,
        )
        for entry in entries
    )
    return {each.charge_id for each in standing}
