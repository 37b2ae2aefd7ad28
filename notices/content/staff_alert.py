"""The alert to managers: a promise made to a resident was not kept in time."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from notices.content.short import ShortText
from notices.models import Notice
from servicedesk.models import TicketBreach


def context(notice: Notice) -> dict[str, Any]:
    breach = TicketBreach.objects.select_related("ticket__community").get(
        pk=notice.context["breach"]
    )
    ticket = breach.ticket
    path = reverse("servicedesk:ticket", args=[ticket.community.code, ticket.pk])
    return {"breach": breach, "ticket": ticket, "url": f"{settings.SITE_URL}{path}"}


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    return ShortText(
        "staff_alert",
        {
            "ticket": str(context["ticket"].pk),
            "clock": str(context["breach"].get_clock_display()),
        },
    )
