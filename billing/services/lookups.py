"""What the imports of billing look up: fee items and buildings by the names that files use."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from billing.models import FeeItem
from community.models import Building, Community
from community.services.imports import Problems
from core import tables

ITEM_COLUMN = tables.Column("费目", "item", tables.text(max_length=50))
BUILDING_COLUMN = tables.Column(
    "楼栋", "building", tables.code(max_length=20), optional=True, blank=""
)


def fee_items(community: Community) -> dict[str, int]:
    """Ids of the fee items by name."""
    return dict(FeeItem.objects.filter(community=community).values_list("name", "id"))


def buildings(community: Community) -> dict[str, int]:
    """Ids of the buildings by code."""
    return dict(Building.objects.filter(community=community).values_list("code", "id"))


def find_item(row: tables.Row, items: dict[str, int], problems: Problems) -> int | None:
    """The fee item a row names; None, and a problem, if it has no tariff on record."""
    if not row.reads("item"):
        return None
    item = items.get(row["item"])
    if item is None:
        problems.add(row, "费目", _("is not a fee item: import its tariff first"))
    return item


def find_building(row: tables.Row, known: dict[str, int], problems: Problems) -> int | None:
    """The building a row names; None for all buildings, and with a problem for an unknown one."""
    if not row.reads("building") or not row["building"]:
        return None
    if row["building"] not in known:
        problems.add(row, "楼栋", _("is not a building on the register"))
    return known.get(row["building"])


def add_fee_items(community: Community, names: Iterable[str]) -> dict[str, FeeItem]:
    """The fee items of a community by name; those of `names` that are new go after the others."""
    of_community = FeeItem.objects.filter(community=community)
    items = {item.name: item for item in of_community}
    last = max((item.position for item in items.values()), default=0)
    fresh = [name for name in dict.fromkeys(names) if name not in items]
    made = FeeItem.objects.bulk_create(
        FeeItem(community=community, name=name, position=position)
        for position, name in enumerate(fresh, start=last + 1)
    )
    return items | {item.name: item for item in made}
