"""Which periods come next, when their bills should be out, and who is told."""

import datetime
from calendar import monthrange
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.models import BillingPeriod, BillingSettings, BillRun, Tariff
from billing.services.runs.run_states import RunRefused, locked, move
from billing.signals import run_due
from community.models import Community, User, today
from community.services.imports import lock

# Periods that have not begun yet of which a row is kept.
AHEAD = 2
# A community that did not bill for years is asked for this many, no more at once.
MOST_PLANNED = 24


class Span(NamedTuple):
    """Whole months, both days inclusive."""

    starts_on: datetime.date
    ends_on: datetime.date


def span_from(starts_on: datetime.date, cycle: int) -> Span:
    """The rest of the cycle that a first of a month lies in: 1 March of quarters ends on 31 March.

    Cycles are those of the calendar: quarters begin in January, April, July and October.
    """
    last = (starts_on.month - 1) // cycle * cycle + cycle
    return Span(starts_on, datetime.date(starts_on.year, last, monthrange(starts_on.year, last)[1]))


def _first_of_cycle(day: datetime.date, cycle: int) -> datetime.date:
    return datetime.date(day.year, (day.month - 1) // cycle * cycle + 1, 1)


def _day_after(day: datetime.date) -> datetime.date:
    return day + datetime.timedelta(days=1)


def last_issued(community: Community) -> BillingPeriod | None:
    """The latest period whose bills are issued."""
    issued = BillingPeriod.objects.filter(community=community, issued_at__isnull=False)
    return issued.order_by("-ends_on").first()


def spans_after_issued(
    community: Community, *, until: datetime.date, and_one_more: bool = False
) -> list[Span]:
    """The cycles after the last issued period that begin by `until`; maybe the one after those.

    Where nothing was ever issued they begin with the cycle that `until` lies in.
    """
    cycle = BillingSettings.of(community).cycle
    issued = last_issued(community)
    start = _day_after(issued.ends_on) if issued else _first_of_cycle(until, cycle)
    spans = []
    while start <= until:
        spans.append(span_from(start, cycle))
        start = _day_after(spans[-1].ends_on)
    return [*spans, span_from(start, cycle)] if and_one_more else spans


def period_of(community: Community, span: Span) -> BillingPeriod:
    """The row of a span of months, made if there is none."""
    period, _made = BillingPeriod.objects.get_or_create(
        community=community, starts_on=span.starts_on, ends_on=span.ends_on
    )
    return period


def next_period(community: Community) -> BillingPeriod:
    """The row of the period that comes after the last issued one."""
    day = max(today(), issued.ends_on) if (issued := last_issued(community)) else today()
    return period_of(community, spans_after_issued(community, until=day, and_one_more=True)[-1])


# --- planning -------------------------------------------------------------------------------


def plan_periods(*, on: datetime.date | None = None) -> int:
    """Has the next periods of every community that charges anything stand ready; how many are new.

    Beat runs it; running it twice changes nothing.
    """
    charging = Tariff.objects.values("fee_item__community")
    return sum(
        plan_community(community=community, on=on)
        for community in Community.objects.filter(pk__in=charging)
    )


@transaction.atomic
def plan_community(*, community: Community, on: datetime.date | None = None) -> int:
    """Plans one community's periods: those after the last issued one, until two lie ahead.

    Where nothing was ever issued the first is the one that begins next. Planned rows that no longer
    fit the cycle, and of which nothing was computed, are dropped; how many are new is returned.
    """
    lock(community)
    day = on or today()
    how = BillingSettings.of(community)
    wanted = _wanted(community, how, day)
    planned = BillingPeriod.objects.filter(
        community=community, issue_on__isnull=False, issued_at__isnull=True
    )
    new = 0
    for period in planned:
        if Span(period.starts_on, period.ends_on) in wanted:
            continue
        if period.runs.exists():
            period.issue_on = None
            period.save(update_fields=["issue_on"])
        else:
            period.delete()
    for span in wanted:
        issue_on = how.issue_on(span.starts_on)
        period = period_of(community, span)
        new += period.issue_on is None
        if period.issue_on != issue_on:
            period.issue_on = issue_on
            period.reminded_at = None
            period.save(update_fields=["issue_on", "reminded_at"])
    return new


def _wanted(community: Community, how: BillingSettings, day: datetime.date) -> list[Span]:
    issued = last_issued(community)
    if issued is None:
        start = _day_after(span_from(day.replace(day=1), how.cycle).ends_on)
    else:
        start = _day_after(issued.ends_on)
    spans: list[Span] = []
    ahead = 0
    while ahead < AHEAD and len(spans) < MOST_PLANNED:
        spans.append(span_from(start, how.cycle))
        ahead += start > day
        start = _day_after(spans[-1].ends_on)
    return spans


def remind(*, on: datetime.date | None = None) -> int:
    """Tells staff of the periods whose bills should go out now, each once; how many there were.

    Sends `run_due` for each. Beat runs it; running it twice changes nothing.
    """
    day = on or today()
    told = 0
    due = BillingPeriod.objects.filter(
        issued_at__isnull=True, reminded_at__isnull=True, issue_on__lte=day
    )
    for pk in due.order_by("issue_on", "pk").values_list("pk", flat=True):
        with transaction.atomic():
            period = (
                due.select_for_update(of=("self",), skip_locked=True)
                .select_related("community")
                .filter(pk=pk)
                .first()
            )
            if period is None:
                continue
            period.reminded_at = timezone.now()
            period.save(update_fields=["reminded_at"])
            run_due.send(sender=BillingPeriod, period=period)
            told += 1
    return told


def drop_run(*, run: BillRun) -> None:
    """Throws away a run of which nothing is issued, and its period if nobody planned it.

    Raises RunRefused if its bills are issued.
    """
    with transaction.atomic():
        run = locked(run)
        if not run.is_open:
            raise RunRefused(_("the bills of this run are issued already"))
        _drop(run)


def forget_draft(*, run: BillRun) -> None:
    """Drops a run, as `drop_run` does, if nothing was ever computed of it."""
    with transaction.atomic():
        lock(run.period.community)
        draft = BillRun.objects.filter(pk=run.pk, state=BillRun.State.DRAFT)
        for found in draft.select_related("period"):
            _drop(found)


def _drop(run: BillRun) -> None:
    run.delete()
    if run.period.issue_on is None and not run.period.runs.exists():
        run.period.delete()


# --- closing --------------------------------------------------------------------------------


def close_run(*, run: BillRun, by: User | None = None) -> BillRun:
    """Freezes a run's period: nothing is reversed or corrected there any more.

    Its corrections close with it. Done before, it changes nothing. Raises RunRefused for a run that
    is no regular one or not issued, and while somebody asks for its reversal.
    """
    with transaction.atomic():
        run = locked(run)
        if run.state == BillRun.State.CLOSED:
            return run
        if run.kind != BillRun.Kind.REGULAR:
            raise RunRefused(_("a period is closed by its own run"))
        if run.reversal_asked_at:
            raise RunRefused(_("somebody asks for this run to be reversed: decide that first"))
        move(run, BillRun.State.CLOSED)
        run.save()
        run.period.runs.filter(state=BillRun.State.ISSUED).update(state=BillRun.State.CLOSED)
        run.period.closed_at = timezone.now()
        run.period.save(update_fields=["closed_at"])
        return run
