"""A community with water meters, read and changed by the services, and what they then say."""

from datetime import date
from decimal import Decimal
from typing import Any

from billing.models import FeeItem, Meter, MeterReading, MeterReplacement
from billing.services.meters import meter_events as events
from billing.services.meters.meter_entries import Entry, Taken, record_readings
from billing.services.meters.readings import import_readings
from billing.services.standards.tariffs import import_tariffs
from community.models import Community, Unit, User
from tests.billing.small import TARIFFS, small_community, table
from tests.factories.community import StaffUserFactory

READINGS = "楼栋,单元,房号,费目,抄表日期,读数"


class Waterworks:
    """A community with water meters at 1-1-101, 1-1-102, …"""

    def __init__(self, units: int = 2) -> None:
        self.community: Community = small_community(units=units)
        tariff = "自来水费,住宅,,用量,3.45,1,2020-01-01,,整期"
        import_tariffs(source=table(TARIFFS, tariff), community=self.community)
        self.item = FeeItem.objects.get(community=self.community, name="自来水费")
        self.units = list(Unit.objects.filter(community=self.community).order_by("sort_key"))
        self.clerk: User = StaffUserFactory.create()

    def read(self, day: str, value: str | int, unit: int = 0, **entry: Any) -> Taken:
        (taken,) = record_readings(
            community=self.community,
            item=self.item,
            read_on=date.fromisoformat(day),
            entries=[Entry(self.units[unit], Decimal(value), **entry)],
            by=self.clerk,
        )
        return taken

    def meter(self, unit: int = 0) -> Meter:
        return Meter.objects.get(unit=self.units[unit], fee_item=self.item)

    def totals(self, unit: int = 0) -> list[Decimal]:
        """The series as the calculation reads it."""
        rows = MeterReading.objects.filter(meter=self.meter(unit)).order_by("read_on")
        return [
            (r.value if r.corrected_value is None else r.corrected_value) + r.shift for r in rows
        ]

    def estimate(self, day: str) -> events.Estimated:
        return events.estimate_readings(
            community=self.community,
            item=self.item,
            units=self.units,
            read_on=date.fromisoformat(day),
            by=self.clerk,
        )

    def replace(self, day: str, old: int, new: int, **other: Any) -> MeterReplacement:
        asked = {name: other.pop(name) for name in ("sure", "rolled_over") if name in other}
        told = events.Replacement(
            replaced_on=date.fromisoformat(day),
            old_value=Decimal(old),
            new_value=Decimal(new),
            **other,
        )
        return events.replace_meter(meter=self.meter(), told=told, by=self.clerk, **asked)

    def take_file(self, *rows: str) -> Any:
        return import_readings(source=table(READINGS, *rows), community=self.community)
