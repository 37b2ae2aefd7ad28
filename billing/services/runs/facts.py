"""Reads what the calculation has to know, chunk by chunk, so that memory stays bounded."""

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Q

from billing import calculation as calc
from billing.models import FeeItem, SharedCost, Tariff, TariffUnit
from community.models import Community, Occupancy, Unit
from core.sql import answer, ask, id_array


class Days(NamedTuple):
    """The days that a run charges, of which fee items in arrears have their own."""

    period: calc.Span
    before: calc.Span
    in_arrears: frozenset[int]

    @property
    def all(self) -> calc.Span:
        """From the first day that is charged to the last."""
        first = self.before.start if self.in_arrears else self.period.start
        return calc.Span(first, self.period.end)


def days_of(community: Community, period: calc.Span) -> Days:
    """Which days a run of a period charges."""
    late = FeeItem.objects.filter(community=community, in_arrears=True).values_list("id", flat=True)
    return Days(period, calc.months_before(period), frozenset(late))


def tariffs_of(community: Community, days: calc.Span) -> list[calc.Tariff]:
    """The tariffs in force on some of the days, by fee item in their order."""
    found = Tariff.objects.filter(fee_item__community=community, starts_on__lte=days.end).exclude(
        ends_on__lt=days.start
    )
    tariffs = list(found.order_by("fee_item__position", "fee_item_id", "id"))
    units: dict[int, set[int]] = {tariff.pk: set() for tariff in tariffs if tariff.picked}
    if units:
        pairs = TariffUnit.objects.filter(tariff__in=units).values_list("tariff_id", "unit_id")
        for tariff_id, unit_id in pairs.iterator():
            units[tariff_id].add(unit_id)
    return [_tariff(t, frozenset(units[t.pk]) if t.picked else None) for t in tariffs]


def _tariff(tariff: Tariff, units: frozenset[int] | None) -> calc.Tariff:
    try:
        tiers = calc.parse_tiers(tariff.tiers) if tariff.tiers else ()
    except ValueError:
        tiers = ()  # the calculation then names every unit that it cannot charge
    return calc.Tariff(
        id=tariff.pk,
        item=tariff.fee_item_id,
        kind=tariff.unit_kind,
        method=calc.Method(tariff.method),
        span=calc.Span(tariff.starts_on, tariff.ends_on or calc.FOREVER),
        building=tariff.building_id,
        price=tariff.price,
        tiers=tiers,
        vacancy_factor=tariff.vacancy_factor,
        rounding=calc.Rounding(tariff.rounding),
        units=units,
    )


def costs_due(community: Community, days: Days) -> list[calc.SharedCost]:
    """The shared costs that end in the days of their fee item, by item in their order."""
    late = Q(fee_item__in=days.in_arrears)
    found = SharedCost.objects.filter(
        late & Q(ends_on__range=(days.before.start, days.before.end))
        | ~late & Q(ends_on__range=(days.period.start, days.period.end)),
        fee_item__community=community,
    )
    return [_cost(cost) for cost in found.order_by("fee_item__position", "fee_item_id", "id")]


def _cost(cost: SharedCost) -> calc.SharedCost:
    return calc.SharedCost(
        id=cost.pk,
        item=cost.fee_item_id,
        span=calc.Span(cost.starts_on, cost.ends_on),
        fen=int(cost.amount * 100),
        building=cost.building_id,
    )


def costs_known(community: Community, days: Days) -> list[calc.SharedCost]:
    """Every shared cost that touches the days charged, whenever it is due."""
    found = SharedCost.objects.filter(
        fee_item__community=community, starts_on__lte=days.all.end, ends_on__gte=days.all.start
    )
    return [_cost(cost) for cost in found]


def unit_ids(community: Community) -> list[int]:
    """Every unit of a community in natural order."""
    found = Unit.objects.filter(community=community).order_by("sort_key", "id")
    return list(found.values_list("id", flat=True))


def places(community: Community) -> list[calc.Place]:
    """Every unit of a community in natural order, as far as sharing goes."""
    found = Unit.objects.filter(community=community).order_by("sort_key", "id")
    fields = ("id", "kind", "building_id", "area", "handover_date")
    return [calc.Place(*row) for row in found.values_list(*fields).iterator()]


_UNITS = """
    SELECT id, kind, building_id, area, handover_date FROM community_unit
    WHERE id = ANY(%s::bigint[])
"""
# The day before the first counts as well: a meter may be read at a transfer on its first day.
_PAYERS = """
    SELECT unit_id, starts_on, COALESCE(ends_on, 'infinity'), party_id, role
    FROM community_occupancy
    WHERE unit_id = ANY(%s::bigint[]) AND is_payer
      AND starts_on <= %s AND COALESCE(ends_on, 'infinity') >= %s::date - 1
    ORDER BY unit_id, starts_on
"""
_VACANCIES = """
    SELECT unit_id, starts_on, ends_on FROM community_vacancy
    WHERE unit_id = ANY(%s::bigint[]) AND starts_on <= %s AND ends_on >= %s
    ORDER BY unit_id, starts_on
"""
# All readings of the days, and of those before them the latest and the first: the usage starts
# from the one, and is unusual or not against what the meter measured between the two.
_READINGS = """
    SELECT m.unit_id, m.fee_item_id, r.read_on, COALESCE(r.corrected_value, r.value) + r.shift
    FROM billing_meter m
    CROSS JOIN LATERAL (
        SELECT * FROM billing_meterreading WHERE meter_id = m.id AND read_on BETWEEN %s AND %s
        UNION ALL
        (SELECT * FROM billing_meterreading
         WHERE meter_id = m.id AND read_on < %s ORDER BY read_on DESC LIMIT 1)
        UNION ALL
        (SELECT * FROM billing_meterreading
         WHERE meter_id = m.id AND read_on < %s ORDER BY read_on LIMIT 1)
    ) r
    WHERE m.unit_id = ANY(%s::bigint[])
"""


class AskedUnits:
    """Units whose facts the server has already sent, not yet turned into objects.

    Asking needs the connection, `load` only this process: it may run while the connection copies.
    """

    def __init__(self, ids: Sequence[int], days: calc.Span) -> None:
        self.ids = list(ids)
        self.id_array = id_array(self.ids)
        first, last = days
        self._units = ask(_UNITS, [self.id_array])
        self._payers = ask(_PAYERS, [self.id_array, last, first])
        self._vacancies = ask(_VACANCIES, [self.id_array, last, first])
        self._readings = ask(_READINGS, [first, last, first, first, self.id_array])

    @property
    def most_bills(self) -> int:
        """At most so many payers have bills; to be asked before `load`."""
        return self._payers.rowcount

    def load(self) -> list[calc.Unit]:
        """The units in the order of their ids' list."""
        units = {
            pk: calc.Unit(pk, kind, building, area, handover)
            for pk, kind, building, area, handover in answer(self._units)
        }
        for unit, start, end, party, role in answer(self._payers):
            developer = role == Occupancy.Role.DEVELOPER
            units[unit].payers.append(calc.Payer(calc.Span(start, end), party, developer))
        for unit, start, end in answer(self._vacancies):
            units[unit].vacancies.append(calc.Span(start, end))
        for unit, item, day, value in answer(self._readings):
            units[unit].readings.setdefault(item, []).append(calc.Reading(day, value))
        return [units[pk] for pk in self.ids]
