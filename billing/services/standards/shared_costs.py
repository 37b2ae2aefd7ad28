"""Costs that are shared over units (公摊)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from billing import calculation as calc
from billing.calculation.sharing import Share, share_cost
from billing.calculation.tariffs import TariffBook
from billing.models import BillRun, FeeItem, SharedCost
from billing.services.lookups import (
    BUILDING_COLUMN,
    ITEM_COLUMN,
    buildings,
    fee_items,
    find_building,
    find_item,
)
from billing.services.runs import facts
from community.models import Building, Community, Unit, User
from community.services.imports import Imported, Problems, Source, lock, writing_to
from core import tables

COLUMNS = (
    ITEM_COLUMN,
    BUILDING_COLUMN,
    tables.Column("起", "starts_on", tables.day()),
    tables.Column("止", "ends_on", tables.day()),
    tables.Column("金额", "amount", tables.money(minimum=0)),
)


def import_shared_costs(*, source: Source, community: Community, dry_run: bool = False) -> Imported:
    """Take over shared costs; one on record already changes nothing.

    Raises TableRefused with every bad row (an unknown fee item or building, an end before the
    start, another amount for the same item, building and days); then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    new: list[SharedCost] = []
    with writing_to(community, dry_run=dry_run):
        items, known_buildings = fee_items(community), buildings(community)
        found = SharedCost.objects.filter(fee_item__community=community)
        amounts = {
            key: amount
            for *key_parts, amount in found.values_list(
                "fee_item_id", "building_id", "starts_on", "ends_on", "amount"
            )
            for key in [tuple(key_parts)]
        }
        for row in rows:
            item = find_item(row, items, problems)
            building = find_building(row, known_buildings, problems)
            if row["ends_on"] < row["starts_on"]:
                problems.add(row, "止", _("lies before the first day"))
                continue
            if item is None or (row["building"] and building is None):
                continue
            key = item, building, row["starts_on"], row["ends_on"]
            if key not in amounts:
                amounts[key] = row["amount"]
                new.append(
                    SharedCost(
                        fee_item_id=item,
                        building_id=building,
                        starts_on=row["starts_on"],
                        ends_on=row["ends_on"],
                        amount=row["amount"],
                    )
                )
            elif amounts[key] != row["amount"]:
                message = _("another amount for these days is on record: %(amount)s")
                problems.add(row, "金额", message % {"amount": amounts[key]})
        problems.refuse()
        SharedCost.objects.bulk_create(new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


class CostRefused(Exception):
    """A cost that cannot be entered or taken away; the message says why."""


@transaction.atomic
def enter_cost(
    *,
    item: FeeItem,
    building: Building | None,
    starts_on: date,
    ends_on: date,
    amount: Decimal,
    note: str,
    by: User,
) -> SharedCost:
    """Enter a cost to be shared, in yuan. The very same one again is the one on record.

    CostRefused if another amount is on record for the item, building and days.
    """
    if ends_on < starts_on:
        raise CostRefused(_("The last day lies before the first."))
    lock(item.community)
    standing = SharedCost.objects.filter(
        fee_item=item, building=building, starts_on=starts_on, ends_on=ends_on
    ).first()
    if standing is None:
        return SharedCost.objects.create(
            fee_item=item,
            building=building,
            starts_on=starts_on,
            ends_on=ends_on,
            amount=amount,
            note=note,
            created_by=by,
        )
    if standing.amount != amount:
        raise CostRefused(
            _("Another amount is on record for these days: %(amount)s")
            % {"amount": standing.amount}
        )
    return standing


@transaction.atomic
def remove_cost(*, cost: SharedCost) -> None:
    """Take away a cost that was entered by mistake; CostRefused once it is billed."""
    lock(cost.fee_item.community)
    if run_of(cost) is not None:
        raise CostRefused(_("It is on bills already, so it stays."))
    cost.delete()


def run_of(cost: SharedCost) -> BillRun | None:
    """The latest run that shared a cost and stands."""
    runs = BillRun.objects.filter(
        period__community=cost.fee_item.community_id,
        issued_at__isnull=False,
        summary__pools__contains=[{"cost": cost.pk}],
    ).exclude(state=BillRun.State.REVERSED)
    return runs.select_related("period").order_by("-issued_at").first()


@dataclass(frozen=True)
class Shares:
    """A cost as it falls on units: yuan by unit in natural order, whole m² or units, problems."""

    shares: list[tuple[Unit, Share]]
    whole: Decimal
    problems: list[calc.Problem]
    by_area: bool

    @property
    def total(self) -> Decimal:
        return Decimal(sum(share.fen for _unit, share in self.shares)).scaleb(-2)


def shares_of(cost: SharedCost) -> Shares:
    """How a cost falls on the units in scope, by the register and the standards of today.

    A run shares it in the same way at the moment when it bills it. Six queries, whatever the size.
    """
    community = cost.fee_item.community
    told = calc.SharedCost(
        id=cost.pk,
        item=cost.fee_item_id,
        span=calc.Span(cost.starts_on, cost.ends_on),
        fen=int(cost.amount * 100),
        building=cost.building_id,
    )
    last_day = calc.Span(cost.ends_on, cost.ends_on)
    book = TariffBook(facts.tariffs_of(community, last_day), last_day)
    sharing = share_cost(told, facts.places(community), book)
    units = Unit.objects.filter(pk__in=sharing.shares).order_by("sort_key", "pk")
    in_order = [(unit, sharing.shares[unit.pk]) for unit in units]
    by_area = any(share.terms.tariff.method is calc.Method.SHARED_AREA for _u, share in in_order)
    return Shares(in_order, sharing.whole, sharing.problems, by_area)


def billed_over(cost: SharedCost) -> Decimal | None:
    """The m² or units over which it was shared when it was billed; None if it is not billed."""
    run = run_of(cost)
    if run is None:
        return None
    pool = next(pool for pool in run.summary["pools"] if pool["cost"] == cost.pk)
    return Decimal(pool["whole"])
