"""Forms of the counter. What is owed never comes from here, only what is paid."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.forms import MoneyField
from core.money import format_yuan
from payments.models import Payment
from payments.services.counter import METHODS


class CollectForm(forms.Form):
    """Cash or card for ticked bills."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    amount = MoneyField(label=_("Amount, yuan"))
    tendered = MoneyField(label=_("Cash given, yuan"), required=False)
    prepay = forms.BooleanField(
        label=_("Keep what is more than owed as prepayment"),
        required=False,
        widget=forms.CheckboxInput(attrs={"aria-describedby": "prepay_hint"}),
    )
    method = forms.ChoiceField(choices=[(method.value, method.label) for method in METHODS])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # The amount is there already: type what is on the counter, press Enter.
        self.fields["tendered"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Cash must cover the amount; without a figure the exact amount was given."""
        cleaned: dict[str, Any] = super().clean() or {}
        amount, tendered = cleaned.get("amount"), cleaned.get("tendered")
        if cleaned.get("method") != Payment.Method.CASH:
            cleaned["tendered"] = None
        elif amount is not None and tendered is None and "tendered" not in self.errors:
            cleaned["tendered"] = amount
        elif amount is not None and tendered is not None and tendered < amount:
            self.add_error(
                "tendered",
                _("%(given)s is less than %(amount)s.")
                % {"given": format_yuan(tendered), "amount": format_yuan(amount)},
            )
        return cleaned


class PayForm(forms.Form):
    """A resident's choice of bills and channel; the amount follows from our rows."""

    token = forms.UUIDField(widget=forms.HiddenInput)
    bill = forms.TypedMultipleChoiceField(coerce=int)
    provider = forms.ChoiceField()

    def __init__(self, *args: Any, bills: list[int], providers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["bill"].choices = [(pk, pk) for pk in bills]  # type: ignore[attr-defined]
        self.fields["provider"].choices = [(key, key) for key in providers]  # type: ignore[attr-defined]


def ids_of(values: list[str]) -> set[int]:
    """Row numbers out of what a browser sent; whatever else it sent is passed over."""
    return {int(value) for value in values if value.isdecimal() and len(value) < 19}


def new_token() -> str:
    """What makes two presses of one form one payment."""
    return str(uuid.uuid4())
