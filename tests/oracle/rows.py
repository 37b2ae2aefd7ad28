"""A random community as rows, so that the whole way from tables to bills is held to the oracle."""

from billing.models import (
    FeeItem,
    Meter,
    MeterReading,
    SharedCost,
    Tariff,
    TariffUnit,
)
from community.models import Building, Occupancy, Party, Unit, Vacancy
from community.models.community import natural_key
from tests.factories.community import CommunityFactory

from .communities import BUILDINGS, Community

KINDS = {"住宅": Unit.Kind.DWELLING, "商铺": Unit.Kind.SHOP}
WITHOUT_PRICE = ("tiered", "shared_area", "shared_household")


class Rows:
    """The rows of a random community; a payer's phone is his number in it."""

    def __init__(self, facts: Community) -> None:
        self.community = CommunityFactory.create()
        self.items = {
            number: FeeItem.objects.create(
                community=self.community,
                name=f"费目{number}",
                position=number,
                in_arrears=number in facts.in_arrears,
            )
            for number in sorted({t["item"] for t in facts.tariffs})
        }
        self.buildings = {
            number: Building.objects.create(community=self.community, code=str(number))
            for number in BUILDINGS
        }
        self.units = {int(u["code"]): self._unit(u) for u in facts.units}
        for tariff in facts.tariffs:
            self._tariff(tariff)
        for cost in facts.costs:
            SharedCost.objects.create(
                fee_item=self.items[cost["item"]],
                building=self.buildings.get(cost["building"]),
                starts_on=cost["from"],
                ends_on=cost["to"],
                amount=cost["amount"],
            )

    def _unit(self, facts) -> Unit:
        (unit,) = Unit.objects.bulk_create(
            [
                Unit(
                    community=self.community,
                    building=self.buildings[facts["building"]],
                    room=facts["code"],
                    code=facts["code"],
                    sort_key=natural_key(facts["code"]),
                    kind=KINDS[facts["kind"]],
                    area=facts["area"],
                    handover_date=facts["handover"],
                )
            ]
        )
        for first, last, who, developer in facts["payers"]:
            party, _new = Party.objects.get_or_create(
                community=self.community, name=f"业主{who}", phone=str(who)
            )
            role = Occupancy.Role.DEVELOPER if developer else Occupancy.Role.OWNER
            Occupancy.objects.create(
                unit=unit, party=party, role=role, starts_on=first, ends_on=last
            )
        Vacancy.objects.bulk_create(
            Vacancy(unit=unit, starts_on=first, ends_on=last) for first, last in facts["vacancies"]
        )
        for number, readings in facts["readings"].items():
            meter = Meter.objects.create(unit=unit, fee_item=self.items[number])
            MeterReading.objects.bulk_create(
                MeterReading(meter=meter, read_on=day, value=value) for day, value in readings
            )
        return unit

    def _tariff(self, facts) -> None:
        method = facts["method"]
        tiers = ";".join(
            f"{'' if upto is None else upto}:{price}" for upto, price in facts["tiers"]
        )
        tariff = Tariff.objects.create(
            fee_item=self.items[facts["item"]],
            unit_kind=KINDS[facts["kind"]],
            building=self.buildings.get(facts["building"]),
            picked=facts["units"] is not None,
            method=method,
            price=None if method in WITHOUT_PRICE else facts["price"],
            tiers=tiers if method == "tiered" else "",
            vacancy_factor=facts["factor"],
            starts_on=facts["from"],
            ends_on=facts["to"],
            rounding="monthly" if facts["monthly"] else "whole",
        )
        TariffUnit.objects.bulk_create(
            TariffUnit(tariff=tariff, unit=self.units[number]) for number in facts["units"] or ()
        )
