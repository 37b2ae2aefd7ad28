"""Billing in the admin: everything to look at, nothing to change."""

from django.contrib import admin

from billing.models import (
    Account,
    Bill,
    BillingPeriod,
    BillRun,
    Charge,
    CreditEntry,
    FeeItem,
    Meter,
    MeterReading,
    RunException,
    SharedCost,
    Tariff,
)
from core.admin import LookOnlyAdmin, LookOnlyInline


class ChargeInline(LookOnlyInline):
    model = Charge
    fields = ["fee_item", "kind", "starts_on", "ends_on", "quantity", "unit_price", "amount"]


class ReadingInline(LookOnlyInline):
    model = MeterReading
    fields = ["read_on", "value"]


class ExceptionInline(LookOnlyInline):
    model = RunException
    fields = ["unit", "fee_item", "reason", "detail"]


@admin.register(FeeItem)
class FeeItemAdmin(LookOnlyAdmin):
    list_display = ["name", "community", "position"]
    list_filter = ["community"]


@admin.register(Tariff)
class TariffAdmin(LookOnlyAdmin):
    list_display = ["fee_item", "unit_kind", "building", "method", "price", "starts_on", "ends_on"]
    list_filter = ["fee_item__community", "method"]
    list_select_related = ["fee_item", "building"]


@admin.register(Meter)
class MeterAdmin(LookOnlyAdmin):
    list_display = ["unit", "fee_item"]
    list_select_related = ["unit", "fee_item"]
    search_fields = ["unit__code"]
    inlines = [ReadingInline]


@admin.register(SharedCost)
class SharedCostAdmin(LookOnlyAdmin):
    list_display = ["fee_item", "building", "starts_on", "ends_on", "amount"]
    list_select_related = ["fee_item", "building"]
    list_filter = ["fee_item__community"]


@admin.register(BillingPeriod)
class BillingPeriodAdmin(LookOnlyAdmin):
    list_display = ["community", "starts_on", "ends_on", "issued_at", "closed_at"]
    list_filter = ["community"]


@admin.register(BillRun)
class BillRunAdmin(LookOnlyAdmin):
    list_display = ["period", "state", "due_on", "issued_at", "issued_by"]
    list_select_related = ["period", "issued_by"]
    list_filter = ["period__community", "state"]
    inlines = [ExceptionInline]


@admin.register(Account)
class AccountAdmin(LookOnlyAdmin):
    list_display = ["unit", "party", "community"]
    list_select_related = ["unit", "party", "community"]
    list_filter = ["community"]
    search_fields = ["unit__code"]


@admin.register(Bill)
class BillAdmin(LookOnlyAdmin):
    list_display = ["id", "account", "run", "amount", "due_on", "issued_at"]
    list_select_related = ["account__unit", "account__party", "run__period"]
    list_filter = ["account__community"]
    search_fields = ["account__unit__code"]
    inlines = [ChargeInline]


@admin.register(CreditEntry)
class CreditEntryAdmin(LookOnlyAdmin):
    list_display = ["id", "account", "kind", "amount", "value_date", "created_at"]
    list_select_related = ["account__unit", "account__party"]
    list_filter = ["account__community", "kind"]
    search_fields = ["account__unit__code"]
