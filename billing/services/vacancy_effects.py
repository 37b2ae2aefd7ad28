"""What was billed already for days that turn out to be vacant."""

import datetime

from django.db.models import QuerySet

from billing.models import BillRun
from community.models import Unit


def runs_that_billed(
    *, unit: Unit, starts_on: datetime.date, ends_on: datetime.date
) -> QuerySet[BillRun]:
    """The regular runs that charged the unit for some of the days: a correction is due for each.

    Usage and shared costs do not change with a vacancy (docs/domain.md), so lines without months,
    which are neither by area nor by unit, do not count.
    """
    return (
        BillRun.objects.filter(
            kind=BillRun.Kind.REGULAR,
            state__in=[BillRun.State.ISSUED, BillRun.State.CLOSED],
            bills__account__unit=unit,
            bills__charges__kind="fee",
            bills__charges__months__isnull=False,
            bills__charges__starts_on__lte=ends_on,
            bills__charges__ends_on__gte=starts_on,
        )
        .select_related("period")
        .distinct()
    )
