"""The admin shows what was said and what became of it; nothing of it can be changed there."""

from django.contrib import admin

from core.admin import LookOnlyAdmin
from notices.models import Campaign, Delivery, Notice


@admin.register(Campaign)
class CampaignAdmin(LookOnlyAdmin):
    list_display = ("run", "community", "state", "created_at", "published_at")
    list_filter = ("community", "state")
    list_select_related = ("community", "run__period")


@admin.register(Notice)
class NoticeAdmin(LookOnlyAdmin):
    list_display = ("id", "kind", "community", "party", "user", "created_at")
    list_filter = ("kind", "community")
    list_select_related = ("community", "party", "user")
    date_hierarchy = "created_at"
    exclude = ("bills",)


@admin.register(Delivery)
class DeliveryAdmin(LookOnlyAdmin):
    list_display = ("id", "channel", "masked_address", "state", "attempts", "due_at", "error")
    list_filter = ("channel", "state")
    search_fields = ("key", "provider_id")
    # A code in the clear nowhere, and not its cipher either; the address only masked.
    exclude = ("secret", "address")
