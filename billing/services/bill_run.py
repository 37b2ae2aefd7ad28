"""The bill run (出账): compute a period's bills as often as wanted, issue them once."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import calculation as calc
from billing.models import BillingPeriod, BillRun, RunException
from billing.services.bill_computing import Computation
from billing.services.bill_writer import write_bills
from billing.services.posting import use_credit
from billing.services.run_summary import summary_of
from billing.services.run_totals import Totals
from billing.signals import bills_issued
from community.models import Community, User
from community.services.imports import lock
from core.copying import copy_rows

# Bills are issued once and for ever: a mistyped year must not bill decades.
MAX_MONTHS = 36


class RunRefused(Exception):
    """A run that cannot be; says why."""


@dataclass(frozen=True)
class RunDone:
    """A run and how many bills this call added: none if it had been issued before."""

    run: BillRun
    added: int = 0


def preview_run(*, community: Community, starts_on: date, ends_on: date, due_on: date) -> RunDone:
    """Compute a period's bills and keep only the totals and exceptions.

    An issued run is returned as it stands. Raises RunRefused for a period that is not whole months,
    is too long or overlaps an issued one, and for bills that would be due before it.
    """
    with transaction.atomic():
        run = _locked_run(community, starts_on, ends_on, due_on)
        if run.issued_at:
            return RunDone(run)
        computation = Computation(community, calc.Span(starts_on, ends_on))
        for chunk in computation.chunks():
            for unit in chunk.load():
                computation.bills(unit)
        _keep_result(run, computation.totals)
        _move(run, BillRun.State.PREVIEWED)
        run.save()
        return RunDone(run)


def issue_run(
    *,
    community: Community,
    starts_on: date,
    ends_on: date,
    due_on: date,
    by: User | None = None,
) -> RunDone:
    """Issue a period's bills: all of them or, on any error, none.

    Done before, it adds nothing; at the same moment twice, the second waits and adds nothing. Each
    payer's unused credit is taken at once. Sends `bills_issued`. Raises RunRefused as
    `preview_run`, and when there is nothing to bill.
    """
    with transaction.atomic():
        run = _locked_run(community, starts_on, ends_on, due_on)
        if run.issued_at:
            return RunDone(run)
        computation = Computation(community, calc.Span(starts_on, ends_on))
        run.issued_at = run.period.issued_at = timezone.now()
        known = write_bills(run=run, computation=computation, issued_at=run.issued_at)
        if not computation.totals.lines:
            if computation.totals.problems:
                raise RunRefused(_("nothing can be billed: the preview lists the exceptions"))
            raise RunRefused(_("there is nothing to bill: is a tariff in force?"))
        use_credit(account_ids=known)
        _keep_result(run, computation.totals)
        _move(run, BillRun.State.ISSUED)
        run.issued_by = by
        run.period.save()
        run.save()
        bills_issued.send(sender=BillRun, run=run)
        return RunDone(run, added=computation.totals.bills)


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


def _move(run: BillRun, state: BillRun.State) -> None:
    """Put a locked run into another state; RunRefused if it cannot go there."""
    if state not in BillRun.TRANSITIONS[BillRun.State(run.state)]:
        raise RunRefused(
            _("a run that is %(state)s cannot do that") % {"state": run.get_state_display()}
        )
    run.state = state


def _keep_result(run: BillRun, totals: Totals) -> None:
    """Keep what a run came to, and its exceptions instead of those of the last preview."""
    run.summary = summary_of(run, totals)
    run.exceptions.all().delete()
    copy_rows(
        RunException,
        ["run", "unit", "fee_item", "reason", "detail"],
        ((run.pk, p.unit, p.item, p.reason.value, p.detail) for p in totals.problems),
    )
