"""The bill run (出账): compute a period's bills as often as wanted, issue them once."""

from datetime import date, timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import (
    BillingPeriod,
    BillingSettings,
    BillRun,
    Charge,
    RunChange,
    RunException,
)
from billing.services.accounts.posting import lock_accounts, use_credit
from billing.services.runs import late_facts
from billing.services.runs.bill_writer import write_bills
from billing.services.runs.differences import Difference, Report
from billing.services.runs.periods import forget_draft
from billing.services.runs.recording import wait_until_recorded
from billing.services.runs.reversal import reverse_charges
from billing.services.runs.run_states import (
    NothingToIssue,
    RunDone,
    RunRefused,
    accepted_exceptions,
    move,
)
from billing.services.runs.run_summary import summary_of
from billing.signals import bills_issued
from community.models import Community, User, today
from community.services.imports import lock
from core.copying import copy_rows
from core.money import from_fen, plain_fen

__all__ = ["MAX_MONTHS", "RunDone", "RunRefused", "issue_run", "preview_run"]

# Bills are issued once and for ever: a mistyped year must not bill decades.
MAX_MONTHS = 36


def preview_run(
    *,
    community: Community,
    starts_on: date,
    ends_on: date,
    due_on: date,
    report: Report | None = None,
) -> RunDone:
    """Compute a period's bills and keep only the totals and exceptions.

    An issued run is returned as it stands; one that waits for approval has to be asked for anew.
    What was accepted stays accepted. Raises RunRefused for a period that is not whole months, is
    too long or overlaps an issued one, and for bills that would be due before it.
    """
    with transaction.atomic():
        run = _locked_run(community, starts_on, ends_on, due_on)
        if run.issued_at:
            return RunDone(run)
        return preview_locked(run, Difference(run, report=report))


def issue_run(
    *,
    community: Community,
    starts_on: date,
    ends_on: date,
    due_on: date,
    by: User | None = None,
) -> RunDone:
    """Issue a period's bills: all of them or, on any error, none.

    Where the community wants a second person's approval the run is left waiting for it. Done
    before, it adds nothing; at the same moment twice, the second waits and adds nothing. Each
    payer's unused credit is taken at once. Sends `bills_issued`. Raises RunRefused as
    `preview_run`, and when there is nothing to bill.
    """
    period = (community, starts_on, ends_on, due_on)
    if connection.in_atomic_block:  # whoever holds a transaction cannot make the run known before
        return _issue(*period, by)
    with transaction.atomic():
        run = _locked_run(*period)
    try:
        # The run is committed: from now on facts are noted for it. Those of before it reads.
        if not run.issued_at:
            wait_until_recorded()
        return _issue(*period, by)
    except RunRefused:
        forget_draft(run=run)
        raise


def _issue(
    community: Community, starts_on: date, ends_on: date, due_on: date, by: User | None
) -> RunDone:
    with transaction.atomic():
        run = _locked_run(community, starts_on, ends_on, due_on)
        if run.issued_at:
            return RunDone(run)
        if not BillingSettings.of(community).needs_approval:
            run.issued_by = by
            return issue_locked(run, Difference(run))
        if run.state != BillRun.State.AWAITING:
            computation = Difference(run)
            preview_locked(run, computation)
            _check_worth_issuing(run, computation)
            move(run, BillRun.State.AWAITING)
            run.issued_by = by
            run.save()
        return RunDone(run)


def preview_locked(run: BillRun, computation: Difference) -> RunDone:
    """Compute a locked run and keep what it comes to."""
    for chunk in computation.chunks():
        for unit in chunk.load():
            computation.bills(unit)
    _keep_result(run, computation)
    if run.state == BillRun.State.AWAITING:
        run.issued_by = None
    move(run, BillRun.State.PREVIEWED)
    run.save()
    return RunDone(run)


def issue_locked(run: BillRun, computation: Difference) -> RunDone:
    """Write the bills of a locked run, take back what no longer holds, and use unused credit."""
    run.issued_at = timezone.now()
    known = write_bills(run=run, computation=computation, issued_at=run.issued_at)
    _check_worth_issuing(run, computation)
    _keep_result(run, computation)
    if computation.gone:
        known |= _take_back(run, computation.gone, known)
    move(run, BillRun.State.ISSUED)
    run.save()
    if run.kind == BillRun.Kind.REGULAR:
        run.period.issued_at = run.issued_at
        run.period.save()
    # Now that the period is billed: what was prepaid may earn an early-payment offer.
    use_credit(account_ids=known)
    if computation.totals.bills:
        bills_issued.send(sender=BillRun, run=run)
    return RunDone(run, added=computation.totals.bills)


def _take_back(run: BillRun, gone: list[int], billed: set[int]) -> set[int]:
    """Take back what no longer holds; returns the accounts concerned."""
    charges = Charge.objects.filter(pk__in=gone)
    concerned = set(charges.values_list("account", flat=True))
    # All at once, in the one order that everybody uses: use_credit comes to the billed ones later.
    lock_accounts(billed | concerned)
    reverse_charges(charges=gone, run=run, value_date=today())
    return concerned


def _check_worth_issuing(run: BillRun, computation: Difference) -> None:
    if computation.totals.lines or computation.gone:
        return
    if run.kind != BillRun.Kind.REGULAR:
        raise NothingToIssue(_("nothing has changed: what was billed still holds"))
    if computation.stood:
        return
    if computation.totals.problems:
        raise RunRefused(_("nothing can be billed: the preview lists the exceptions"))
    raise RunRefused(_("there is nothing to bill: is a tariff in force?"))


def _locked_run(community: Community, starts_on: date, ends_on: date, due_on: date) -> BillRun:
    """The run of a period, made if it is the first; nobody else bills the community meanwhile."""
    if starts_on.day != 1 or (ends_on + timedelta(days=1)).day != 1 or ends_on < starts_on:
        raise RunRefused(_("a period is whole months, from one to a later or the same"))
    if (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month >= MAX_MONTHS:
        raise RunRefused(_("a period has at most %(n)s months") % {"n": MAX_MONTHS})
    if due_on < starts_on:
        raise RunRefused(_("the bills would be due before the period begins"))
    lock(community)
    issued = BillingPeriod.objects.filter(community=community, issued_at__isnull=False)
    overlapping = issued.filter(starts_on__lte=ends_on, ends_on__gte=starts_on)
    for period in overlapping.exclude(starts_on=starts_on, ends_on=ends_on):
        raise RunRefused(_("the period overlaps %(period)s, which is issued") % {"period": period})
    period, _new = BillingPeriod.objects.get_or_create(
        community=community, starts_on=starts_on, ends_on=ends_on
    )
    standing = BillRun.objects.select_for_update(of=("self",)).filter(
        period=period, kind=BillRun.Kind.REGULAR
    )
    run = standing.exclude(state=BillRun.State.REVERSED).first()
    run = run or BillRun.objects.create(period=period, due_on=due_on)
    run.period = period
    if not run.issued_at:
        run.due_on = due_on
    return run


def _keep_result(run: BillRun, computation: Difference) -> None:
    """Keep what a run came to, its exceptions and changes instead of those of the last preview."""
    totals = computation.totals
    # A correction may be about some units only.
    asked = {key: run.summary[key] for key in ("asked",) if key in run.summary}
    run.summary = summary_of(run, totals) | asked
    run.summary["in_arrears"] = sorted(computation.days.in_arrears)
    if computation.gone:
        run.summary["taken_back"] = {
            "lines": len(computation.gone),
            "amount": plain_fen(computation.gone_fen),
        }
    accepted = accepted_exceptions(run)
    run.exceptions.all().delete()
    nobody = (None, None, "")
    copy_rows(
        RunException,
        [
            *("run", "unit", "building", "fee_item", "reason", "detail"),
            *("accepted_at", "accepted_by", "note"),
        ],
        (
            (
                *(run.pk, p.unit, p.building, p.item, p.reason.value, p.detail),
                *accepted.get((p.unit, p.building, p.item, p.reason.value), nobody),
            )
            for p in totals.problems
        ),
    )
    late_facts.looked_at(
        run=run, notes=computation.notes, changed={change.unit for change in computation.changes}
    )
    run.changes.all().delete()
    if run.kind == BillRun.Kind.REGULAR:
        return
    copy_rows(
        RunChange,
        ["run", "unit", "party", "before", "after", "why"],
        (
            (run.pk, c.unit, c.party, from_fen(c.before), from_fen(c.after), c.why)
            for c in computation.changes
        ),
    )
