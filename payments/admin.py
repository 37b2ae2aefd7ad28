"""The admin shows money and orders; nothing of it can be changed there."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import LookOnlyAdmin
from payments.models import Payment, PaymentOrder, PaymentSettings, ProviderEvent, Receipt


@admin.register(Payment)
class PaymentAdmin(LookOnlyAdmin):
    list_display = ("id", "community", "method", "amount", "value_date", "received_by")
    list_filter = ("community", "method")
    list_select_related = ("community", "received_by")
    date_hierarchy = "value_date"


@admin.register(Receipt)
class ReceiptAdmin(LookOnlyAdmin):
    list_display = ("code", "community", "amount", "payer_name", "issued_at")
    list_filter = ("community", "year")
    list_select_related = ("community",)
    exclude = ("check_token",)


@admin.register(PaymentOrder)
class PaymentOrderAdmin(LookOnlyAdmin):
    list_display = ("out_trade_no", "community", "provider", "amount", "stands", "problem")
    list_filter = ("community", "provider", "state")
    list_select_related = ("community",)
    search_fields = ("out_trade_no", "transaction_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PaymentOrder]:
        orders: QuerySet[PaymentOrder] = PaymentOrder.objects.with_refunded()
        return orders

    @admin.display(description=_("state"), ordering="state")
    def stands(self, order: PaymentOrder) -> str:
        return str(order.standing.label)


@admin.register(ProviderEvent)
class ProviderEventAdmin(LookOnlyAdmin):
    """Callbacks; those refused are what somebody should look at."""

    list_display = ("received_at", "provider", "out_trade_no", "state", "outcome")
    list_filter = ("provider", "state")
    search_fields = ("out_trade_no", "event_id")


@admin.register(PaymentSettings)
class PaymentSettingsAdmin(LookOnlyAdmin):
    """Chosen on the page of payments that do not fit."""

    list_display = ("community", "paid_twice", "changed_by", "changed_at")
    list_select_related = ("community", "changed_by")
