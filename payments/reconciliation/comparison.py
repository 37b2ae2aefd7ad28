"""Comparing a channel's bill with our books, line by line. Pure: no database, no network."""

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from core.money import FEN
from payments.models import ReconciliationLine
from payments.providers.base import BillLine, LineKind

Kind = ReconciliationLine.Kind
# (payment or refund, order number, refund number or '')
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Difference:
    """What does not fit; amounts in yuan, fees where the kind is FEE."""

    kind: ReconciliationLine.Kind
    key: Key
    ordinal: int = 1
    theirs: Decimal | None = None
    ours: Decimal | None = None
    transaction_id: str = ""
    happened_at: datetime.datetime | None = None


def key_of(line: BillLine) -> Key:
    """What a line of the bill is about."""
    return (line.kind.value, line.out_trade_no, line.out_refund_no)


def compare(
    theirs: Iterable[BillLine], ours: Mapping[Key, Decimal], today: Collection[Key], rate: Decimal
) -> Iterator[Difference]:
    """Every difference between the bill and our books.

    Args:
        theirs: the lines of a day's bill.
        ours: what we have, in yuan: all of the day, and of other days what the bill names.
        today: the keys of `ours` that must be in this day's bill.
        rate: the provider's fee as a share of the amount.
    """
    seen: Counter[Key] = Counter()
    for line in theirs:
        key = key_of(line)
        seen[key] += 1
        found = {"transaction_id": line.transaction_id, "happened_at": line.happened_at}
        if seen[key] > 1:
            yield Difference(Kind.TWICE, key, seen[key], theirs=line.amount, **found)  # type: ignore[arg-type]
        elif key not in ours:
            yield Difference(Kind.NOT_HERE, key, theirs=line.amount, **found)  # type: ignore[arg-type]
        elif ours[key] != line.amount:
            yield Difference(Kind.AMOUNT, key, 1, line.amount, ours[key], **found)  # type: ignore[arg-type]
        if (fee := fee_due(line, rate)) != line.fee:
            yield Difference(Kind.FEE, key, seen[key], line.fee, fee, **found)  # type: ignore[arg-type]
    for key in sorted(set(today) - set(seen)):
        yield Difference(Kind.NOT_THERE, key, ours=ours[key])


def fee_of(amount: Decimal, rate: Decimal, *, refund: bool) -> Decimal:
    """The fee of `amount` yuan, half up to the fen; given back with a refund."""
    fee = (amount * rate).quantize(FEN, rounding=ROUND_HALF_UP)
    return -fee if refund else fee


def fee_due(line: BillLine, rate: Decimal) -> Decimal:
    """A line's fee by the contract's rate, in yuan; the line's own where that is right."""
    fee = fee_of(line.amount, rate, refund=line.kind == LineKind.REFUND)
    return line.fee if abs(fee - line.fee) <= _tolerance(line) else fee


def _tolerance(line: BillLine) -> Decimal:
    """A refund's fee is what was taken less what is due on the rest: a fen off is no error."""
    return FEN if line.kind == LineKind.REFUND else Decimal(0)
