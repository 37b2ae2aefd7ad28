"""Tickets for tests, in whatever state, with clocks that fit it."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from servicedesk.models import SlaPolicy, Ticket, TicketKind
from tests.factories.community import CommunityFactory, UserFactory

State = Ticket.State


class TicketFactory(DjangoModelFactory[Ticket]):
    """A new complaint of a resident; `state=` sets what the constraints ask of that state."""

    class Meta:
        model = Ticket

    community = factory.SubFactory(CommunityFactory)
    reporter = factory.SubFactory(UserFactory)
    kind = TicketKind.COMPLAINT
    subject = factory.Sequence(lambda n: f"楼道灯不亮 {n}")
    body = "三楼楼道灯已经坏了一周,没有人来修。"
    form_token = factory.LazyFunction(uuid.uuid4)
    created_at = factory.LazyFunction(timezone.now)
    first_response_due_at = factory.LazyAttribute(
        lambda ticket: ticket.created_at + timedelta(hours=ticket.first_response_hours)
    )
    resolution_due_at = factory.LazyAttribute(
        lambda ticket: ticket.created_at + timedelta(hours=ticket.resolution_hours)
    )
    first_response_hours = SlaPolicy.DEFAULT_FIRST_RESPONSE_HOURS
    resolution_hours = SlaPolicy.DEFAULT_RESOLUTION_HOURS

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        if kwargs.get("state") in {State.RESOLVED, State.CLOSED}:
            at: datetime = kwargs["created_at"]
            kwargs.setdefault("first_responded_at", at)
            kwargs.setdefault("resolved_at", at)
        return kwargs
