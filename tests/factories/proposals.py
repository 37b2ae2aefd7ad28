"""Proposed fee standards for tests."""

import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.models import TariffProposal
from community.models import today
from tests.factories.community import StaffUserFactory


def make_proposal(
    community: Any,
    state: str = TariffProposal.State.OPEN,
    *,
    commented: bool = False,
    **other: Any,
) -> TariffProposal:
    """A proposal of 2.80 yuan a m² for dwellings, in force in 90 days.

    An open one takes comments for ten days more; with `commented` that time was over yesterday.
    """
    State = TariffProposal.State
    now = timezone.now()
    published = state != State.DRAFT
    made = {
        "title": "物业服务费调整",
        "explanation": "人工成本上涨",
        "fee_item_name": "物业服务费",
        "unit_kind": "dwelling",
        "method": "area",
        "price": Decimal("2.80"),
        "starts_on": today() + datetime.timedelta(days=90),
        "published_at": now if published else None,
        "comments_until": today() + datetime.timedelta(days=-1 if commented else 10)
        if published
        else None,
    } | other
    made.setdefault("created_by", StaffUserFactory.create())
    if state in {State.ADOPTED, State.WITHDRAWN}:
        made |= {"decided_at": now, "decided_by": made["created_by"], "decision": "已决定"}
    return TariffProposal.objects.create(community=community, state=state, **made)
