"""Bill runs as jobs: previewing, issuing, correcting, reversing take minutes for many units.

A job names the run by its id. Done again after its worker died it does nothing twice: the services
look at the run's state first.
"""

import datetime
from collections.abc import Collection
from decimal import Decimal

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.models import BillRun
from billing.services.runs.bill_run import preview_run
from billing.services.runs.corrections import preview_correction
from billing.services.runs.reversal import reverse_run
from billing.services.runs.run_approval import issue_previewed
from billing.services.runs.run_states import RunRefused, open_exceptions
from community.models import Community, Job, User
from community.services.jobs import Made, Progress, register, start_job
from core.money import format_yuan

PREVIEW = "billing.preview"
ISSUE = "billing.issue"
CORRECT = "billing.correct"
REVERSE = "billing.reverse"


def start_preview(
    *,
    community: Community,
    by: User,
    starts_on: datetime.date,
    ends_on: datetime.date,
    due_on: datetime.date,
) -> Job:
    """Has a worker preview a period's bills."""
    days = {"starts_on": str(starts_on), "ends_on": str(ends_on), "due_on": str(due_on)}
    return start_job(PREVIEW, community=community, by=by, params=days)


def start_issue(*, run: BillRun, by: User) -> Job:
    """Has a worker issue what was previewed; `by` is the approver where somebody asked for it."""
    return start_job(ISSUE, community=run.period.community, by=by, params={"run": run.pk})


def start_correction(
    *, run: BillRun, by: User, due_on: datetime.date, unit_ids: Collection[int] | None = None
) -> Job:
    """Has a worker find out what late facts change about an issued run."""
    asked = None if unit_ids is None else sorted(unit_ids)
    params = {"run": run.pk, "due_on": str(due_on), "units": asked}
    return start_job(CORRECT, community=run.period.community, by=by, params=params)


def start_reversal(*, run: BillRun, by: User, reason: str = "") -> Job:
    """Has a worker take back a wrong run."""
    params = {"run": run.pk, "reason": reason}
    return start_job(REVERSE, community=run.period.community, by=by, params=params)


def _run_of(job: Job) -> BillRun:
    return BillRun.objects.select_related("period__community").get(
        pk=job.params["run"], period__community=job.community_id
    )


def _page(run: BillRun) -> str:
    return reverse("billing:run", args=[run.period.community.code, run.pk])


def _preview(job: Job, progress: Progress) -> Made:
    days = {name: datetime.date.fromisoformat(day) for name, day in job.params.items()}
    run = preview_run(community=job.community, report=progress.report, **days).run
    waiting = open_exceptions(run)
    message = _("%(period)s: %(bills)s bills, %(amount)s.") % _figures(run)
    if waiting and run.is_open:
        message += " " + ngettext(
            "%(n)s exception waits for you.", "%(n)s exceptions wait for you.", waiting
        ) % {"n": waiting}
    return Made(message, _page(run))


def _issue(job: Job, progress: Progress) -> Made:
    run = issue_previewed(run=_run_of(job), by=job.created_by, report=progress.report).run
    return Made(_("Issued %(period)s: %(bills)s bills, %(amount)s.") % _figures(run), _page(run))


def _figures(run: BillRun) -> dict[str, str]:
    return {
        "period": str(run.period),
        "bills": f"{run.summary.get('bills', 0):,}",
        "amount": format_yuan(run.amount or Decimal(0)),
    }


def _correct(job: Job, progress: Progress) -> Made:
    run = _run_of(job)
    correction = preview_correction(
        run=run,
        unit_ids=job.params["units"],
        due_on=datetime.date.fromisoformat(job.params["due_on"]),
        report=progress.report,
    )
    if correction is None:
        back = reverse("billing:corrections", args=[run.period.community.code, run.pk])
        return Made(_("Nothing has changed: what was billed still holds."), back)
    changes = correction.changes.count()
    message = ngettext("%(n)s payer is concerned.", "%(n)s payers are concerned.", changes)
    return Made(message % {"n": changes}, _page(correction))


def _reverse(job: Job, progress: Progress) -> Made:
    run = _run_of(job)
    taken = reverse_run(
        run=run, by=job.created_by, reason=job.params["reason"], report=progress.report
    )
    message = _("%(period)s is reversed: %(lines)s lines were taken back.")
    return Made(message % {"period": run.period, "lines": taken}, _page(run))


_REFUSALS = (RunRefused,)
register(PREVIEW, label=gettext_lazy("Preview of bills"), work=_preview, refusals=_REFUSALS)
register(ISSUE, label=gettext_lazy("Issue of bills"), work=_issue, refusals=_REFUSALS)
register(CORRECT, label=gettext_lazy("Correction of a run"), work=_correct, refusals=_REFUSALS)
register(REVERSE, label=gettext_lazy("Reversal of a run"), work=_reverse, refusals=_REFUSALS)
