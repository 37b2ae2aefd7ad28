"""Costs that are shared over units (公摊)."""

from django.utils.translation import gettext as _

from billing.models import SharedCost
from billing.services.lookups import (
    BUILDING_COLUMN,
    ITEM_COLUMN,
    buildings,
    fee_items,
    find_building,
    find_item,
)
from community.models import Community
from community.services.imports import Imported, Problems, Source, writing_to
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
