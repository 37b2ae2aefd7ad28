"""Reads what the calculation has to know, chunk by chunk, so that memory stays bounded."""

from collections.abc import Sequence

from billing import calculation as calc
from billing.models import SharedCost, Tariff
from community.models import Community, Occupancy, Unit
from core.sql import answer, ask


def tariffs_of(community: Community, period: calc.Span) -> list[calc.Tariff]:
    """The tariffs in force on some day of a period, by fee item in their order."""
    found = Tariff.objects.filter(fee_item__community=community, starts_on__lte=period.end).exclude(
        ends_on__lt=period.start
    )
    return [_tariff(t) for t in found.order_by("fee_item__position", "fee_item_id", "id")]


def _tariff(tariff: Tariff) -> calc.Tariff:
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
    )


def costs_due(community: Community, period: calc.Span) -> list[calc.SharedCost]:
    """The shared costs that end in a period, by fee item in their order."""
    found = SharedCost.objects.filter(
        fee_item__community=community, ends_on__range=(period.start, period.end)
    )
    return [
        calc.SharedCost(
            id=cost.pk,
            item=cost.fee_item_id,
            span=calc.Span(cost.starts_on, cost.ends_on),
            fen=int(cost.amount * 100),
            building=cost.building_id,
        )
        for cost in found.order_by("fee_item__position", "fee_item_id", "id")
    ]


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
    SELECT id, kind, building_id, area, handover_date FROM community_unit WHERE id = ANY(%s)
"""
# The day before the period counts as well: a meter may be read at a transfer on its first day.
_PAYERS = """
    SELECT unit_id, starts_on, COALESCE(ends_on, 'infinity'), party_id, role
    FROM community_occupancy
    WHERE unit_id = ANY(%s) AND is_payer
      AND starts_on <= %s AND COALESCE(ends_on, 'infinity') >= %s::date - 1
    ORDER BY unit_id, starts_on
"""
_VACANCIES = """
    SELECT unit_id, starts_on, ends_on FROM community_vacancy
    WHERE unit_id = ANY(%s) AND starts_on <= %s AND ends_on >= %s
    ORDER BY unit_id, starts_on
"""
_READINGS = """
    SELECT m.unit_id, m.fee_item_id, r.read_on, r.value
    FROM billing_meter m
    CROSS JOIN LATERAL (
        SELECT read_on, value FROM billing_meterreading
        WHERE meter_id = m.id AND read_on BETWEEN %s AND %s
        UNION ALL
        (SELECT read_on, value FROM billing_meterreading
         WHERE meter_id = m.id AND read_on < %s
         ORDER BY read_on DESC LIMIT 1)
    ) r
    WHERE m.unit_id = ANY(%s)
"""


class AskedUnits:
    """Units whose facts the server has already sent, not yet turned into objects.

    Asking needs the connection, `load` only this process: it may run while the connection copies.
    """

    def __init__(self, ids: Sequence[int], period: calc.Span) -> None:
        self.ids = list(ids)
        first, last = period
        self._units = ask(_UNITS, [self.ids])
        self._payers = ask(_PAYERS, [self.ids, last, first])
        self._vacancies = ask(_VACANCIES, [self.ids, last, first])
        self._readings = ask(_READINGS, [first, last, first, self.ids])

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
