"""Commitments and phrases are set here; tickets can only be looked at."""

from django.contrib import admin

from core.admin import LookOnlyAdmin, LookOnlyInline
from servicedesk.models import (
    ReplyPhrase,
    SlaPolicy,
    Ticket,
    TicketBreach,
    TicketEvent,
    TicketMessage,
)


@admin.register(SlaPolicy)
class SlaPolicyAdmin(admin.ModelAdmin):
    """How soon a community answers; without a row the default holds (24 and 72 hours)."""

    list_display = ["community", "kind", "first_response_hours", "resolution_hours"]
    list_filter = ["community", "kind"]


@admin.register(ReplyPhrase)
class ReplyPhraseAdmin(admin.ModelAdmin):
    list_display = ["title", "community", "position"]
    list_filter = ["community"]


class MessageInline(LookOnlyInline):
    model = TicketMessage
    fields = ["created_at", "author", "from_staff", "is_internal", "body"]


class EventInline(LookOnlyInline):
    model = TicketEvent
    fields = ["created_at", "kind", "actor", "assignee", "promised_at"]


class BreachInline(LookOnlyInline):
    model = TicketBreach
    fields = ["clock", "due_at", "noticed_at"]


@admin.register(Ticket)
class TicketAdmin(LookOnlyAdmin):
    list_display = ["id", "subject", "community", "kind", "state", "assignee", "created_at"]
    list_filter = ["community", "state", "kind"]
    list_select_related = ["community", "assignee"]
    search_fields = ["subject", "unit__code"]
    inlines = [MessageInline, EventInline, BreachInline]
