"""Costs that are shared over units (公摊)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

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
from billing.services.standards.what_is_shared import WhatIsShared
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
    start, an item that the tariffs of the cost's last day do not share, the same item, building and
    days twice or with another amount); then nothing is written.
    """
    problems = Problems()
    rows = tables.read_table(source, COLUMNS, bad=problems.found)
    with writing_to(community, dry_run=dry_run):
        new = _Reading(community, problems, rows).new()
        problems.refuse()
        SharedCost.objects.bulk_create(new)
    return Imported(
        rows=len(rows), created=len(new), unchanged=len(rows) - len(new), dry_run=dry_run
    )


class _Key(NamedTuple):
    """What makes two rows the same cost; a building of '' means all."""

    item: str
    building: str
    starts_on: date
    ends_on: date


class _Reading:
    """Compares the rows of a file with what is on record."""

    def __init__(self, community: Community, problems: Problems, rows: list[tables.Row]) -> None:
        self.problems = problems
        self.rows = rows
        self.items, self.buildings = fee_items(community), buildings(community)
        last_days = [row["ends_on"] for row in rows if row.reads("ends_on")]
        days = calc.Span(min(last_days), max(last_days)) if last_days else None
        self.standards = WhatIsShared(community, days) if days else None
        # The amount of each cost, and the row that says so (0: on record).
        self.known: dict[_Key, tuple[Decimal, int]] = {}
        found = SharedCost.objects.filter(fee_item__community=community)
        for item, building, start, end, amount in found.values_list(
            "fee_item__name", "building__code", "starts_on", "ends_on", "amount"
        ):
            self.known[_Key(item, building or "", start, end)] = amount, 0

    def new(self) -> list[SharedCost]:
        """What is not on record, in the order of the file."""
        return [cost for row in self.rows if (cost := self._new(row))]

    def _new(self, row: tables.Row) -> SharedCost | None:
        item = find_item(row, self.items, self.problems)
        building = find_building(row, self.buildings, self.problems)
        self.problems.add_reversed(row, "止", first="starts_on", last="ends_on")
        is_known_building = row.reads("building") and (building or not row["building"])
        if item and is_known_building and self.standards and row.reads("ends_on"):
            refusal = self.standards.refusal(item=item, building=building, day=row["ends_on"])
            if refusal:
                self.problems.add(row, "费目", refusal)
        if not row.reads(*_Key._fields, "amount") or not self._is_first(row) or item is None:
            return None
        return SharedCost(
            fee_item_id=item,
            building_id=building,
            starts_on=row["starts_on"],
            ends_on=row["ends_on"],
            amount=row["amount"],
        )

    def _is_first(self, row: tables.Row) -> bool:
        """Whether nothing says a row's cost yet; notes a problem if something else is said."""
        key = _Key(*(row[name] for name in _Key._fields))
        amount, first = self.known.setdefault(key, (row["amount"], row.number))
        if first == row.number:
            return True
        if amount != row["amount"]:
            message = _("another amount for these days is on record: %(amount)s")
            self.problems.add(row, "金额", message % {"amount": amount})
        elif first:
            self.problems.add_double(row, "费目", first)
        return False


class CostRefused(Exception):
    """A cost that cannot be entered or taken away; the message says why, `field` what is wrong."""

    def __init__(self, message: str, *, field: str = "amount") -> None:
        super().__init__(message)
        self.field = field


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

    CostRefused if another amount is on record for the item, building and days, or if the tariffs of
    the last day do not share the item.
    """
    if ends_on < starts_on:
        raise CostRefused(_("The last day lies before the first."), field="ends_on")
    lock(item.community)
    standards = WhatIsShared(item.community, calc.Span(ends_on, ends_on))
    building_id = building.pk if building else None
    refusal = standards.refusal(item=item.pk, building=building_id, day=ends_on)
    if refusal:
        raise CostRefused(f"{item} {refusal}", field="item")
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
