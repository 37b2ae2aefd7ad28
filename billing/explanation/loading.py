"""Explains a whole bill in a fixed number of queries."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from django.db.models import Q

from billing.explanation.charges import Explained, Pool, Surroundings, explain
from billing.explanation.corrections import words_of_corrections
from billing.explanation.late_lines import words_of_late_lines
from billing.models import (
    Bill,
    Charge,
    MeterReading,
    MeterReplacement,
    SharedCost,
    Tariff,
)
from billing.models.charge import taken_back

METERED = {Tariff.Method.USAGE, Tariff.Method.TIERED}
SHARED = {Tariff.Method.SHARED_AREA, Tariff.Method.SHARED_HOUSEHOLD}


def explain_bill(bill: Bill) -> list[Explained]:
    """Each charge of a bill in the order of its fee items, explained and with its `open_amount`.

    At most eight queries, if the bill came with `account__unit` and `run`.
    """
    charges = list(
        bill.charges.with_open()
        .annotate(is_taken_back=taken_back())
        .select_related("fee_item", "tariff", "adjustment")
        .order_by("fee_item__position", "fee_item_id", "starts_on", "id")
    )
    metered = [charge for charge in charges if _method(charge) in METERED]
    readings, replacements = _readings(bill, metered)
    costs = _costs(bill, [c for c in charges if _method(c) in SHARED])
    corrections = words_of_corrections(bill, charges)
    late = words_of_late_lines(bill, charges)
    lines_of_usage = Counter(_usage(charge) for charge in charges)
    told: Counter[tuple[object, ...]] = Counter()
    explained = []
    for charge in charges:
        usage = _usage(charge)
        around = Surroundings(
            tier=told[usage],
            tiers_used=lines_of_usage[usage],
            pools=_pools(bill, charge, costs),
            readings=[r for r in readings if r.meter.fee_item_id == charge.fee_item_id],
            replacements=[r for r in replacements if r.meter.fee_item_id == charge.fee_item_id],
        )
        told[usage] += 1
        found = explain(charge, around)
        notes = (*found.notes, *late.get(charge.pk, ()), *corrections[charge.pk])
        explained.append(replace(found, notes=notes))
    return explained


def _method(charge: Charge) -> str:
    return charge.tariff.method if charge.tariff else ""


def _usage(charge: Charge) -> tuple[object, ...]:
    """What the lines of one usage, one for each tier, have in common."""
    return charge.tariff_id, charge.starts_on, charge.ends_on


def _readings(
    bill: Bill, metered: Sequence[Charge]
) -> tuple[list[MeterReading], list[MeterReplacement]]:
    """What was read, and which meters were replaced, in order of the days."""
    if not metered:
        return [], []
    meters = {
        "meter__unit": bill.account.unit_id,
        "meter__fee_item__in": {charge.fee_item_id for charge in metered},
    }
    readings = MeterReading.objects.filter(**meters).select_related("meter").order_by("read_on")
    replaced = MeterReplacement.objects.filter(**meters).select_related("meter")
    # Only a shift can come from a replacement, and hardly any meter has one.
    found = list(readings)
    return found, list(replaced.order_by("replaced_on")) if any(r.shift for r in found) else []


def _costs(bill: Bill, shared: Sequence[Charge]) -> list[SharedCost]:
    if not shared:
        return []
    everywhere_or_here = Q(building=None) | Q(building=bill.account.unit.building_id)
    return list(
        SharedCost.objects.filter(
            everywhere_or_here, fee_item__in={charge.fee_item_id for charge in shared}
        )
    )


def _pools(bill: Bill, charge: Charge, costs: Sequence[SharedCost]) -> list[Pool]:
    """The pools that a charge may be a share of, as the run kept them when it shared them."""
    days = charge.starts_on, charge.ends_on
    own = {
        cost.pk
        for cost in costs
        if cost.fee_item_id == charge.fee_item_id and (cost.starts_on, cost.ends_on) == days
    }
    return [
        Pool(Decimal(pool["amount"]), Decimal(pool["whole"]), pool["cost"])
        for pool in bill.run.summary.get("pools", [])
        if pool["cost"] in own
    ]
