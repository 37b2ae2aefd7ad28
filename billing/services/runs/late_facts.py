"""Which issued bills may be wrong by now: facts that came after a run was computed.

The database notes them as they come (`billing.models.noting`). Here they are counted, and cleared
once somebody looked what they change.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Count
from django.utils.translation import ngettext

from billing.models import BillRun, LateFact
from community.models import Community, Unit


class Due(NamedTuple):
    """A run whose bills may be wrong, and for how many units."""

    run: BillRun
    units: int


def due_by_run(community: Community) -> list[Due]:
    """The issued runs that late facts touch, the latest period first."""
    found = LateFact.objects.due().filter(run__period__community=community).values("run")
    units = dict(found.annotate(units=Count("unit", distinct=True)).values_list("run", "units"))
    runs = BillRun.objects.filter(pk__in=units).select_related("period")
    return [Due(run, units[run.pk]) for run in runs.order_by("-period__starts_on")]


def units_due(community: Community) -> int:
    """How many units have a correction due, in whichever runs."""
    found = LateFact.objects.due().filter(run__period__community=community)
    return found.values("unit").distinct().count()


def runs_by_unit(
    unit_ids: Iterable[int], kind: LateFact.Kind | None = None
) -> dict[int, list[BillRun]]:
    """By unit, of those asked for: the issued runs to be corrected, the earliest first.

    Only where something of a `kind` is new, if one is given.
    """
    found = LateFact.objects.due().filter(unit__in=list(unit_ids))
    if kind:
        found = found.filter(kind=kind)
    pairs = set(found.values_list("unit", "run"))
    runs = BillRun.objects.select_related("period").in_bulk({run for _unit, run in pairs})
    by_unit: dict[int, list[BillRun]] = {}
    for unit, run in sorted(pairs, key=lambda pair: runs[pair[1]].period.starts_on):
        by_unit.setdefault(unit, []).append(runs[run])
    return by_unit


class Touched(NamedTuple):
    """A unit that a run may have billed wrong, and what is new, in words, as far as noted."""

    unit: Unit
    reasons: list[str]


def units_of(run: BillRun, limit: int) -> list[Touched]:
    """The units of an issued run that have a correction due, the first `limit` of them."""
    found = LateFact.objects.filter(run=run).order_by("unit__sort_key", "unit")
    ids = list(found.values_list("unit", flat=True).distinct()[:limit])
    kinds: dict[int, list[str]] = {}
    rows = found.filter(unit__in=ids).values_list("unit", "kind").distinct()
    for unit, kind in rows.order_by("kind"):
        if kind != LateFact.Kind.FOUND:
            kinds.setdefault(unit, []).append(str(LateFact.Kind(kind).label))
    units = Unit.objects.in_bulk(ids)
    return [Touched(units[pk], kinds.get(pk, [])) for pk in ids]


def announcements(community: Community) -> list[str]:
    """What an import says at its end: for each run how many units have corrections due."""
    return [
        ngettext(
            "%(period)s is billed already: %(n)s unit has a correction due.",
            "%(period)s is billed already: %(n)s units have corrections due.",
            due.units,
        )
        % {"period": due.run.period, "n": due.units}
        for due in due_by_run(community)
    ]


def seen(run: BillRun, unit_ids: Collection[int] | None = None) -> list[int]:
    """The notes on a run, of all units or of some, whose facts a computation that starts now knows.

    Those that are noted meanwhile are not among them, and outlive `looked_at`.
    """
    notes = LateFact.objects.filter(run=run)
    if unit_ids is not None:
        notes = notes.filter(unit__in=unit_ids)
    return list(notes.values_list("pk", flat=True))


# Facts of one unit that may change what its neighbours owe, by their parts of shared costs.
FOR_OTHERS_TOO = frozenset({LateFact.Kind.UNIT, LateFact.Kind.TARIFF, LateFact.Kind.SHARED_COST})


def only_its_own(run: BillRun, unit: Unit) -> bool:
    """Whether notes of a run are there on a unit, and their facts change nobody else's bills."""
    kinds = set(LateFact.objects.filter(run=run, unit=unit).values_list("kind", flat=True))
    return bool(kinds) and not kinds & FOR_OTHERS_TOO


def looked_at(*, run: BillRun, notes: Collection[int], changed: Collection[int]) -> None:
    """Clear the `notes` that a computation had `seen`; `changed` are the units that it found wrong.

    A correction that is only previewed keeps what it found: thrown away, the units are due still.
    A neighbour's share may be all that changes, so a look at some units then keeps their notes.
    """
    standing = LateFact.objects.filter(pk__in=notes)
    if run.corrects is None or run.issued_at:
        standing.delete()
        return
    if "asked" in run.summary:
        if not changed:
            standing.delete()
        return
    standing.exclude(unit__in=changed).delete()
    noted = set(standing.values_list("unit", flat=True))
    LateFact.objects.bulk_create(
        LateFact(run=run.corrects, unit_id=unit, kind=LateFact.Kind.FOUND)
        for unit in sorted(set(changed) - noted)
    )
