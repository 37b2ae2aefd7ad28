"""Comparing by itself the days of channels that nobody compared yet, and again those of which the
channel may say more by now."""

import datetime
import logging
from collections.abc import Collection, Iterator

from django.db.models import Exists, OuterRef, Q, QuerySet

from payments import providers
from payments.models import Reconciliation, ReconciliationLine
from payments.providers.base import (
    BillDamaged,
    BillNotReady,
    PermanentError,
    Provider,
    TransientError,
)
from payments.services.channels.reconciling import communities_of, reconcile_account
from payments.services.channels.storing_days import ReconcileRefused

logger = logging.getLogger(__name__)
DAY = datetime.timedelta(days=1)
# How far back a gap is caught up; channels keep their bills for three months.
LONGEST_GAP = datetime.timedelta(days=60)
Kind, LineState = ReconciliationLine.Kind, ReconciliationLine.State


def catch_up(*, on: datetime.date, days: int = 7) -> int:
    """Compares the `days` before `on` that were not compared yet; how many days of accounts.

    Of an account that was compared before, a gap is caught up further back too: after an outage no
    day is left out. A day that only some of the communities of an account have is compared for the
    others. A provider that cannot answer now is asked again next time.
    """
    done = 0
    for provider, sharing in _accounts():
        of_it = _of_account(provider).filter(community__in=sharing)
        first = on - days * DAY
        before = of_it.filter(day__gte=on - LONGEST_GAP, day__lt=first).order_by("day").first()
        day = before.day if before else first
        while day < on:
            there = set(of_it.filter(day=day).values_list("community_id", flat=True))
            # A community that came to the account since is not looked for further back.
            if not there or (day >= first and not there.issuperset(sharing)):
                answer = _compare(provider, day, there)
                if answer is None:
                    break
                done += answer
            day += DAY
    return done


def look_again(*, on: datetime.date, days: int = 7) -> int:
    """Compares again what the channel may have been late with, of the `days` before `on`; how many
    days of accounts.

    That is a day of which it had no line at all (it made the bill later than it should, or nothing
    happened), and one with open differences in what is listed. What a person signed off stays as it
    is. The same bill again changes nothing.
    """
    done = 0
    missing = ReconciliationLine.objects.filter(
        reconciliation=OuterRef("pk"),
        state=LineState.OPEN,
        kind__in=[Kind.NOT_HERE, Kind.NOT_THERE],
    )
    for provider, sharing in _accounts():
        rows = _of_account(provider).filter(day__gte=on - days * DAY, day__lt=on)
        listed = rows.filter(their_lines__gt=0).values("day")
        late = rows.filter(~Q(day__in=listed) | Exists(missing), closed_by=None)
        late = late.filter(community__in=sharing).order_by("day")
        for day in late.values_list("day", flat=True).distinct():
            signed = rows.filter(day=day, closed_by__isnull=False)
            answer = _compare(provider, day, set(signed.values_list("community_id", flat=True)))
            if answer is None:
                break
            done += answer
    return done


def _accounts() -> Iterator[tuple[Provider, list[int]]]:
    """Every merchant account that can be asked, with the communities whose money goes there."""
    for kind in providers.all_providers().values():
        for name in kind.merchants():
            sharing = communities_of(kind, name)
            if sharing and kind(name).is_configured():
                yield kind(name), sharing


def _of_account(provider: Provider) -> QuerySet[Reconciliation]:
    return Reconciliation.objects.filter(provider=provider.key, merchant=provider.merchant)


def _compare(provider: Provider, day: datetime.date, without: Collection[int]) -> bool | None:
    """Whether the day was compared; None when the provider answers nothing now, of no day."""
    try:
        reconcile_account(provider, day, without=without)
    except (ReconcileRefused, TransientError, PermanentError) as error:
        logger.warning("reconciling %s %s %s: %s", provider.key, provider.merchant, day, error)
        about_day = not isinstance(error, TransientError) or isinstance(
            error, (BillDamaged, BillNotReady)
        )
        return False if about_day else None
    return True
