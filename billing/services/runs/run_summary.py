"""What a run's page shows before anybody issues it: totals, changes, and the oddest units.

It is kept with the run (`BillRun.summary`), so that the page need not compute anything.
"""

from typing import Any

from django.db import connection

from billing.models import BillRun, FeeItem
from billing.services.runs.run_totals import Odd, Totals
from community.models import Building, Unit
from core.money import plain_fen

# What each unit was billed, in fen. The index on the run finds the bills.
_BEFORE = """
    SELECT a.unit_id, (SUM(b.amount) * 100)::bigint
    FROM billing_bill b JOIN billing_account a ON a.id = b.account_id
    WHERE b.run_id = %s GROUP BY a.unit_id
"""


def comparable_run(run: BillRun) -> BillRun | None:
    """The latest issued regular run before a run, for a period of as many months; or None."""
    months = _months(run)
    earlier = BillRun.objects.filter(
        period__community=run.period.community_id,
        period__ends_on__lt=run.period.starts_on,
        kind=BillRun.Kind.REGULAR,
        state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED),
    ).select_related("period")
    found = (one for one in earlier.order_by("-period__starts_on") if _months(one) == months)
    return next(found, None)


def summary_of(run: BillRun, totals: Totals) -> dict[str, Any]:
    """What a run came to, in the shape that `BillRun.summary` tells.

    Only a regular run is compared: a correction has few lines, and all of them are odd.
    """
    regular = run.kind == BillRun.Kind.REGULAR
    before = comparable_run(run) if regular else None
    odd = []
    if before:
        odd = totals.oddest_against(_billed_by(before))
    elif regular:
        odd = totals.oddest_of_their_kind()
    return {
        "bills": totals.bills,
        "lines": totals.lines,
        "amount": plain_fen(totals.fen),
        "items": _items(totals, before),
        "buildings": _buildings(totals),
        "compared_with": before and _as_compared(before),
        "odd": _odd(odd, against_before=before is not None),
        # What each cost was shared over, as it was then: a bill explains itself by it for ever.
        "pools": [
            {"cost": cost.id, "amount": plain_fen(cost.fen), "whole": str(whole)}
            for cost, whole in totals.pools
        ],
    }


def _months(run: BillRun) -> int:
    first, last = run.period.starts_on, run.period.ends_on
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _billed_by(run: BillRun) -> dict[int, int]:
    """Fen by unit, read piece by piece: a company has a million."""
    found: dict[int, int] = {}
    with connection.chunked_cursor() as cursor:
        cursor.execute(_BEFORE, [run.pk])
        while rows := cursor.fetchmany(10_000):
            found.update(rows)
    return found


def _items(totals: Totals, before: BillRun | None) -> list[dict[str, Any]]:
    """The sum of each fee item, and what it was in the run before (None: there is none)."""
    items = before.summary.get("items", []) if before else []
    earlier = {each.get("id"): each["amount"] for each in items}
    asked = {*totals.fen_by_item, *(pk for pk in earlier if pk)}
    return [
        {
            "id": pk,
            "item": name,
            "amount": plain_fen(totals.fen_by_item[pk]),
            "before": earlier.get(pk, "0.00") if before else None,
        }
        for pk, name in FeeItem.objects.filter(pk__in=asked).values_list("pk", "name")
    ]


def _buildings(totals: Totals) -> list[dict[str, str]]:
    """In the order of the units, as they were computed."""
    codes = dict(Building.objects.filter(pk__in=totals.fen_by_building).values_list("pk", "code"))
    return [
        {"building": codes[pk], "amount": plain_fen(fen)}
        for pk, fen in totals.fen_by_building.items()
    ]


def _as_compared(run: BillRun) -> dict[str, Any]:
    return {
        "run": run.pk,
        "from": str(run.period.starts_on),
        "to": str(run.period.ends_on),
        "amount": run.summary.get("amount"),
    }


def _odd(odd: list[Odd], *, against_before: bool) -> list[dict[str, Any]]:
    codes = dict(Unit.objects.filter(pk__in=[one.unit for one in odd]).values_list("pk", "code"))
    return [
        {
            "unit": one.unit,
            "code": codes[one.unit],
            "amount": plain_fen(one.fen),
            "before": plain_fen(one.expected) if against_before else None,
            "usual": None if against_before else plain_fen(one.expected),
            "reason": one.reason,
        }
        for one in odd
    ]
