"""Whatever facts arrive late: a corrected run comes to what a fresh one would have billed."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import calculation as calc
from billing.models import (
    Account,
    Bill,
    BillRun,
    Charge,
    CreditEntry,
    Meter,
    MeterReading,
    SharedCost,
    Tariff,
)
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs.bill_computing import Computation
from billing.services.runs.corrections import bill_unit_until, preview_correction
from billing.services.runs.run_approval import issue_previewed
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Party, Unit, Vacancy
from core import books
from core.money import to_fen
from tests.factories.community import UserFactory

from .small import Q1, TARIFFS, issue, small_community, table

pytestmark = pytest.mark.django_db

UNITS = 3
LONG_AGO = date(2020, 1, 1)
in_period = st.dates(Q1["starts_on"], Q1["ends_on"])
MORE_TARIFFS = (
    "自来水费,住宅,,阶梯,15:3.45;25:4.83;:5.83,1,2020-01-01,,整期",
    "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期",
)


@dataclass(frozen=True)
class Home:
    """What is known of a unit."""

    area: Decimal
    sold_on: date | None
    vacant: tuple[date, date] | None
    used: Decimal


@dataclass(frozen=True)
class Facts:
    """What is known of a community: its homes, and until when waste is charged."""

    homes: tuple[Home, ...]
    waste_until: date | None


homes = st.builds(
    Home,
    area=st.integers(1, 20_000).map(lambda n: Decimal(n).scaleb(-2)),
    sold_on=st.none() | in_period,
    vacant=st.none() | st.tuples(in_period, in_period).map(lambda days: tuple(sorted(days))),
    used=st.integers(0, 99_999).map(lambda n: Decimal(n).scaleb(-3)),
)
facts = st.builds(
    Facts,
    homes=st.tuples(*[homes] * UNITS),
    waste_until=st.none() | in_period,
)


def community_of(known: Facts) -> Community:
    community = small_community(units=UNITS)
    import_tariffs(source=table(TARIFFS, *MORE_TARIFFS), community=community)
    water, light = (
        Tariff.objects.get(method=method).fee_item for method in ("tiered", "shared_area")
    )
    SharedCost.objects.create(
        fee_item=light, amount="99.99", starts_on=Q1["starts_on"], ends_on=Q1["ends_on"]
    )
    for unit in Unit.objects.filter(community=community):
        meter = Meter.objects.create(unit=unit, fee_item=water)
        for day in (date(2025, 12, 31), Q1["ends_on"]):
            MeterReading.objects.create(meter=meter, read_on=day, value=0)
    learn(community, known)
    return community


def learn(community: Community, known: Facts) -> None:
    """The register says this now."""
    Tariff.objects.filter(fee_item__community=community, method="household").update(
        ends_on=known.waste_until
    )
    units = Unit.objects.filter(community=community).order_by("room")
    for unit, home in zip(units, known.homes, strict=True):
        Unit.objects.filter(pk=unit.pk).update(area=home.area)
        MeterReading.objects.filter(meter__unit=unit, read_on=Q1["ends_on"]).update(value=home.used)
        Vacancy.objects.filter(unit=unit).delete()
        if home.vacant:
            Vacancy.objects.create(unit=unit, starts_on=home.vacant[0], ends_on=home.vacant[1])
        owner = Occupancy.objects.filter(unit=unit).order_by("starts_on").first()
        assert owner
        Occupancy.objects.filter(unit=unit).exclude(pk=owner.pk).delete()
        eve = home.sold_on and home.sold_on - timedelta(days=1)
        Occupancy.objects.filter(pk=owner.pk).update(ends_on=eve, starts_on=LONG_AGO)
        if home.sold_on:
            name = f"新业主{unit.room}"
            buyer, _new = Party.objects.get_or_create(community=community, name=name)
            Occupancy.objects.create(unit=unit, party=buyer, starts_on=home.sold_on)


def fresh(community: Community) -> Counter[Any]:
    """What a run that knew it all would bill."""
    computation = Computation(community, calc.Span(Q1["starts_on"], Q1["ends_on"]))
    lines: Counter[Any] = Counter()
    for chunk in computation.chunks():
        for unit in chunk.load():
            for party, own, _fen in computation.bills(unit):
                for line in own:
                    terms = line.terms
                    key = (unit.id, party, terms.tariff.id, *terms.span, terms.price, terms.factor)
                    lines[*key, line.quantity, line.fen] += 1
    return lines


def standing(community: Community) -> Counter[Any]:
    """What stands on bills."""
    fields = ("account__unit", "account__party", "tariff", "starts_on", "ends_on", "unit_price")
    found = Charge.objects.filter(account__community=community).standing()
    rows = found.values_list(*fields, "factor", "quantity", "amount")
    return Counter((*row[:-1], to_fen(row[-1])) for row in rows)


def owed(lines: Counter[Any]) -> dict[tuple[int, int], int]:
    sums: Counter[tuple[int, int]] = Counter()
    for (unit, party, *_terms, fen), count in lines.items():
        sums[unit, party] += fen * count
    return {key: fen for key, fen in sums.items() if fen}


def correct(run: BillRun) -> None:
    correction = preview_correction(run=run)
    if correction:
        issue_previewed(run=correction, by=UserFactory.create())


def pay(bill: Bill) -> int:
    kind, day = CreditEntry.Kind.OPENING, bill.due_on
    half = (bill.amount / 2).quantize(Decimal("0.01"))
    if not half:
        return 0
    entry = post_credit(account=bill.account, kind=kind, amount=half, value_date=day)
    allocate(credit_entry=entry)
    return to_fen(half)


def balances(community: Community) -> dict[tuple[int, int], int]:
    found = Account.objects.filter(community=community).with_balance()
    sums = {(a.unit_id, a.party_id): to_fen(a.balance) for a in found}
    return {key: fen for key, fen in sums.items() if fen}


EXAMPLES = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@given(first=facts, later=st.lists(facts, min_size=1, max_size=2), pays=st.booleans())
@EXAMPLES
def test_late_facts_come_to_what_a_fresh_run_would_have_billed(
    first: Facts, later: list[Facts], pays: bool
) -> None:
    with transaction.atomic():
        community = community_of(first)
        run = issue(community).run
        paid: Counter[tuple[int, int]] = Counter()
        if pays:
            for bill in Bill.objects.all():
                paid[bill.account.unit_id, bill.account.party_id] += pay(bill)
        for known in later:
            learn(community, known)
            correct(run)
            assert standing(community) == fresh(community)
            expected = Counter(owed(fresh(community)))
            expected.subtract(paid)
            assert balances(community) == {key: fen for key, fen in expected.items() if fen}
        assert books.verify().breaks == []
        transaction.set_rollback(True)


@given(first=facts, right=facts, day=in_period)
@EXAMPLES
def test_a_final_bill_before_the_run_changes_nothing_in_the_end(
    first: Facts, right: Facts, day: date
) -> None:
    with transaction.atomic():
        community = community_of(first)
        for unit in Unit.objects.filter(community=community, room__in=("101", "102")):
            bill_unit_until(unit=unit, day=day, by=None)
        learn(community, right)
        issue(community)
        assert standing(community) == fresh(community)
        assert books.verify().breaks == []
        transaction.set_rollback(True)
