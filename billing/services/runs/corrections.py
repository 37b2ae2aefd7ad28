"""Late facts: what was billed by facts that were corrected afterwards is put right.

A transfer, vacancy, area, reading or a tariff's end that becomes known after issue changes what
should have been billed. The run is computed anew and compared with the lines that stand: those that
no longer follow from the facts are taken back, and what follows instead is billed to the payers
concerned. The correction stands in the run's own period or, if that is closed, in the open one, and
points back.
"""

from collections.abc import Collection
from datetime import date, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from billing.models import BillingPeriod, BillRun, FeeItem, MeterReading
from billing.services.runs import late_facts, periods
from billing.services.runs.bill_run import issue_locked, preview_locked
from billing.services.runs.differences import Difference, Report
from billing.services.runs.run_states import NothingToIssue, RunRefused, locked
from community.models import Community, Unit, User, today
from community.services.imports import lock

# Whoever is billed more than he thought gets this long to pay.
DUE_DAYS = 15
# Months without bills that a final bill still makes up for.
MOST_PERIODS = 24


def preview_correction(
    *,
    run: BillRun,
    unit_ids: Collection[int] | None = None,
    due_on: date | None = None,
    report: Report | None = None,
) -> BillRun | None:
    """What the facts of now change about an issued run, of all units or of some; None: nothing.

    The correction run that comes out lists its changes; previewed again it is the same run. Raises
    RunRefused for a run that is no issued regular one, and for a due date in the past.
    """
    if due_on is not None and due_on < today():
        raise RunRefused(_("the bills would be due in the past"))
    with transaction.atomic():
        run = locked(run)
        correction = _correction_of(run, due_on)
        correction.summary = {} if unit_ids is None else {"asked": sorted(unit_ids)}
        computation = computation_of(correction, report=report)
        preview_locked(correction, computation)
        if computation.changes:
            return correction
        correction.delete()
        return None


def computation_of(run: BillRun, *, report: Report | None = None) -> Difference:
    """What is to be billed and taken back by a run, by the facts of now."""
    if run.corrects is None:
        return Difference(run, report=report)
    return Difference(run.corrects, unit_ids=run.summary.get("asked"), report=report)


def _correction_of(run: BillRun, due_on: date | None) -> BillRun:
    """The correction of a locked run that is being prepared, made if there is none."""
    if run.kind != BillRun.Kind.REGULAR or run.state not in (
        BillRun.State.ISSUED,
        BillRun.State.CLOSED,
    ):
        raise RunRefused(_("only an issued run of a period can be corrected"))
    found = run.corrections.filter(state__in=BillRun.OPEN).select_for_update(of=("self",)).first()
    correction = found or BillRun(kind=BillRun.Kind.CORRECTION)
    correction.corrects, correction.period = run, open_period(run)
    correction.due_on = due_on or max(run.due_on, today() + timedelta(days=DUE_DAYS))
    correction.save()
    return correction


def open_period(run: BillRun) -> BillingPeriod:
    """Where a correction of a run lands: in its own period, or if that is closed in the open one.

    That is the earliest later period that is not closed, an issued one before a planned one.
    """
    own = run.period
    if own.closed_at is None:
        return own
    later = BillingPeriod.objects.filter(
        community=own.community_id, starts_on__gt=own.ends_on, closed_at__isnull=True
    )
    issued = later.filter(issued_at__isnull=False).order_by("starts_on").first()
    planned = later.filter(issue_on__isnull=False).order_by("starts_on").first()
    return issued or planned or periods.next_period(own.community)


@transaction.atomic
def bill_unit_until(*, unit: Unit, day: date, by: User | None) -> list[BillRun]:
    """The final bill of whoever leaves a unit on `day`, the last day that he pays for.

    Periods that are issued are corrected as if somebody else came on the day after, those to come
    are billed in advance up to `day`; the regular run leaves out what was billed here. Water is
    billed as far as it was read: by a reading on the day after `day`, as at a transfer. Returns the
    issued runs, none if everything up to `day` was billed and nothing beyond it; called again it
    adds nothing. Of what they took in no correction stays due. One unit's final bill is issued
    without a second person's approval. Raises RunRefused for more than 24 periods without bills.
    """
    community = unit.community
    lock(community)
    runs = []
    for issued in _issued_runs(community, day):
        correction = BillRun(
            kind=BillRun.Kind.CORRECTION, corrects=issued, period=open_period(issued)
        )
        runs += _issue_final(correction, issued, unit, day, by)
        _clear_what_was_taken_in(issued, unit)
    for period in _unbilled_periods(unit, day):
        final = BillRun(kind=BillRun.Kind.FINAL, period=period)
        runs += _issue_final(final, final, unit, day, by)
    return runs


def _clear_what_was_taken_in(run: BillRun, unit: Unit) -> None:
    """Clears a unit's notes of a correction due if its bills follow from the facts by now.

    They do not while somebody who came after has days that are on no bill.
    """
    if not late_facts.only_its_own(run, unit):
        return
    computation = Difference(run, unit_ids=[unit.pk], alone=True)
    for chunk in computation.chunks():
        for asked in chunk.load():
            computation.bills(asked)
    if not computation.changes:
        late_facts.looked_at(run=run, notes=computation.notes, changed=())


def _issued_runs(community: Community, day: date) -> list[BillRun]:
    """The runs in which days after `day`, or water used before it, may be billed."""
    return list(
        BillRun.objects.filter(
            period__community=community,
            period__ends_on__gte=day,
            kind=BillRun.Kind.REGULAR,
            state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED),
        )
        .select_related("period__community")
        .order_by("period__starts_on")
    )


def _unbilled_periods(unit: Unit, day: date) -> list[BillingPeriod]:
    """The periods up to `day` that are not issued, and the next one if it bills their water."""
    community = unit.community
    afterwards = (
        FeeItem.objects.filter(community=community, in_arrears=True).exists()
        or MeterReading.objects.filter(
            meter__unit=unit, read_on=day + timedelta(days=1), read_on__day=1
        ).exists()
    )
    spans = periods.spans_after_issued(community, until=day, and_one_more=afterwards)
    if len(spans) > MOST_PERIODS:
        raise RunRefused(_("too many periods before that day are without bills: bill them first"))
    return [periods.period_of(community, span) for span in spans]


def _issue_final(
    run: BillRun, of: BillRun, unit: Unit, day: date, by: User | None
) -> list[BillRun]:
    """Issue what one unit's payers owe up to a day; nothing if that is on bills already."""
    run.due_on, run.issued_by = max(day, today()), by
    run.summary = {"asked": [unit.pk]}
    run.save()
    try:
        with transaction.atomic():
            return [issue_locked(run, Difference(of, unit_ids=[unit.pk], until=day)).run]
    except NothingToIssue:
        BillRun.objects.filter(pk=run.pk).delete()
        return []
