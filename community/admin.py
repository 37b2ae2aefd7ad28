"""The admin, for rare repair by the keeper of the system; daily work has its own pages.

What has a history or a state machine is only shown here: decisions go through the services.
"""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from community.models import (
    AccessLog,
    Binding,
    BindingRequest,
    Building,
    Community,
    Membership,
    Occupancy,
    Party,
    Unit,
    User,
    Vacancy,
)

# One door for everybody: the admin's own form knows neither limits nor a second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# Nobody signs in by an e-mail address, so allauth keeps none.
admin.site.unregister(EmailAddress)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that can be looked at and not touched."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "name")


class UserForm(UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """Staff accounts with their memberships; residents come by themselves."""

    form = UserForm
    add_form = NewUserForm
    inlines = [MembershipInline]
    list_display = ["username", "name", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "memberships__role", "memberships__community"]
    search_fields = ["username", "name", "phone"]
    ordering = ["username"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "name"]}),
        (_("contact"), {"fields": ["phone", "phone_verified", "email"]}),
        (_("rights"), {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        (None, {"fields": ["elder_mode", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "name", "usable_password", "password1", "password2"]})
    ]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).distinct()


@admin.register(Community)
class CommunityAdmin(admin.ModelAdmin):
    list_display = ["code", "name", "company", "hotline"]
    search_fields = ["code", "name"]


@admin.register(Building)
class BuildingAdmin(admin.ModelAdmin):
    list_display = ["code", "community"]
    list_filter = ["community"]
    search_fields = ["code"]


class OccupancyInline(admin.TabularInline):
    model = Occupancy
    extra = 0
    autocomplete_fields = ["party"]


class VacancyInline(admin.TabularInline):
    model = Vacancy
    extra = 0


@admin.register(Unit)
class UnitAdmin(admin.ModelAdmin):
    list_display = ["code", "community", "kind", "area", "handover_date"]
    list_filter = ["community", "kind"]
    search_fields = ["code"]
    autocomplete_fields = ["building"]
    inlines = [OccupancyInline, VacancyInline]


@admin.register(Party)
class PartyAdmin(admin.ModelAdmin):
    list_display = ["name", "community"]
    list_filter = ["community"]
    search_fields = ["name", "phone"]


@admin.register(Binding)
class BindingAdmin(admin.ModelAdmin):
    """A wrong binding is undone by deleting it."""

    list_display = ["user", "party", "created_at"]
    search_fields = ["user__name", "user__phone", "party__name"]
    autocomplete_fields = ["user", "party"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(BindingRequest)
class BindingRequestAdmin(ReadOnlyAdmin):
    list_display = ["unit", "claimed_name", "state", "method", "created_at", "decided_by"]
    list_filter = ["state", "method", "unit__community"]
    search_fields = ["unit__code", "claimed_name"]


@admin.register(AccessLog)
class AccessLogAdmin(ReadOnlyAdmin):
    list_display = ["at", "community", "user", "party", "field", "reason"]
    list_filter = ["community", "field"]
    date_hierarchy = "at"
