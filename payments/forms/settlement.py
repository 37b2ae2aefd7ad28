"""Forms of settlement: a statement to take over, the days that a payout is for."""

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from core.tables.reading import MAX_BYTES


class StatementForm(forms.Form):
    """A statement as the bank exports it."""

    file = forms.FileField(
        label=_("Account statement"),
        help_text=_("The file as the bank exports it: CSV or Excel. The same file twice is fine."),
        widget=forms.FileInput(
            attrs={"class": "form-control", "accept": ".csv,.txt,.xlsx,text/csv,text/plain"}
        ),
    )

    def clean_file(self) -> UploadedFile:
        upload: UploadedFile = self.cleaned_data["file"]
        if (upload.size or 0) > MAX_BYTES:
            raise forms.ValidationError(_("This file is too large. Please export fewer days."))
        return upload


class DaysForm(forms.Form):
    """Which days a payout is for; `days` are reconciliations that may be chosen."""

    days = forms.TypedMultipleChoiceField(
        coerce=int,
        error_messages={
            "required": _("Please choose the days."),
            "invalid_choice": _("One of these days has been settled meanwhile. Please look again."),
        },
    )

    def __init__(self, *args: Any, days: list[int], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].choices = [(pk, pk) for pk in days]  # type: ignore[attr-defined]
