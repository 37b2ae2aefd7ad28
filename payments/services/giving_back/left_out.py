"""What the final bill of who moves out had to leave out: it is read after all, or let be."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing.models import FeeItem
from billing.services.meters.meter_entries import Entry, Taken, record_readings
from billing.services.runs.left_out import closing_day
from community.models import User
from community.services.imports import lock
from payments.models import Clearance
from payments.services.giving_back.moving_out import (
    Ended,
    bill_what_is_known,
    locked_clearance,
    standing,
)

State = Clearance.State


class NothingLeftOut(Exception):
    """There is nothing that anybody would have to accept, or no reason was given."""


@transaction.atomic
def read_at_the_end(
    clearance_id: int,
    *,
    item: FeeItem,
    value: Decimal,
    by: User,
    sure: bool = False,
    rolled_over: bool = False,
) -> Taken:
    """Takes what a meter showed as the payer's last day ended, m³, and bills him up to it.

    An odd figure is questioned, and nothing is written, unless `sure`. Raises EntryRefused while
    the last day has not come, Ended.
    """
    clearance = Clearance.objects.select_related("community", "unit").get(pk=clearance_id)
    lock(clearance.community)
    clearance = locked_clearance(clearance_id)
    if clearance.state != State.OPEN:
        raise Ended
    read_on = closing_day(clearance.community, clearance.day)
    (taken,) = record_readings(
        community=clearance.community,
        item=item,
        read_on=read_on,
        entries=[Entry(clearance.unit, value, sure=sure, rolled_over=rolled_over)],
        by=by,
        closing=read_on > clearance.day,
    )
    if taken.saved:
        bill_what_is_known(clearance_id, by=by)
    return taken


@transaction.atomic
def accept(clearance_id: int, *, by: User, reason: str) -> Clearance:
    """Somebody lets be what is on no bill, and says why; the note will say it too.

    Raises NothingLeftOut, Ended.
    """
    clearance = locked_clearance(clearance_id)
    if clearance.state != State.OPEN:
        raise Ended
    his = [one.as_json() for one in standing(clearance).left_out if one.is_his]
    if not his or not reason.strip():
        raise NothingLeftOut
    clearance.accepted, clearance.accepted_reason = his, reason.strip()[:200]
    clearance.accepted_by, clearance.accepted_at = by, timezone.now()
    clearance.save()
    return clearance
