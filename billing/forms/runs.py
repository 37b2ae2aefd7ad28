"""Forms around bill runs. They check and translate; services do."""

import datetime
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models import BillingSettings, RunException
from billing.services import months
from billing.services.runs.periods import Span
from community.models import Community, Unit, today


class MonthInput(forms.TextInput):
    """The browser's own picker of a month; without one it is a text box for 2026-01."""

    input_type = "month"


class DayInput(forms.DateInput):
    """The browser's own picker of a day."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


def _month(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=7, widget=MonthInput(attrs={"placeholder": "2026-01"})
    )


def _not_past(day: datetime.date) -> datetime.date:
    if day < today():
        raise forms.ValidationError(_("The bills would be due in the past."))
    return day


class StartRunForm(forms.Form):
    """Which months are to be billed, and when the bills are due."""

    first = _month(_("From month"))
    last = _month(_("To month"))
    due_on = forms.DateField(label=_("Due on"), widget=DayInput)

    @classmethod
    def for_span(cls, span: Span, how: BillingSettings) -> "StartRunForm":
        """Filled in for a span of months, with the due date that the settings give."""
        return cls(
            initial={
                "first": f"{span.starts_on:%Y-%m}",
                "last": f"{span.ends_on:%Y-%m}",
                "due_on": how.due_on_from_now(span.starts_on),
            }
        )

    def clean_first(self) -> datetime.date:
        return self._day("first", months.first_day)

    def clean_last(self) -> datetime.date:
        return self._day("last", months.last_day)

    def clean_due_on(self) -> datetime.date:
        return _not_past(self.cleaned_data["due_on"])

    def clean(self) -> None:
        super().clean()
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        due_on = self.cleaned_data.get("due_on")
        if first and last and last < first:
            self.add_error("last", _("The last month is before the first."))
        if first and due_on and due_on < first:
            self.add_error("due_on", _("The bills would be due before the period begins."))

    def _day(self, name: str, read: Any) -> datetime.date:
        try:
            found: datetime.date = read(self.cleaned_data[name])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        return found


class ReasonForm(forms.Form):
    """Why, in a sentence."""

    reason = forms.CharField(
        label=_("Reason"), max_length=400, widget=forms.Textarea(attrs={"rows": 2})
    )


class AcceptForm(forms.Form):
    """Which exceptions are let be, and in which words."""

    exceptions = forms.ModelMultipleChoiceField(
        queryset=RunException.objects.none(), required=False, widget=forms.MultipleHiddenInput
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)


class AcceptAllForm(forms.Form):
    """Why all exceptions of a reason may stay, and how many they were when that was decided."""

    note = forms.CharField(label=_("Why they may stay like that"), max_length=200)
    count = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class CorrectForm(forms.Form):
    """Of which units late facts are looked for, and when what is billed anew is due."""

    units = forms.CharField(
        label=_("Units"),
        required=False,
        help_text=_("Codes with commas between them, such as 3-2-1502. Empty: all units."),
        max_length=2000,
    )
    due_on = forms.DateField(label=_("Due on"), widget=DayInput)

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._community = community

    def clean_units(self) -> list[int] | None:
        """Ids of the units named, or None for all."""
        codes = set(self.cleaned_data["units"].replace("，", ",").replace(",", " ").split())
        if not codes:
            return None
        found = dict(
            Unit.objects.filter(community=self._community, code__in=codes).values_list("code", "pk")
        )
        unknown = sorted(codes - set(found))
        if unknown:
            raise forms.ValidationError(
                _("%(codes)s: no such unit"), params={"codes": ", ".join(unknown[:5])}
            )
        return sorted(found.values())

    def clean_due_on(self) -> datetime.date:
        return _not_past(self.cleaned_data["due_on"])


def _with_its_limits(field: Any, **kwargs: Any) -> forms.Field | None:
    """A number's own limits are all that is said: the column's least, 0, would come first."""
    if isinstance(field, models.PositiveSmallIntegerField):
        for each in field.validators:
            if isinstance(each, MinValueValidator | MaxValueValidator):
                name = "min_value" if isinstance(each, MinValueValidator) else "max_value"
                kwargs[name] = each.limit_value
    return field.formfield(**kwargs)


class SettingsForm(forms.ModelForm):
    """How the community bills."""

    class Meta:
        model = BillingSettings
        formfield_callback = _with_its_limits
        fields = [
            "cycle",
            "issue_days_before",
            "due_days",
            "needs_approval",
            "late_fee_first",
            "proposal_days",
        ]
