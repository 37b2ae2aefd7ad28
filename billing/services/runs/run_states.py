"""The states of a bill run: who locks it, where it may go, and what is kept of its computation."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing.models import BillRun, RunException
from community.services.imports import lock


class RunRefused(Exception):
    """A run that cannot be; says why."""


class NothingToIssue(RunRefused):
    """A run that would change nothing."""


@dataclass(frozen=True)
class RunDone:
    """A run and how many bills this call added: none if it had been issued before."""

    run: BillRun
    added: int = 0

    @property
    def status(self) -> str:
        """As the command says it: `awaiting` while a second person has to approve."""
        return "awaiting" if self.run.state == BillRun.State.AWAITING else "done"


def locked(run: BillRun) -> BillRun:
    """The run as it is now; nobody else bills its community until the transaction ends."""
    lock(run.period.community)
    found: BillRun = (
        BillRun.objects.select_for_update(of=("self",))
        .select_related("period__community", "corrects__period")
        .get(pk=run.pk)
    )
    return found


def move(run: BillRun, state: BillRun.State) -> None:
    """Put a locked run into another state; RunRefused if it cannot go there."""
    if state not in BillRun.TRANSITIONS[BillRun.State(run.state)]:
        raise RunRefused(
            _("a run that is %(state)s cannot do that") % {"state": run.get_state_display()}
        )
    run.state = state


# What tells one exception from another: the unit, the building, the item and the reason.
Exceptional = tuple[int | None, int | None, int | None, str]
_KEY = ("unit", "building", "fee_item", "reason")


def accepted_exceptions(run: BillRun) -> dict[Exceptional, tuple[object, ...]]:
    """What somebody accepted: when, who and with which words; for a correction also in what it
    corrects."""
    runs = [pk for pk in (run.corrects_id, run.pk) if pk]
    found = RunException.objects.filter(run__in=runs, accepted_at__isnull=False)
    return {
        (unit, building, item, reason): (at, by, note)
        for unit, building, item, reason, at, by, note in found.order_by("run_id").values_list(
            *_KEY, "accepted_at", "accepted_by", "note"
        )
    }


def open_exceptions(run: BillRun) -> int:
    """How many exceptions nobody has accepted."""
    return run.exceptions.filter(accepted_at__isnull=True).count()
