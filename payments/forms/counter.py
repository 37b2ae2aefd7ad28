"""Forms of the counter, and a community's rule. What is owed never comes from here."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.services.runs.estimate import MOST_MONTHS
from core.forms import MoneyField
from core.money import format_yuan
from payments.models import Payment, PaymentSettings
from payments.services.receiving.counter import METHODS


class TillForm(forms.Form):
    """What every form has by which the counter takes money: cash, or a card."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    amount = MoneyField(label=_("Amount, yuan"))
    tendered = MoneyField(
        label=_("Cash given, yuan"),
        error_messages={"required": _("Please write how much cash was given.")},
    )
    method = forms.ChoiceField(
        label=_("Paid with"),
        choices=[(method.value, method.label) for method in METHODS],
        initial=Payment.Method.CASH,
    )

    def clean(self) -> dict[str, Any]:
        """Cash is counted before it is taken: what was given must be written and must suffice."""
        cleaned: dict[str, Any] = super().clean() or {}
        amount, tendered = cleaned.get("amount"), cleaned.get("tendered")
        if cleaned.get("method") != Payment.Method.CASH:
            cleaned["tendered"] = None
            self.errors.pop("tendered", None)
        elif amount is not None and tendered is not None and tendered < amount:
            self.add_error(
                "tendered",
                _("%(given)s is less than %(amount)s.")
                % {"given": format_yuan(tendered), "amount": format_yuan(amount)},
            )
        return cleaned


class CollectForm(TillForm):
    """Cash or card for ticked bills."""

    prepay = forms.BooleanField(
        label=_("Keep what is more than owed as prepayment"),
        required=False,
        widget=forms.CheckboxInput(attrs={"aria-describedby": "prepay_hint"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The amount is there already: type what is on the counter, press Enter.
        self.fields["tendered"].widget.attrs["autofocus"] = True


class MonthsForm(forms.Form):
    """How many months ahead somebody looks."""

    months = forms.IntegerField(
        label=_("Months"),
        min_value=1,
        max_value=MOST_MONTHS,
        widget=forms.NumberInput(attrs={"class": "form-control num", "inputmode": "numeric"}),
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            _("Please choose from 1 to 36 months."),
        ),
    )


class CounterPrepayForm(TillForm):
    """Cash or card for months ahead: the amount is the one that the page showed."""

    months = forms.IntegerField(min_value=1, max_value=MOST_MONTHS, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["amount"].widget = forms.HiddenInput()
        self.fields["tendered"].widget.attrs["autofocus"] = True


class PrepayForm(forms.Form):
    """A resident's months ahead and channel; the amount follows from our rows."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    account = forms.TypedChoiceField(coerce=int)
    months = forms.IntegerField(min_value=1, max_value=MOST_MONTHS)
    provider = forms.ChoiceField()

    def __init__(
        self, *args: Any, accounts: Sequence[int], providers: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, allowed in (("account", accounts), ("provider", providers)):
            self.fields[name].choices = [(key, key) for key in allowed]  # type: ignore[attr-defined]


class PayForm(forms.Form):
    """A resident's choice of bills and channel; the amount follows from our rows."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    bill = forms.TypedMultipleChoiceField(coerce=int, required=False)
    unbilled = forms.TypedMultipleChoiceField(coerce=int, required=False)
    provider = forms.ChoiceField()

    def __init__(
        self,
        *args: Any,
        bills: list[int],
        providers: list[str],
        accounts: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, allowed in (("bill", bills), ("unbilled", accounts), ("provider", providers)):
            self.fields[name].choices = [(key, key) for key in allowed]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Something is to be paid."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("bill") and not cleaned.get("unbilled"):
            raise forms.ValidationError(_("Please choose what to pay."))
        return cleaned


def ids_of(values: list[str]) -> set[int]:
    """Row numbers out of what a browser sent; whatever else it sent is passed over."""
    return {int(value) for value in values if value.isdecimal() and len(value) < 19}


def new_token() -> str:
    """What makes two presses of one form one payment."""
    return str(uuid.uuid4())


class PaidTwiceForm(forms.ModelForm):
    """What a community does with money that was paid twice."""

    class Meta:
        model = PaymentSettings
        fields = ["paid_twice"]
        labels = {"paid_twice": _("When money was paid twice")}


class LookForm(forms.Form):
    """What was done about an order that did not settle by itself, as its page showed it."""

    words = forms.CharField(
        label=_("What was done"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    problem = forms.CharField(required=False, max_length=300, widget=forms.HiddenInput)
    seen_at = forms.DateTimeField(widget=forms.HiddenInput)
