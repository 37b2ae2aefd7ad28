"""Late fees (违约金): what has come together on a bill, and posting it.

What accrued is computed from the rows whenever somebody asks; a charge is posted only when money
settles the bill, or when it is to be waived. Posted is the total so far less what was posted
before, so any number of partial payments together come to what one calculation says: nothing is
ever rounded twice.
"""

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.calculation.late_fee import DAY, LateFee, late_fee
from billing.models import Bill, Charge, FeeItem
from billing.services.accounts.late_fee_facts import LateBill, late_bills
from billing.services.accounts.locking import lock_accounts
from core.money import from_fen

ITEM = "违约金"
# After every fee that a community bills.
POSITION = 9_000


@dataclass(frozen=True)
class Standing:
    """The late fee of a bill on a day, in yuan: computed, posted so far and not yet posted."""

    bill: LateBill
    on: datetime.date
    fee: LateFee

    @property
    def total(self) -> Decimal:
        """All of it up to and including the day, waived or not."""
        return from_fen(max(self.fee.fen, self.bill.standing))

    @property
    def posted(self) -> Decimal:
        return from_fen(self.bill.standing)

    @property
    def accrued(self) -> Decimal:
        """What is to be paid on top of the bill's open lines, were it paid on the day."""
        return from_fen(max(self.fee.fen - self.bill.standing, 0))


def standings(*, bill_ids: Collection[int], on: datetime.date) -> dict[int, Standing]:
    """The late fees of those of the bills that have any; two queries for thousands of bills."""
    found = {
        pk: Standing(bill, on, late_fee(bill.principal, bill.rule, on))
        for pk, bill in late_bills(dict.fromkeys(bill_ids, on)).items()
    }
    return {pk: each for pk, each in found.items() if each.fee.fen or each.bill.posted}


def accrued(*, bill_ids: Collection[int], on: datetime.date) -> dict[int, Decimal]:
    """By bill: the yuan of late fee not posted yet, for the bills that have any."""
    found = standings(bill_ids=bill_ids, on=on)
    return {pk: each.accrued for pk, each in found.items() if each.accrued}


def unposted(days: Mapping[int, datetime.date]) -> dict[int, Standing]:
    """As `standings`, with a day of its own for each bill; bills without late fee included."""
    return {
        pk: Standing(bill, days[pk], late_fee(bill.principal, bill.rule, days[pk]))
        for pk, bill in late_bills(days).items()
    }


def post_late_fees(
    *,
    account_ids: Collection[int],
    on: datetime.date,
    bill_ids: Collection[int] | None = None,
) -> dict[int, Charge]:
    """Posts what accrued up to and including `on`, for all bills of the accounts or for some.

    By bill: the new charge. Doing it twice on a day posts nothing more. Must run in a transaction.
    """
    lock_accounts(account_ids)
    bills = Bill.objects.filter(account__in=account_ids, due_on__lt=on)
    if bill_ids is not None:
        bills = bills.filter(pk__in=bill_ids)
    return post(standings(bill_ids=list(bills.values_list("pk", flat=True)), on=on).values())


def post(standings: Iterable[Standing]) -> dict[int, Charge]:
    """A charge for each that has something accrued, by bill. The accounts are locked."""
    due = [each for each in standings if each.accrued]
    items = late_fee_items({each.bill.community_id for each in due})
    charges = Charge.objects.bulk_create(_charge(each, items) for each in due)
    return {charge.bill_id: charge for charge in charges if charge.bill_id}


def _charge(standing: Standing, items: Mapping[int, FeeItem]) -> Charge:
    bill = standing.bill
    begins = bill.posted_until + DAY if bill.posted_until else standing.fee.starts_on
    return Charge(
        account_id=bill.account_id,
        bill_id=bill.bill_id,
        kind=Charge.Kind.LATE_FEE,
        fee_item=items[bill.community_id],
        # Up to the money's day, which may lie before what was posted earlier.
        starts_on=min(begins or standing.on, standing.on),
        ends_on=standing.on,
        quantity=standing.fee.days,
        factor=1,
        amount=standing.accrued,
    )


def late_fee_items(community_ids: Collection[int]) -> dict[int, FeeItem]:
    """The fee item of late fees in each community, made when it is first needed."""
    if not community_ids:
        return {}
    FeeItem.objects.bulk_create(
        [FeeItem(community_id=pk, name=ITEM, position=POSITION) for pk in community_ids],
        ignore_conflicts=True,
    )
    found = FeeItem.objects.filter(community__in=community_ids, name=ITEM)
    return {item.community_id: item for item in found}


@dataclass(frozen=True)
class Excess:
    """Too much late fee was posted on a bill: so many fen, of these charges."""

    account_id: int
    bill_id: int
    fen: int
    value_date: datetime.date


def excesses(bill_ids: Collection[int]) -> list[Excess]:
    """Where more is posted than the days up to the last posting make, as they are known now.

    Money with an earlier value date, a dispute or a line taken back may have made it so. What was
    waived by approval stays waived: it is not taken back once more.
    """
    far = dict.fromkeys(bill_ids, datetime.date.max)
    found = []
    for bill in late_bills(far).values():
        if not bill.posted_until:
            continue
        right = late_fee(bill.principal, bill.rule, bill.posted_until).fen
        fen = bill.standing - max(right, bill.waived)
        if fen > 0:
            found.append(Excess(bill.account_id, bill.bill_id, fen, bill.posted_until))
    return found
