"""Facts of a community that become known late, as hypothesis thinks of them, and what follows."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q
from hypothesis import strategies as st

from billing import calculation as calc
from billing.models import Charge, Meter, MeterReading, SharedCost, Tariff
from billing.services.runs.bill_computing import Computation
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Occupancy, Party, Unit, Vacancy
from core.money import to_fen

from .small import Q1, TARIFFS, small_community, table

UNITS = 3
LONG_AGO = date(2020, 1, 1)
DEARER = date(2026, 2, 15)  # from then on building 1 has a price of its own
in_period = st.dates(Q1["starts_on"], Q1["ends_on"])
MORE_TARIFFS = (
    f"物业服务费,住宅,1,面积,2.80,0.7,{DEARER},,整期",
    "自来水费,住宅,,阶梯,15:3.45;25:4.83;:5.83,1,2020-01-01,,整期",
    "公共照明分摊,住宅,,公摊面积,,1,2020-01-01,,整期",
)


@dataclass(frozen=True)
class Home:
    """What is known of a unit."""

    area: Decimal
    handed_over: date
    sold_on: date | None
    vacant: tuple[date, date] | None
    used: Decimal


@dataclass(frozen=True)
class Facts:
    """What is known of a community: its homes, the last days of two prices, a shared cost."""

    homes: tuple[Home, ...]
    waste_until: date | None
    dearer_until: date | None
    light_fen: int


home_fields: dict[str, st.SearchStrategy[Any]] = {
    "area": st.integers(1, 20_000).map(lambda n: Decimal(n).scaleb(-2)),
    "handed_over": st.just(LONG_AGO) | in_period,
    "sold_on": st.none() | in_period,
    "vacant": st.none() | st.tuples(in_period, in_period).map(lambda days: tuple(sorted(days))),
    "used": st.integers(0, 99_999).map(lambda n: Decimal(n).scaleb(-3)),
}
homes = st.builds(Home, **home_fields)
common_fields: dict[str, st.SearchStrategy[Any]] = {
    "waste_until": st.none() | in_period,
    "dearer_until": st.none() | st.dates(DEARER, Q1["ends_on"]),
    "light_fen": st.integers(1, 99_999),
}
facts = st.builds(Facts, homes=st.tuples(*[homes] * UNITS), **common_fields)


@st.composite
def one_thing_other(draw: st.DrawFn, known: Facts) -> Facts:
    """The same facts but for one."""
    name = draw(st.sampled_from([*home_fields, *common_fields]))
    if name in common_fields:
        return replace(known, **{name: draw(common_fields[name])})
    n = draw(st.integers(0, UNITS - 1))
    other = replace(known.homes[n], **{name: draw(home_fields[name])})
    return replace(known, homes=(*known.homes[:n], other, *known.homes[n + 1 :]))


@st.composite
def histories(draw: st.DrawFn) -> list[Facts]:
    """What is known at first, and what was found out afterwards; it may be as it was before."""
    known = [draw(facts)]
    for _n in range(draw(st.integers(1, 3))):
        ways = (one_thing_other(known[-1]), st.sampled_from(known), facts)
        known.append(draw(st.one_of(*ways)))
    return known


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


def _learn_prices(community: Community, known: Facts) -> None:
    tariffs = Tariff.objects.filter(fee_item__community=community)
    tariffs.filter(method="household").update(ends_on=known.waste_until)
    tariffs.filter(method="area", building__isnull=False).update(ends_on=known.dearer_until)
    cost = Decimal(known.light_fen).scaleb(-2)
    SharedCost.objects.filter(fee_item__community=community).update(amount=cost)


def learn(community: Community, known: Facts) -> None:
    """The register says this now."""
    _learn_prices(community, known)
    units = Unit.objects.filter(community=community).order_by("room")
    for unit, home in zip(units, known.homes, strict=True):
        Unit.objects.filter(pk=unit.pk).update(area=home.area, handover_date=home.handed_over)
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


class Line(NamedTuple):
    """A line as the calculation says it, or as it stands on a bill."""

    unit: int
    party: int
    tariff: int
    start: date
    end: date
    price: Decimal | None
    factor: Decimal
    quantity: Decimal
    fen: int


def fresh(community: Community) -> Counter[Line]:
    """What a run that knew it all would bill."""
    computation = Computation(community, calc.Span(Q1["starts_on"], Q1["ends_on"]))
    return Counter(
        Line(
            *(unit.id, party, line.terms.tariff.id, *line.terms.span),
            *(line.terms.price, line.terms.factor, line.quantity, line.fen),
        )
        for chunk in computation.chunks()
        for unit in chunk.load()
        for party, own, _fen in computation.bills(unit)
        for line in own
    )


def standing(community: Community) -> Counter[Line]:
    """What stands on bills."""
    fields = ("account__unit", "account__party", "tariff", "starts_on", "ends_on", "unit_price")
    found = Charge.objects.filter(account__community=community).standing()
    rows = found.values_list(*fields, "factor", "quantity", "amount")
    return Counter(Line._make((*row[:-1], to_fen(row[-1]))) for row in rows)


def shared(community: Community) -> frozenset[int]:
    """The tariffs of costs that all units share: one unit's facts change all others' parts."""
    found = Tariff.objects.filter(fee_item__community=community, method="shared_area")
    return frozenset(found.values_list("pk", flat=True))


def without(lines: Counter[Line], parties: Collection[int]) -> Counter[Line]:
    return Counter({line: n for line, n in lines.items() if line.party not in parties})


def of_units(lines: Counter[Line], units: Collection[int]) -> Counter[Line]:
    return Counter({line: n for line, n in lines.items() if line.unit in units})


def owed(lines: Counter[Line]) -> dict[tuple[int, int], int]:
    """What payers owe for units, in fen."""
    sums: Counter[tuple[int, int]] = Counter()
    for line, count in lines.items():
        sums[line.unit, line.party] += line.fen * count
    return {key: fen for key, fen in sums.items() if fen}


def until(unit: Unit, day: date, *, billed: bool) -> Counter[Line]:
    """What a unit's payers owe if somebody else comes on the day after `day`, up to that day.

    Whoever is known to come later is left out too, unless he was `billed` already.
    """
    sid = transaction.savepoint()
    coming = Occupancy.objects.filter(unit=unit, starts_on__gt=day).order_by("starts_on").first()
    Occupancy.objects.filter(unit=unit, starts_on__lte=day).filter(
        Q(ends_on__gt=day) | Q(ends_on=None)
    ).update(ends_on=day)
    somebody = Party.objects.create(community=unit.community, name="somebody else")
    left_out = {somebody.pk}
    if coming and not billed:
        left_out.add(coming.party_id)
    first = day + timedelta(days=1)
    last = coming.starts_on - timedelta(days=1) if coming else None
    if last is None or first <= last:
        Occupancy.objects.create(unit=unit, party=somebody, starts_on=first, ends_on=last)
    lines = of_units(without(fresh(unit.community), left_out), [unit.pk])
    transaction.savepoint_rollback(sid)
    return lines
