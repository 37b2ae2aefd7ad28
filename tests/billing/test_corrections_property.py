"""Whatever facts arrive late: a corrected run comes to what a fresh one would have billed."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.models import Account, Bill, BillRun, CreditEntry
from billing.services.accounts.lessening import undo_money
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs import reversal
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.periods import close_run
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Community, Unit
from core import books
from core.money import to_fen
from tests.factories.community import UserFactory

from .late_facts import (
    UNITS,
    Facts,
    Line,
    community_of,
    facts,
    fresh,
    histories,
    in_period,
    learn,
    of_units,
    owed,
    shared,
    standing,
    until,
)
from .small import issue

pytestmark = pytest.mark.django_db

rooms = st.lists(st.integers(0, UNITS - 1), min_size=1, max_size=UNITS - 1, unique=True)


@dataclass(frozen=True)
class Way:
    """How the office goes about a correction; units by their position."""

    asked: list[int] | None  # None: all units
    looked_at: list[int] | None  # previewed for these first
    closes: bool  # the period is closed before


ways = st.builds(
    Way,
    asked=st.none() | rooms,
    looked_at=rooms,
    closes=st.sampled_from([False] * 4 + [True]),
)


@pytest.fixture(autouse=True)
def _few_lines_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reversal, "FIRST_CHUNK", 2)
    monkeypatch.setattr(reversal, "CHUNK", 3)


def units_of(community: Community, positions: list[int] | None) -> list[int] | None:
    if positions is None:
        return None
    found = Unit.objects.filter(community=community).order_by("room")
    known = list(found.values_list("pk", flat=True))
    return [known[n] for n in positions]


def correct(run: BillRun, way: Way) -> BillRun | None:
    """Correct a run as an office would; what it came to, None if nothing changed."""
    community = run.period.community
    if way.looked_at is not None:
        preview_correction(run=run, unit_ids=units_of(community, way.looked_at))
    correction = preview_correction(run=run, unit_ids=units_of(community, way.asked))
    if correction:
        somebody = UserFactory.create()
        correction.exceptions.update(accepted_at="2026-01-01T00:00Z", accepted_by=somebody)
        correction = issue_previewed(run=correction, by=somebody).run
        assert correction.period.closed_at is None
    assert not run.corrections.filter(state__in=BillRun.OPEN).exists()
    return correction


def corrected(community: Community, asked: list[int] | None) -> Counter[Line]:
    """What is to stand once some units are corrected: of others only their parts of costs move."""
    right, before, parts = fresh(community), standing(community), shared(community)
    if asked is None:
        return right
    moving = {line: n for line, n in right.items() if line.unit in asked or line.tariff in parts}
    staying = {
        line: n for line, n in before.items() if line.unit not in asked and line.tariff not in parts
    }
    return Counter(moving) + Counter(staying)


def told(correction: BillRun | None) -> dict[tuple[int, int], int]:
    """How much more each payer of a unit is told to owe, in fen."""
    changes = correction.changes.all() if correction else ()
    sums = {(c.unit_id, c.party_id): to_fen(c.after - c.before) for c in changes}
    return {key: fen for key, fen in sums.items() if fen}


def less(
    some: dict[tuple[int, int], int], others: dict[tuple[int, int], int]
) -> dict[tuple[int, int], int]:
    sums = Counter(some)
    sums.subtract(others)
    return {key: fen for key, fen in sums.items() if fen}


def pay(bill: Bill) -> int:
    """Half of a bill is paid; it settles one line, then another one instead."""
    kind, day = CreditEntry.Kind.OPENING, bill.due_on
    half = (bill.amount / 2).quantize(Decimal("0.01"))
    if not half:
        return 0
    entry = post_credit(account=bill.account, kind=kind, amount=half, value_date=day)
    allocate(credit_entry=entry)
    undo_money(bill.charges.values_list("pk", flat=True), to_fen(half))
    allocate(credit_entry=entry)
    return to_fen(half)


def balances(community: Community) -> dict[tuple[int, int], int]:
    """What payers owe less what they paid, in fen; nobody keeps credit beside a debt."""
    found = list(Account.objects.filter(community=community).with_balance())
    assert not any(account.owed and account.credit for account in found)
    sums = {(a.unit_id, a.party_id): to_fen(a.balance) for a in found}
    return {key: fen for key, fen in sums.items() if fen}


EXAMPLES = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@given(known=histories(), way=st.lists(ways, min_size=3, max_size=3), pays=st.booleans())
@EXAMPLES
def test_late_facts_come_to_what_a_fresh_run_would_have_billed(
    known: list[Facts], way: list[Way], pays: bool
) -> None:
    with transaction.atomic():
        community = community_of(known[0])
        run = issue(community).run
        paid: Counter[tuple[int, int]] = Counter()
        for bill in Bill.objects.all() if pays else ():
            paid[bill.account.unit_id, bill.account.party_id] += pay(bill)
        everything = Way(asked=None, looked_at=None, closes=False)
        steps = [*zip(known[1:], way, strict=False), (known[-1], everything)]
        for facts_now, this_way in steps:
            learn(community, facts_now)
            if this_way.closes:
                close_run(run=run)
            before = standing(community)
            right = corrected(community, units_of(community, this_way.asked))
            correction = correct(run, this_way)
            assert standing(community) == right
            assert told(correction) == less(owed(right), owed(before))
            assert balances(community) == less(owed(right), paid)
        assert books.verify().breaks == []
        run.refresh_from_db()
        if run.state == BillRun.State.ISSUED:
            reverse_run(run=run, by=None, reason="all wrong")
            assert not standing(community)
            assert balances(community) == less({}, paid)
            assert books.verify().breaks == []
        transaction.set_rollback(True)


@given(first=facts, right=facts, day=in_period, is_issued=st.booleans())
@EXAMPLES
def test_a_final_bill_goes_up_to_its_day_and_changes_nothing_in_the_end(
    first: Facts, right: Facts, day: date, is_issued: bool
) -> None:
    with transaction.atomic():
        community = community_of(first)
        run = issue(community).run if is_issued else None
        for unit in Unit.objects.filter(community=community, room__in=("101", "102")):
            before = standing(community)
            expected = until(unit, day, billed=is_issued)
            bill_unit_until(unit=unit, day=day, by=None)
            others = before - of_units(before, [unit.pk])
            assert standing(community) == others + expected
            assert bill_unit_until(unit=unit, day=day, by=None) == []
        learn(community, right)
        if run:
            correct(run, Way(asked=None, looked_at=None, closes=False))
        else:
            issue(community)
        assert standing(community) == fresh(community)
        assert books.verify().breaks == []
        transaction.set_rollback(True)
