"""The bill run killed with SIGKILL, and met by payments: the books stay right.

Two runs at one moment: tests/billing/test_bill_run_race.py.
"""

import datetime
import random
import uuid
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from billing.models import Account, Allocation, Bill, BillRun, Charge, CreditEntry
from billing.services.accounts.posting import post_credit
from billing.services.runs import bill_run
from community.models import Community, User
from core import books
from payments.models import Payment
from payments.services.receiving.counter import collect
from tests.billing.small import Q2, issue, small_community
from tests.races import errors_in, together
from tests.reliability import processes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.reliability]

KILLED = -9
UNITS = 9


@transaction.atomic
def billed_community(code: str) -> Community:
    """The first quarter is issued; every third payer has credit for the second."""
    community = small_community(units=UNITS, code=code)
    issue(community)
    for number, account in enumerate(Account.objects.filter(community=community).order_by("id")):
        if number % 3 == 0:
            post_credit(
                account=account,
                kind=CreditEntry.Kind.OPENING,
                amount=Decimal("800.00"),
                value_date=datetime.date(2026, 3, 1),
            )
    return community


def outcome(community: Community) -> dict[str, Any]:
    """What a run left, told without ids."""
    unit = "account__unit__code"
    charges = Charge.objects.filter(account__community=community)
    bills = Bill.objects.filter(account__community=community)
    used = Allocation.objects.filter(charge__account__community=community)
    runs = BillRun.objects.filter(period__community=community)
    return {
        "charges": Counter(
            charges.values_list(unit, "fee_item__name", "starts_on", "ends_on", "amount")
        ),
        "bills": Counter(bills.values_list(unit, "run__period__starts_on", "amount")),
        "used": Counter(
            used.values_list("charge__account__unit__code", "charge__starts_on", "amount")
        ),
        "runs": Counter(runs.values_list("period__starts_on", "state")),
        "totals": [run.summary["amount"] for run in runs.order_by("period__starts_on")],
    }


def second_quarter(community: Community) -> int:
    return Bill.objects.filter(
        account__community=community, run__period__starts_on=Q2["starts_on"]
    ).count()


def kill_until_it_ends(what: str, community: Community, *, stride: int) -> list[int]:
    """Kills one run after another, each later than the last; how far each came.

    `stride` tells how fast the steps grow: a run has many statements but only some COPYs.
    """
    env = processes.environment()
    killed: list[int] = []
    number = 0
    while True:
        number += random.randint(1, 1 + stride * (1 + number))
        code = processes.run_until_it_dies(
            "tests.reliability.doomed", "bill", f"{what} {number}", community.pk, env=env
        )
        if code == 0:
            return killed
        assert code == KILLED
        killed.append(number)
        assert second_quarter(community) in (0, UNITS), "a part of a run was left behind"


@pytest.mark.parametrize(("what", "stride"), [("statement", 2), ("copy", 0)])
def test_a_run_killed_again_and_again_equals_one_run(what: str, stride: int) -> None:
    community, twin = billed_community("killed"), billed_community("whole")
    killed = kill_until_it_ends(what, community, stride=stride)
    assert len(killed) > 2, "hardly anything was killed: this proved nothing"
    issue(twin, **Q2)
    issue(community, **Q2)
    assert outcome(community) == outcome(twin)
    assert not books.verify().breaks


def pay(bill: Bill, clerk: User, *, too_much: str) -> Payment:
    """The first quarter at the counter, and some for later."""
    amount = bill.amount + Decimal(too_much)
    return collect(
        community=bill.account.community,
        account=bill.account,
        bill_ids=[bill.pk],
        amount=amount,
        method=Payment.Method.CASH,
        token=uuid.uuid4(),
        clerk=clerk,
        tendered=amount,
        prepay=True,
    )


def test_payments_at_the_moment_of_issue_keep_the_books_right() -> None:
    community = billed_community("paid")
    clerk = User.objects.create_user("clerk")
    bills = list(Bill.objects.select_related("account__community").order_by("id"))
    outcomes = together(
        lambda: issue(community, **Q2).added,
        *(lambda bill=bill: pay(bill, clerk, too_much="100.00") for bill in bills[:5]),
    )
    assert not errors_in(outcomes)
    assert outcomes[0] == UNITS
    assert Payment.objects.count() == 5
    assert not books.verify().breaks


def test_credit_that_comes_while_a_run_is_under_way_is_used_once(monkeypatch) -> None:
    """A payment commits between the run's bills and its use of credit."""
    community = billed_community("meanwhile")
    clerk = User.objects.create_user("clerk")
    bill = Bill.objects.select_related("account__community").order_by("-id")[0]
    use_credit = bill_run.use_credit

    def pay_meanwhile(**accounts: Any) -> Decimal:
        (payment,) = together(lambda: pay(bill, clerk, too_much="1000.00"))
        assert isinstance(payment, Payment)
        return use_credit(**accounts)

    monkeypatch.setattr(bill_run, "use_credit", pay_meanwhile)
    issue(community, **Q2)
    later = Bill.objects.get(account=bill.account, run__period__starts_on=Q2["starts_on"])
    assert Bill.objects.with_open().get(pk=later.pk).open_amount == 0
    assert not books.verify().breaks
