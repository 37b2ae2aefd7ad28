"""What forms of every room share."""

import re
import unicodedata
import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

# 1234.5 or 1,234.50; a sign and a third decimal get through to an answer of their own.
_FIGURES = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]*)?")


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


class MoneyField(forms.DecimalField):
    """An amount in yuan with at most two decimals, above zero unless `min_value` says otherwise.

    What is wrong with a figure is said the way people speak of money.
    """

    default_error_messages = {
        "required": _("Please write an amount."),
        "invalid": _("Please write an amount in figures, for example 128.50."),
        "min_value": _("The amount must be at least ¥%(limit_value)s."),
        "max_value": _("The amount must be at most ¥%(limit_value)s."),
        "max_decimal_places": _("An amount has two decimals at most, for example 128.50."),
        "max_digits": _("This amount is too large. Please check the figure."),
        "max_whole_digits": _("This amount is too large. Please check the figure."),
    }

    def __init__(self, *, max_digits: int = 10, **kwargs: Any) -> None:
        kwargs.setdefault("min_value", Decimal("0.01"))
        kwargs.setdefault(
            "widget",
            forms.TextInput(
                attrs={"inputmode": "decimal", "autocomplete": "off", "class": "form-control num"}
            ),
        )
        super().__init__(max_digits=max_digits, decimal_places=2, **kwargs)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """Figures as people write them; 1e3 or 1_000 might mean anything, and is asked back."""
        if isinstance(value, str):
            value = unicodedata.normalize("NFKC", value).strip()
            if value and not _FIGURES.fullmatch(value):
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
            value = value.replace(",", "")
        return super().to_python(value)


class LocalDateTimeInput(forms.DateTimeInput):
    """The browser's own picker of a day and a time, in the community's time zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")

    def format_value(self, value: Any) -> str | None:
        if hasattr(value, "tzinfo") and value.tzinfo is not None:
            value = timezone.localtime(value)
        return super().format_value(value)
