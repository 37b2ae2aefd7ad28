"""What admin pages of every room share."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest


class LookOnly:
    """The admin shows these rows and changes none: they are written by services alone."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LookOnlyAdmin(LookOnly, admin.ModelAdmin):
    """A page of rows to look at."""

    show_full_result_count = False  # a COUNT over millions of charges helps nobody


class LookOnlyInline(LookOnly, admin.TabularInline):
    """Rows to look at under another row."""

    extra = 0
