"""The form of a cost that is shared."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.forms.fields import BuildingField, DayField, FigureField, items_of
from billing.models import FeeItem, Tariff
from billing.services.standards.tariff_terms import SHARED
from community.models import Community


class CostForm(forms.Form):
    """What was spent together, where, on which days."""

    item = forms.ModelChoiceField(
        label=_("Fee item"), queryset=FeeItem.objects.none(), empty_label=None
    )
    starts_on = DayField(label=_("From"))
    ends_on = DayField(label=pgettext_lazy("last day", "To"))
    amount = FigureField(label=_("Amount, yuan"), places=2, digits=10)
    note = forms.CharField(
        label=_("What for"),
        max_length=200,
        required=False,
        help_text=_("Everybody who shares it reads this."),
    )
    field_order = ("item", "building", "starts_on", "ends_on", "amount", "note")

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["building"] = BuildingField(community=community)
        self.order_fields(self.field_order)
        choice = self.fields["item"]
        assert isinstance(choice, forms.ModelChoiceField)
        # Only what a standard shares: a cost of another item would be an exception of the run.
        shared = Tariff.objects.filter(fee_item=OuterRef("pk"), method__in=SHARED)
        choice.queryset = items_of(community).filter(Exists(shared))

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if told.get("starts_on") and told.get("ends_on") and told["ends_on"] < told["starts_on"]:
            self.add_error("ends_on", ValidationError(_("The last day lies before the first.")))
        return told
