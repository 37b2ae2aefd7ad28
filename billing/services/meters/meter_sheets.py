"""What the walk along the meters needs to know: which units, by building, read or not yet."""

from calendar import monthrange
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from billing.models import BillingSettings, FeeItem, Meter, MeterReading, Tariff
from billing.services.standards.tariff_terms import METERED
from community.models import Community, Unit
from community.models.community import natural_key

PERIODS = 4


class ReadingPeriod(NamedTuple):
    """The days, both inclusive, in which each meter should be read once."""

    start: date
    end: date


class Place(NamedTuple):
    """A building's entrance, how many units with a meter it has, and how many were read."""

    building: str
    building_id: int
    entrance: str
    units: int
    read: int


def reading_periods(community: Community, day: date) -> list[ReadingPeriod]:
    """The community's period that contains a day, and those before it, latest first."""
    months = BillingSettings.of(community).cycle
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    periods = []
    for _each in range(PERIODS):
        last = (first.year * 12 + first.month - 1) + months - 1
        year, month = divmod(last, 12)
        periods.append(ReadingPeriod(first, date(year, month + 1, monthrange(year, month + 1)[1])))
        before = first - timedelta(days=1)
        first = date(before.year, (before.month - 1) // months * months + 1, 1)
    return periods


def metered_items(community: Community) -> QuerySet[FeeItem]:
    """The fee items that are charged by meter, or were."""
    priced = Tariff.objects.filter(fee_item=OuterRef("pk"), method__in=METERED)
    hung = Meter.objects.filter(fee_item=OuterRef("pk"))
    return FeeItem.objects.filter(Exists(priced) | Exists(hung), community=community).order_by(
        "position", "id"
    )


def metered_units(community: Community, item: FeeItem, day: date) -> QuerySet[Unit]:
    """The units that have a meter for an item, or are charged by one on a day, in natural order."""
    priced = Tariff.objects.filter(
        Q(ends_on=None) | Q(ends_on__gte=day),
        Q(picked=False) & (Q(building=None) | Q(building=OuterRef("building")))
        | Q(units__unit=OuterRef("pk")),
        fee_item=item,
        method__in=METERED,
        unit_kind=OuterRef("kind"),
        starts_on__lte=day,
    )
    hung = Meter.objects.filter(fee_item=item, unit=OuterRef("pk"))
    return Unit.objects.filter(Exists(hung) | Exists(priced), community=community).order_by(
        "sort_key", "pk"
    )


def read_within(item: FeeItem, period: ReadingPeriod) -> Exists:
    """Whether a unit's meter has a figure in a period, read or estimated (annotates units)."""
    return Exists(
        MeterReading.objects.filter(
            meter__unit=OuterRef("pk"), meter__fee_item=item, read_on__range=period
        )
    )


def places(community: Community, item: FeeItem, period: ReadingPeriod) -> list[Place]:
    """Where there are meters to read, by building and entrance in natural order."""
    found = (
        metered_units(community, item, period.end)
        .annotate(was_read=read_within(item, period))
        .order_by()
        .values("building__code", "building_id", "entrance")
        .annotate(units=Count("pk"), read=Count("pk", filter=Q(was_read=True)))
    )
    rows = [
        Place(r["building__code"], r["building_id"], r["entrance"], r["units"], r["read"])
        for r in found
    ]
    return sorted(rows, key=lambda place: natural_key(f"{place.building}-{place.entrance}"))


def not_read(community: Community, item: FeeItem, period: ReadingPeriod) -> QuerySet[Unit]:
    """The units, handed over by a period's end, whose meter has no figure in it."""
    meters = Meter.objects.filter(fee_item=item, unit=OuterRef("pk"))
    return (
        metered_units(community, item, period.end)
        .filter(~read_within(item, period), handover_date__lte=period.end)
        .annotate(meter_id=meters.values("pk")[:1])
        .select_related("building")
    )
