"""Bills of each quarter, and payers of six kinds who pay them in their own ways."""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from uuid import UUID

from django.db import connection

from billing.models import Account, Allocation, Bill, Charge, CreditEntry
from billing.services.accounts.late_fees import accrued
from billing.services.runs.bill_run import issue_run
from community.models import Community, User
from core.money import ZERO, round_yuan
from notices.services.campaign import address_chunk
from payments.models import Payment
from payments.services.receiving.record import Received, Share, record_payments
from portal.demo.calendar import Quarter
from portal.demo.files import LI, WANG


@dataclass(frozen=True)
class Habit:
    """How some of a hundred payers pay: in which of six quarters, the newest being 0."""

    share: int
    pays_in: frozenset[int]
    quarters_ahead: int = 0
    part: Decimal = Decimal(1)  # of what is open
    is_late: bool = False


HABITS = {
    "far ahead": Habit(18, frozenset({5}), quarters_ahead=5),
    "yearly": Habit(16, frozenset({5, 1}), quarters_ahead=3),
    "yearly, from the second quarter": Habit(20, frozenset({4, 0}), quarters_ahead=3),
    "half-yearly": Habit(10, frozenset({5, 3, 1}), quarters_ahead=1),
    "quarterly": Habit(22, frozenset({5, 4, 3, 2, 1, 0})),
    "late": Habit(6, frozenset({4, 2, 1}), is_late=True),
    "in part": Habit(5, frozenset({4, 2}), part=Decimal("0.5")),
    "not": Habit(3, frozenset({5})),
    "last two open": Habit(0, frozenset({5, 4, 3, 2})),
}
METHODS = {
    Payment.Method.WECHAT: 60,
    Payment.Method.CASH: 16,
    Payment.Method.TRANSFER: 14,
    Payment.Method.CARD: 10,
}
AT_THE_DESK = {Payment.Method.CASH, Payment.Method.CARD}


@dataclass(frozen=True)
class Intention:
    """A party pays on a day, by a method, as is its habit."""

    day: datetime.date
    party_id: int
    method: Payment.Method
    habit: Habit


class Money:
    """The bills and payments of one community, from the oldest quarter to today."""

    def __init__(self, community: Community, *, clerk: User, manager: User, seed: int) -> None:
        self.community = community
        self.clerk = clerk
        self.manager = manager
        self.random = Random(seed)
        self.habits = dict(self._habits())

    def _habits(self) -> Iterator[tuple[int, Habit]]:
        known = {WANG.phone: "last two open", LI.phone: "not"}
        shares = [habit.share for habit in HABITS.values()]
        for pk, phone in self.community.parties.order_by("pk").values_list("pk", "phone"):
            [drawn] = self.random.choices(list(HABITS), weights=shares)
            yield pk, HABITS[known.get(phone, drawn)]

    def bill_and_collect(self, quarters: Sequence[Quarter]) -> None:
        for age, quarter in zip(range(len(quarters) - 1, -1, -1), quarters, strict=True):
            done = issue_run(
                community=self.community,
                starts_on=quarter.starts_on,
                ends_on=quarter.ends_on,
                due_on=quarter.due_on,
                by=self.manager,
            )
            while not address_chunk(campaign_id=done.run.campaign.pk):
                pass
            _analyze()
            intentions = sorted(self._intentions(quarter, age), key=lambda one: one.day)
            received = [self._received(intention) for intention in intentions]
            record_payments(community=self.community, received=received)

    def _intentions(self, quarter: Quarter, age: int) -> Iterator[Intention]:
        for party_id in self.parties_with_open_bills():
            # A new owner is on the register only from his day on.
            habit = self.habits.setdefault(party_id, HABITS["quarterly"])
            if age in habit.pays_in:
                day = self._day(quarter, habit)
                [method] = self.random.choices(list(METHODS), weights=list(METHODS.values()))
                if day <= quarter.today:
                    yield Intention(day, party_id, method, habit)

    def _day(self, quarter: Quarter, habit: Habit) -> datetime.date:
        if habit.is_late:
            wait = self.random.randint(45, 75)
        elif quarter.is_last:  # most of those who pay in time have paid by now, some today
            since = (quarter.today - quarter.issued_on).days
            wait = self.random.choice([self.random.randint(0, since + 8), since])
        else:
            wait = self.random.randint(1, 38)
        return quarter.issued_on + datetime.timedelta(days=wait)

    def parties_with_open_bills(self) -> list[int]:
        bills = Bill.objects.filter(account__community=self.community).open()
        self.open: dict[int, dict[int, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
        self.due: dict[int, dict[int, tuple[int, datetime.date]]] = defaultdict(dict)
        columns = ("pk", "due_on", "account__party_id", "account_id", "open_amount")
        for bill_id, due_on, party_id, account_id, amount in bills.values_list(*columns):
            self.open[party_id][account_id] += amount
            self.due[party_id][bill_id] = account_id, due_on
        return sorted(self.open)

    def _received(self, intention: Intention) -> Received:
        habit, owed = intention.habit, self.open[intention.party_id]
        if habit.part < 1:
            owed = {key: round_yuan(part * habit.part) for key, part in owed.items()}
        late = self._late_fees(intention)
        # The same again for each quarter ahead, in round figures: it is taken by the next bills.
        shares = [
            Share(account, amount + late[account] + _round(amount * habit.quarters_ahead))
            for account, amount in sorted(owed.items())
        ]
        total = sum((share.amount for share in shares), ZERO)
        return Received(
            method=intention.method,
            amount=total,
            shares=shares,
            value_date=intention.day,
            idempotency_key=f"demo:{UUID(int=self.random.getrandbits(128))}",
            received_by=self.clerk if intention.method in AT_THE_DESK else None,
            tendered=_banknotes(total) if intention.method == Payment.Method.CASH else None,
        )

    def _late_fees(self, intention: Intention) -> dict[int, Decimal]:
        """By account: what whoever pays all pays on top, for coming late."""
        fees: dict[int, Decimal] = defaultdict(lambda: ZERO)
        due = self.due[intention.party_id]
        late = [pk for pk, (_account, due_on) in due.items() if due_on < intention.day]
        if late and intention.habit.part == 1:
            for pk, amount in accrued(bill_ids=late, on=intention.day).items():
                fees[due[pk][0]] += amount
        return fees


def _analyze() -> None:
    """Tables that grew in this transaction: autovacuum has not seen them, the planner must."""
    with connection.cursor() as cursor:
        for model in (Account, Allocation, Bill, Charge, CreditEntry):
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def _round(amount: Decimal) -> Decimal:
    return (amount / 50).to_integral_value(rounding="ROUND_CEILING") * 50


def _banknotes(amount: Decimal) -> Decimal:
    """What somebody lays on the desk for `amount`: hundreds."""
    return (amount / 100).to_integral_value(rounding="ROUND_CEILING") * 100
