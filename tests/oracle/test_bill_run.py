"""Random communities come to the same fen by a bill run from rows and by the slow oracle."""

from collections import Counter

import pytest
from django.db import transaction
from hypothesis import given

from billing.models import Bill, Charge
from billing.services.runs.bill_run import RunRefused, issue_run, preview_run

from . import calculator as oracle
from .communities import communities
from .examples import examples
from .facts import place
from .rows import Rows


def billed(rows: Rows, period) -> tuple[Counter, set]:
    """Lines on bills and exceptions of the run, as the oracle tells them."""
    first, last = period
    days = {"starts_on": first, "ends_on": last, "due_on": first}
    run = preview_run(community=rows.community, **days).run
    item_of = {item.pk: number for number, item in rows.items.items()}
    found = run.exceptions.values_list("unit__code", "building__code", "fee_item", "reason")
    exceptions = {
        (place(unit, building), item_of.get(item), reason) for unit, building, item, reason in found
    }
    try:
        issue_run(community=rows.community, **days)
    except RunRefused:
        return Counter(), exceptions
    lines = Charge.objects.filter(account__community=rows.community).values_list(
        "account__unit__code", "account__party__phone", "fee_item", "starts_on", "ends_on", "amount"
    )
    return Counter(
        (unit, int(who), item_of[item], start, end, int(amount * 100))
        for unit, who, item, start, end, amount in lines
    ), exceptions


@pytest.mark.django_db
@given(communities())
@examples(0.05)
def test_a_bill_run_and_the_oracle_agree(community):
    with transaction.atomic():
        rows = Rows(community)
        lines, exceptions = billed(rows, community.period)
        expected, missing = oracle.bill(
            community.units,
            community.tariffs,
            community.costs,
            community.period,
            community.in_arrears,
        )
        assert lines == Counter(expected)
        assert exceptions == set(missing)
        bills = Bill.objects.filter(account__community=rows.community)
        assert sum(int(bill.amount * 100) for bill in bills) == sum(fen for *_, fen in expected)
        transaction.set_rollback(True)
