"""What closes bills on a day: what is open, the late fee of the day, less a discount earned."""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from billing.explanation.late_fees import words_of_late_fee
from billing.models import Bill
from billing.services.accounts.early_payment import Chance, earned_by
from billing.services.accounts.late_fees import accrued, standings
from core.money import ZERO


@dataclass(frozen=True)
class Due:
    """What closes one bill, in yuan: `amount` = open + late fee − discount, never below 0."""

    bill_id: int
    account_id: int
    open: Decimal
    late_fee: Decimal = ZERO
    discount: Decimal = ZERO

    @property
    def amount(self) -> Decimal:
        return self.open + self.late_fee - self.discount


def amounts_due(*, bill_ids: Collection[int], on: datetime.date) -> list[Due]:
    """What closes those of the bills that are open on `on`, oldest due first.

    Paid together on that day they are closed to the fen: where paying them all earns an
    early-payment discount, it is taken off the last of the bills that it is about.
    """
    columns = ("pk", "account_id", "open_amount")
    bills = Bill.objects.filter(pk__in=bill_ids).open().order_by("due_on", "pk")
    rows = list(bills.values_list(*columns))
    late = accrued(bill_ids=[pk for pk, _account, _open in rows], on=on)
    opened = {pk: amount + late.get(pk, ZERO) for pk, _account, amount in rows}
    discounts: dict[int, Decimal] = {}
    for chance in earned_by(bill_ids=list(opened), on=on):
        left = chance.discount
        for pk in reversed(chance.open_bill_ids):
            part = min(left, opened[pk] - discounts.get(pk, ZERO))
            discounts[pk] = discounts.get(pk, ZERO) + part
            left -= part
    return [
        Due(pk, account, amount, late.get(pk, ZERO), discounts.get(pk, ZERO))
        for pk, account, amount in rows
    ]


B = TypeVar("B", bound=Bill)


def with_late_fees(bills: Iterable[B], *, on: datetime.date) -> list[B]:
    """The bills (with `open_amount`) with what pages show of late fees on `on`.

    `late`: the standing or None; `late_fee`: yuan not posted yet; `to_pay`: open + late fee;
    `late_words`: sentences, how all of the late fee came about; `all_lines`: yuan of its lines,
    posted late fees included.
    """
    bills = list(bills)
    found = standings(bill_ids=[bill.pk for bill in bills], on=on)
    for bill in bills:
        late = found.get(bill.pk)
        bill.late = late  # type: ignore[attr-defined]
        bill.late_fee = late.accrued if late else ZERO  # type: ignore[attr-defined]
        bill.to_pay = bill.open_amount + bill.late_fee  # type: ignore[attr-defined]
        bill.all_lines = bill.amount + bill.late_posted  # type: ignore[attr-defined]
        bill.late_words = words_of_late_fee(late) if late else []  # type: ignore[attr-defined]
    return bills


def total_late_fee(bills: Iterable[Bill]) -> Decimal:
    """Σ of the late fees not posted yet of bills that `with_late_fees` has seen, in yuan."""
    return sum((bill.late_fee for bill in bills), ZERO)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Saving:
    """An offer as the pages put it: pay this much by that day and save so much."""

    chance: Chance
    to_pay: Decimal
    bills: tuple[Bill, ...]

    @property
    def bill_ids(self) -> tuple[int, ...]:
        return self.chance.open_bill_ids

    @property
    def saved(self) -> Decimal:
        return self.chance.discount


def savings(bills: Iterable[Bill], *, on: datetime.date) -> list[Saving]:
    """The offers that paying some of these bills (of `with_late_fees`) on `on` would earn."""
    by_number = {bill.pk: bill for bill in bills}
    owed: dict[int, Decimal] = {pk: bill.to_pay for pk, bill in by_number.items()}  # type: ignore[attr-defined]
    return [
        Saving(
            chance,
            max(sum((owed[pk] for pk in chance.open_bill_ids), ZERO) - chance.discount, ZERO),
            tuple(by_number[pk] for pk in chance.open_bill_ids),
        )
        for chance in earned_by(bill_ids=list(owed), on=on)
    ]


def total_of(bills: Iterable[Bill], chosen: Collection[int], saved: Iterable[Saving]) -> Decimal:
    """What closes the chosen bills (of `with_late_fees`), less what paying all of an offer's saves.

    For the eye: what is taken is counted again by `amounts_due`.
    """
    owed = sum((bill.to_pay for bill in bills if bill.pk in chosen), ZERO)  # type: ignore[attr-defined]
    earned = (saving.saved for saving in saved if set(saving.bill_ids) <= set(chosen))
    return max(owed - sum(earned, ZERO), ZERO)
