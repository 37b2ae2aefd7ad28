"""Saying something to one person: the notice and its deliveries, in the caller's transaction."""

import datetime
from typing import Any

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from community.models import Community, Party, User
from core.encryption import encrypt
from notices import doorbell
from notices.models import Delivery, Notice


@sensitive_variables("secret")
@transaction.atomic
def notify(
    *,
    kind: Notice.Kind,
    event_key: str = "",
    community: Community | None = None,
    party: Party | None = None,
    user: User | None = None,
    phone: str = "",
    email: str = "",
    context: dict[str, Any] | None = None,
    secret: str = "",
    expires_at: datetime.datetime | None = None,
    priority: int = Delivery.NORMAL,
) -> Notice | None:
    """Writes a notice with a delivery for each address given; it is sent after the commit.

    The same `event_key` is told once: the second time nothing is written and None comes back.
    `secret` (a one-time code) is stored encrypted, on the SMS alone, until it is sent or expires.
    """
    fields = {
        "kind": kind,
        "community": community,
        "party": party,
        "user": user,
        "context": context or {},
    }
    if event_key:
        notice, created = Notice.objects.get_or_create(event_key=event_key, defaults=fields)
        if not created:
            return None
    else:
        notice = Notice.objects.create(**fields)
    common = {"notice": notice, "priority": priority, "expires_at": expires_at}
    deliveries = []
    if phone:
        sealed = encrypt(secret) if secret else ""
        deliveries.append(Delivery(channel="sms", address=phone, secret=sealed, **common))
    if email and not secret:
        deliveries.append(Delivery(channel="email", address=email, **common))
    for delivery in Delivery.objects.bulk_create(deliveries):
        doorbell.after_commit(
            doorbell.ring_delivery, delivery.pk, urgent=priority == Delivery.URGENT
        )
    return notice
