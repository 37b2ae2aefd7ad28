"""From preview to issue on the page: exceptions are accepted, a second person approves."""

from collections.abc import Collection

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from billing.models import BillingSettings, BillRun
from billing.services.runs.bill_run import issue_locked
from billing.services.runs.corrections import computation_of, open_period
from billing.services.runs.differences import Report
from billing.services.runs.run_states import (
    RunDone,
    RunRefused,
    locked,
    move,
    open_exceptions,
)
from community.models import User

# What a preview promises, and an issue must come to.
_PROMISED = ("bills", "lines", "amount", "taken_back")


def accept_exceptions(
    *,
    run: BillRun,
    by: User,
    note: str = "",
    exceptions: Collection[int] | None = None,
    reason: str = "",
    count: int | None = None,
) -> int:
    """Somebody looked at exceptions of a run, some or all of a reason, and lets them be.

    Those accepted before keep who did it. Returns how many were accepted now. Raises RunRefused for
    a run whose bills are issued, and if they are not `count` any more; ValueError if neither is
    named.
    """
    if exceptions is None and not reason:
        raise ValueError("name exceptions or a reason")
    with transaction.atomic():
        run = locked(run)
        if not run.is_open:
            raise RunRefused(_("the bills of this run are issued already"))
        found = run.exceptions.filter(accepted_at__isnull=True)
        if exceptions is not None:
            found = found.filter(pk__in=exceptions)
        if reason:
            found = found.filter(reason=reason)
        if count is not None and count != found.count():
            raise RunRefused(_("they are not as many any more: please look again"))
        return found.update(accepted_at=Now(), accepted_by=by, note=note.strip()[:200])


def ask_to_issue(*, run: BillRun, by: User) -> BillRun:
    """Has a previewed run wait for another person's approval. Asked before, it changes nothing.

    Raises RunRefused while an exception is not accepted.
    """
    with transaction.atomic():
        run = locked(run)
        if run.state == BillRun.State.AWAITING or run.issued_at:
            return run
        _check_accepted(run)
        move(run, BillRun.State.AWAITING)
        run.issued_by, run.reason = by, ""
        run.save()
        return run


def send_back(*, run: BillRun, by: User, reason: str) -> BillRun:
    """The one who was to approve finds something wrong: the run is to be looked at again."""
    with transaction.atomic():
        run = locked(run)
        if run.state != BillRun.State.AWAITING:
            raise RunRefused(_("this run does not wait for approval any more"))
        if not reason.strip():
            raise RunRefused(_("please say why"))
        move(run, BillRun.State.PREVIEWED)
        run.issued_by, run.reason = None, f"{by}: {reason.strip()}"[:500]
        run.save()
        return run


def issue_previewed(*, run: BillRun, by: User | None, report: Report | None = None) -> RunDone:
    """Issue what was previewed, as approver where somebody asked for it.

    Done before, it adds nothing. Raises RunRefused while exceptions are open, where another person
    has to approve, and if the facts have changed so that other bills would come out.
    """
    with transaction.atomic():
        run = locked(run)
        if run.issued_at:
            return RunDone(run)
        _check_approval(run, by)
        _check_accepted(run)
        promised = {key: run.summary.get(key) for key in _PROMISED}
        if run.corrects:
            run.period = open_period(run.corrects)
        done = issue_locked(run, computation_of(run, report=report))
        if {key: run.summary.get(key) for key in _PROMISED} != promised or open_exceptions(run):
            raise RunRefused(
                _("something has changed since the preview: please preview and look again")
            )
        return done


def _check_approval(run: BillRun, by: User | None) -> None:
    if run.state == BillRun.State.AWAITING:
        if by is None or by.pk == run.issued_by_id:
            raise RunRefused(_("another person than who asked for it has to approve"))
        run.approved_by = by
        return
    if BillingSettings.of(run.period.community).needs_approval:
        raise RunRefused(_("another person has to approve this run first"))
    if run.state != BillRun.State.PREVIEWED:
        raise RunRefused(_("please preview the run first"))
    run.issued_by = by


def _check_accepted(run: BillRun) -> None:
    waiting = open_exceptions(run)
    if waiting:
        raise RunRefused(_("%(n)s exceptions are neither mended nor accepted") % {"n": waiting})
