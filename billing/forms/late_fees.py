"""Forms of late fee policies, early-payment offers and vacancies."""

import datetime
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.forms.adjustments import DayInput
from billing.models import FeeItem
from billing.models.offer import MOST_PERCENT
from billing.services.accounts.offers_together import Overlap, plain
from community.evidence import EvidenceField
from core.forms import OnceForm

HUNDRED = Decimal(100)


def percent_field(label: Any, *, most: str, places: int, **more: Any) -> forms.DecimalField:
    """A share as people write it: 0.05 for 0.05 %."""
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_value=Decimal(most),
        max_digits=8,
        decimal_places=places,
        widget=forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "class": "form-control num"}
        ),
        **more,
    )


class PolicyForm(forms.Form):
    """A version of the late fee rule."""

    starts_on = forms.DateField(label=_("For bills due from"), widget=DayInput())
    daily_percent = percent_field(
        _("Rate a day, %"),
        most="1",
        places=4,
        help_text=_("0.05 means 0.05 per cent of what is open, for each day. 0: no late fee."),
    )
    grace_days = forms.IntegerField(
        label=_("Free days after the due date"), min_value=0, max_value=365, initial=0
    )
    cap_percent = percent_field(
        _("At most, share of the bill in %"),
        most="900",
        places=2,
        required=False,
        help_text=_("Empty: no upper bound."),
    )
    legal_basis = forms.CharField(
        label=_("Legal basis"),
        max_length=500,
        required=False,
        help_text=_("The clause of the contract, as it is shown to residents."),
    )

    def values(self) -> dict[str, Any]:
        """As `new_policy` takes them."""
        cleaned = dict(self.cleaned_data)
        rate, cap = cleaned.pop("daily_percent"), cleaned.pop("cap_percent")
        return cleaned | {
            "daily_rate": rate / HUNDRED,
            "cap": None if cap is None else cap / HUNDRED,
        }


class MonthField(forms.DateField):
    """A month, as its first day."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(attrs={"placeholder": "2026-01"}, format="%Y-%m")
        widget.input_type = "month"
        super().__init__(input_formats=["%Y-%m"], widget=widget, **kwargs)


class OfferForm(OnceForm):
    """Pay these months by that day and get so much off."""

    name = forms.CharField(
        label=pgettext_lazy("offer", "Name"),
        max_length=100,
        help_text=_("Residents read it where they pay."),
    )
    fee_items = forms.ModelMultipleChoiceField(
        label=_("Of which fee items"),
        queryset=FeeItem.objects.none(),
        widget=forms.CheckboxSelectMultiple,
    )
    first_month = MonthField(label=_("First month"))
    last_month = MonthField(label=_("Last month"))
    pay_by = forms.DateField(label=_("To be paid by"), widget=DayInput())
    percent = percent_field(_("Discount, %"), most="50", places=2)

    def __init__(self, *args: Any, items: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fee_items"].queryset = items  # type: ignore[attr-defined]
        if "again" in self.data:
            self._offer_again()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("first_month"), cleaned.get("last_month")
        if first and last and last < first:
            self.add_error("last_month", _("This lies before the first month."))
        if cleaned.get("percent") == 0:
            self.add_error("percent", _("Please give a discount above 0 %."))
        return cleaned

    def values(self) -> dict[str, Any]:
        """As `make_offer` takes them."""
        cleaned = dict(self.cleaned_data)
        cleaned.pop("again", None)
        first, last = cleaned.pop("first_month"), cleaned.pop("last_month")
        after = (last.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
        return cleaned | {"starts_on": first, "ends_on": after - datetime.timedelta(days=1)}

    def point_out(self, others: Collection[Overlap], together: Decimal) -> None:
        """Says which offers this one adds up with, and lets it be asked for all the same."""
        self._offer_again()
        words = [each.words for each in others]
        if len(others) > 1:
            words.append(all_together(together))
        words.append(gettext("Nothing was kept. Tick below if that is meant."))
        self.add_error("again", " ".join(words))

    def refuse_together(self, others: Collection[Overlap], together: Decimal) -> None:
        """Says with which offers in force it would give too much."""
        self.add_error("percent", too_much_together(others, together))

    def _offer_again(self) -> None:
        self.fields["again"] = forms.BooleanField(
            label=_("Give these discounts beside each other"), required=False
        )


def all_together(together: Decimal) -> str:
    """What more than two offers for the same fees come to."""
    return gettext("All of them together: up to %(percent)s %%.") % {"percent": plain(together)}


def too_much_together(others: Collection[Overlap], together: Decimal) -> str:
    """Why an offer cannot be beside those in force."""
    why = gettext(
        "Together that would be %(percent)s %% off; more than %(most)s %% off a fee is not given."
    ) % {"percent": plain(together), "most": MOST_PERCENT}
    return " ".join([*(each.words for each in others), why])


class VacancyForm(OnceForm):
    """Days on which nobody uses the unit, with proof."""

    starts_on = forms.DateField(label=_("Vacant from"), widget=DayInput())
    ends_on = forms.DateField(label=_("Vacant to, this day included"), widget=DayInput())
    reason = forms.CharField(
        label=_("What shows that nobody lives there"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    evidence = EvidenceField(
        help_text=_(
            "Such as a photo of the meters or the end of the lease; a photo or a PDF of at most "
            "10 MB."
        )
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        first, last = cleaned.get("starts_on"), cleaned.get("ends_on")
        if first and last and last < first:
            self.add_error("ends_on", _("This lies before the first day."))
        return cleaned
