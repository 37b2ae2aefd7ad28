"""Disputes about a bill: from the day one is opened to the day it is settled no late fee arises."""

import datetime

from django.db import transaction
from django.db.models import Case, F, Value, When

from billing.models import Bill, DisputeHold
from billing.services.accounts.locking import lock_accounts
from billing.services.accounts.settling import take_back_late_fees
from community.models import User


@transaction.atomic
def open_hold(*, bill: Bill, source: str, on: datetime.date, by: User | None = None) -> DisputeHold:
    """Holds the late fee of `bill` from the day `on` (it counts no more) until `close_hold`.

    `source` names what opened it; opened twice it is one. Late fee that was posted for these days
    already is taken back.
    """
    lock_accounts([bill.account_id])
    hold, is_new = DisputeHold.objects.get_or_create(
        bill=bill, source=source, ends_on=None, defaults={"starts_on": on, "opened_by": by}
    )
    if is_new:
        take_back_late_fees([bill.pk])
    return hold


@transaction.atomic
def close_hold(*, source: str, on: datetime.date) -> int:
    """Ends what `source` opened with the day `on`, the last that does not count; how many."""
    running = DisputeHold.objects.filter(source=source, ends_on=None)
    return running.update(
        ends_on=Case(When(starts_on__gt=on, then=F("starts_on")), default=Value(on))
    )
