"""Which money settles which charge: pure arithmetic in fen."""

from collections.abc import Iterable
from typing import NamedTuple


class Settled(NamedTuple):
    """So many fen of a credit entry settle so much of a charge."""

    credit_entry_id: int
    charge_id: int
    fen: int


def settle(
    *,
    credits: Iterable[tuple[int, int]],
    charges: Iterable[tuple[int, int]],
    limit: int | None = None,
) -> list[Settled]:
    """Pairs credit entries (id, unused fen) with charges (id, open fen), both in the given order.

    Each charge is settled as far as the money goes before the next one is begun, and each entry is
    used up before the next is touched. `limit` bounds the fen used in all. Entries and charges of
    0 are passed over.
    """
    settled: list[Settled] = []
    purses = list(credits)
    left = sum(fen for _id, fen in purses) if limit is None else limit
    following = iter(purses)
    entry_id, purse = 0, 0
    for charge_id, owed in charges:
        while owed > 0 and left > 0:
            while purse <= 0:
                fresh = next(following, None)
                if fresh is None:
                    return settled
                entry_id, purse = fresh
            fen = min(owed, purse, left)
            settled.append(Settled(entry_id, charge_id, fen))
            owed, purse, left = owed - fen, purse - fen, left - fen
    return settled
