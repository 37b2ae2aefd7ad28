"""Forms of reconciliation."""

import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models import Community, Unit, today
from payments import providers
from payments.forms.refunds import WordsForm
from payments.services.channels.reconciling import newest_with_bill
from payments.wording import channel_names


class CompareForm(forms.Form):
    """Which day of which channel is to be fetched and compared; a day that is over."""

    channel = forms.ChoiceField(
        label=_("Channel"), widget=forms.Select(attrs={"class": "form-select"})
    )
    day = forms.DateField(
        label=_("Day"),
        widget=forms.DateInput(
            format="%Y-%m-%d", attrs={"type": "date", "class": "form-control", "min": "2000-01-01"}
        ),
    )

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = channel_names()
        self.channels = [(key, names[key]) for key in providers.available(community.code)]
        self.fields["channel"].choices = self.channels  # type: ignore[attr-defined]
        yesterday = today() - datetime.timedelta(days=1)
        self.fields["day"].initial = newest_with_bill(timezone.localtime())
        self.fields["day"].widget.attrs["max"] = yesterday.isoformat()

    def clean_day(self) -> datetime.date:
        """Refuses days that are not over: their bill is made in the morning after."""
        day: datetime.date = self.cleaned_data["day"]
        if day > today():
            raise forms.ValidationError(_("This day has not come yet."))
        if day == today():
            raise forms.ValidationError(
                _("Today is not over. Its bill is there tomorrow after 10:00.")
            )
        return day


class ExplainForm(WordsForm):
    """Why nothing has to be done: that takes words."""

    words = forms.CharField(
        label=pgettext_lazy("decision", "In words"),
        max_length=500,
        error_messages={"required": _("Please say what explains the difference.")},
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, needed=True, **kwargs)


class KeepForm(forms.Form):
    """Whose money it is that a channel's bill shows; empty: nobody knows yet."""

    unit = forms.CharField(
        label=_("Unit"),
        max_length=50,
        required=False,
        help_text=_(
            "Its payer gets it as credit. Empty: what the order was for is paid with it; without "
            "an order the money stays unclaimed."
        ),
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "off", "placeholder": "3-2-1502"}
        ),
    )
    words = forms.CharField(
        label=pgettext_lazy("decision", "In words"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.community = community

    def clean_unit(self) -> Unit | None:
        """The unit of the code, which somebody pays for."""
        code: str = self.cleaned_data["unit"].strip()
        if not code:
            return None
        unit = Unit.objects.filter(community=self.community, code=code).first()
        if unit is None:
            raise forms.ValidationError(_("There is no unit with this code."))
        if not unit.occupancies.current().payers().exists():
            raise forms.ValidationError(_("Nobody pays for this unit at present."))
        return unit
