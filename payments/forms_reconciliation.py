"""Forms of reconciliation."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models import Community, Unit
from payments.forms_refunds import WordsForm


class ExplainForm(WordsForm):
    """Why nothing has to be done: that takes words."""

    words = forms.CharField(
        label=pgettext_lazy("decision", "In words"),
        max_length=500,
        error_messages={"required": _("Please say what explains the difference.")},
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )


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
