"""What forms of every room share."""

import uuid
from typing import Any

from django import forms
from django.utils import timezone


class OnceForm(forms.Form):
    """A form whose second press must do nothing: it carries a token, unique per shown form.

    The service that is called with `cleaned_data["form_token"]` does the work once per token.
    `name` keeps the ids of several forms on one page apart.
    """

    form_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

    def __init__(self, *args: Any, name: str = "", **kwargs: Any) -> None:
        if name:
            kwargs.setdefault("auto_id", f"id_{name}_%s")
        super().__init__(*args, **kwargs)


class LocalDateTimeInput(forms.DateTimeInput):
    """The browser's own picker of a day and a time, in the community's time zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")

    def format_value(self, value: Any) -> str | None:
        if hasattr(value, "tzinfo") and value.tzinfo is not None:
            value = timezone.localtime(value)
        return super().format_value(value)
