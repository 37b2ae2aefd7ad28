"""Forms of the walk along the meters."""

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from billing.forms.fields import DayField, FigureField
from billing.services.meters.meter_events import Replacement


class WalkForm(forms.Form):
    """On which day the meters are read. It lives in the address of the sheet."""

    on = DayField(label=_("Read on"))


class ReplaceForm(forms.Form):
    """A device gave way to another."""

    replaced_on = DayField(label=_("Replaced on"))
    old_value = FigureField(label=_("Last figure of the old meter, m³"), places=3, digits=11)
    new_value = FigureField(label=_("First figure of the new meter, m³"), places=3, digits=11)
    new_serial = forms.CharField(label=_("Number of the new meter"), max_length=50, required=False)
    digits = forms.IntegerField(
        label=_("Digits before the point"),
        required=False,
        validators=[MinValueValidator(3), MaxValueValidator(9)],
    )
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def told(self) -> Replacement:
        return Replacement(**self.cleaned_data)

    def fingerprint(self) -> str:
        """What somebody who is sure is sure of: these very figures on this day."""
        data = self.cleaned_data
        return f"{data['replaced_on']}/{data['old_value']}/{data['new_value']}"


class DeviceForm(forms.Form):
    """What is written on the meter."""

    serial = forms.CharField(label=_("Meter number"), max_length=50, required=False)
    digits = ReplaceForm.base_fields["digits"]


class EstimateForm(forms.Form):
    """For which meters without a figure one is to be estimated: a building's, or one unit's."""

    building = forms.IntegerField(required=False, widget=forms.HiddenInput)
    unit = forms.IntegerField(required=False, widget=forms.HiddenInput)
