"""What the SMS provider reports about messages that it took."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from notices.models import Delivery
from notices.services import states
from notices.services.states import State

# A report settles what is not settled yet. One that overtook our own record of the call counts too.
_OPEN = {State.QUEUED, State.SENDING, State.SENT, State.UNKNOWN}


@dataclass(frozen=True)
class Report:
    """One line of a delivery report: a delivery's key, whether it arrived, and if not, why."""

    key: uuid.UUID
    phone: str
    arrived: bool
    reason: str = ""
    provider_id: str = ""


def record_reports(*, reports: Iterable[Report]) -> int:
    """Takes the deliveries to delivered or failed; returns how many changed.

    Reports about strangers, repeated ones, and those about a try that was given up are ignored.
    """
    by_key = {report.key: report for report in reports}
    with transaction.atomic():
        deliveries = (
            Delivery.objects.select_for_update(of=("self",))
            .filter(key__in=by_key, channel=Delivery.Channel.SMS, state__in=_OPEN)
            .order_by("pk")
        )
        return sum(_record(delivery, by_key[delivery.key]) for delivery in deliveries)


def _record(delivery: Delivery, report: Report) -> bool:
    never_tried = delivery.state == State.QUEUED and delivery.in_doubt_since is None
    if never_tried or report.phone != delivery.address:
        return False
    provider_id = report.provider_id[:100] or delivery.provider_id
    if report.arrived:
        states.mark_delivered(delivery, provider_id=provider_id)
    else:
        states.mark_failed(delivery, reason=report.reason, provider_id=provider_id)
    return True
