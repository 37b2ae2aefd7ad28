"""A reply to what somebody asked or complained about."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from notices.content.short import ShortText
from notices.models import Notice
from servicedesk.models import TicketMessage


def context(notice: Notice) -> dict[str, Any]:
    message = TicketMessage.objects.select_related("ticket").get(pk=notice.context["message"])
    path = reverse("servicedesk:my_ticket", args=[message.ticket.pk])
    return {
        "message": message,
        "ticket": message.ticket,
        "url": f"{settings.SITE_URL}{path}",
    }


def sms(notice: Notice, context: dict[str, Any]) -> ShortText:
    """Only that there is a reply: what it says is between the office and whoever signs in."""
    return ShortText("ticket_reply", {"ticket": str(context["ticket"].pk)})
