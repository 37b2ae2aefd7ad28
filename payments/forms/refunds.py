"""Forms of deposits, refunds and moving out."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from billing.forms.fields import FigureField
from community.forms import PartyField
from community.models import Occupancy, today
from community.phones import mainland_mobile
from core.forms import MoneyField, OnceForm
from core.money import ZERO, format_yuan
from payments.forms.counter import TillForm
from payments.models import Refund


class DepositForm(TillForm):
    """A deposit in cash or by card, for somebody at the unit."""

    party = PartyField(label=_("Whose deposit"))
    purpose = forms.CharField(
        label=_("What for"),
        max_length=50,
        initial="装修押金",
        widget=forms.TextInput(attrs={"class": "form-control", "list": "purposes"}),
    )

    field_order = ("party", "purpose", "amount", "tendered")

    def __init__(self, *args: Any, parties: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["party"].queryset = parties  # type: ignore[attr-defined]
        self.fields["party"].widget.attrs["class"] = "form-select"


class RefundForm(OnceForm):
    """What goes back to whom; of a deposit something may be kept."""

    amount = MoneyField(label=_("To pay out, yuan"), min_value=Decimal(0))
    withheld = MoneyField(label=_("Kept, yuan"), min_value=Decimal(0), required=False, initial=ZERO)
    withheld_reason = forms.CharField(
        label=_("Why it is kept"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )
    method = forms.ChoiceField(
        label=pgettext_lazy("method", "Paid out by"),
        choices=[
            (method.value, method.label) for method in (Refund.Method.CASH, Refund.Method.TRANSFER)
        ],
        widget=forms.RadioSelect,
    )
    payee_name = forms.CharField(
        label=_("Payee"),
        max_length=100,
        required=False,
        help_text=_("Empty: the payer himself."),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    payee_bank = forms.CharField(
        label=_("Payee's bank"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    payee_account = forms.CharField(
        label=_("Payee's account"),
        max_length=40,
        required=False,
        help_text=_("For a bank transfer; it is kept encrypted and shown masked."),
        widget=forms.TextInput(
            attrs={"class": "form-control num text-start", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, of_deposit: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not of_deposit:
            del self.fields["withheld"], self.fields["withheld_reason"]

    def clean_payee_account(self) -> str:
        """Digits, in groups or not."""
        text: str = self.cleaned_data["payee_account"].strip()
        digits = text.replace(" ", "").replace("-", "")
        if digits and not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 30):
            raise forms.ValidationError(_("An account number has 8 to 30 digits."))
        return digits

    def clean(self) -> dict[str, Any]:
        """The amounts add up to something, and a transfer has somewhere to go."""
        cleaned: dict[str, Any] = super().clean() or {}
        amount, withheld = cleaned.get("amount"), cleaned.get("withheld") or ZERO
        if amount is not None and not amount + withheld:
            self.add_error("amount", _("Please write how much goes back."))
        if withheld and not cleaned.get("withheld_reason", "").strip():
            self.add_error("withheld_reason", _("Please say why something is kept."))
        wants_account = cleaned.get("method") == Refund.Method.TRANSFER and amount
        if (
            wants_account
            and not cleaned.get("payee_account")
            and "payee_account" not in self.errors
        ):
            self.add_error("payee_account", _("A bank transfer needs the payee's account."))
        return cleaned


class OriginalRefundForm(OnceForm):
    """How much of an online payment goes back the way it came, and to whose account it belonged."""

    account = forms.TypedChoiceField(label=_("Unit"), coerce=int, widget=forms.RadioSelect)
    amount = MoneyField(label=_("To give back, yuan"))
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "class": "form-control"}),
    )

    def __init__(self, *args: Any, accounts: Sequence[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["account"]
        field.choices = accounts  # type: ignore[attr-defined]
        if len(accounts) == 1:
            field.widget = forms.HiddenInput()
            field.initial = accounts[0][0]


def only_so_much(available: Decimal) -> str:
    """Says that less is there than was asked for; `available` in yuan."""
    return gettext("Only %(amount)s is there to go back.") % {"amount": format_yuan(available)}


class WordsForm(forms.Form):
    """A sentence that goes with a decision; `needed` where every button of the form asks for one,
    else `hint` says which does."""

    words = forms.CharField(
        label=pgettext_lazy("decision", "In words"),
        max_length=500,
        required=False,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, needed: bool = False, hint: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["words"]
        field.required = needed
        field.help_text = hint
        field.one_of_several = bool(hint)  # type: ignore[attr-defined]


class ReasonForm(forms.Form):
    """Why somebody looks at what is masked."""

    reason = forms.CharField(max_length=200)


class TransferForm(forms.Form):
    """What the bank says of a transfer that was sent, `since` the day of its approval."""

    day = forms.DateField(
        label=_("Sent on"),
        initial=today,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"}),
    )
    reference = forms.CharField(
        label=_("The bank's reference"),
        max_length=64,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, since: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.since = since

    def clean_day(self) -> date:
        """A day between approval and today."""
        day: date = self.cleaned_data["day"]
        if day > today():
            raise forms.ValidationError(_("This day is still to come."))
        if day < self.since:
            approved = date_format(self.since, "DATE_FORMAT")
            raise forms.ValidationError(
                gettext("It was approved on %(day)s and cannot have been sent before.")
                % {"day": approved}
            )
        return day


class MoveOutForm(forms.Form):
    """The last day, and who pays from the day after."""

    day = forms.DateField(
        label=_("Last day"),
        initial=today,
        help_text=_("He pays for this day; whoever comes next pays from the day after."),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "form-control"}),
    )
    name = forms.CharField(
        label=_("New payer"),
        max_length=100,
        required=False,
        help_text=_("Empty: nobody is known yet."),
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    phone = forms.CharField(
        label=_("New payer's phone"),
        max_length=20,
        required=False,
        widget=forms.TextInput(
            attrs={"class": "form-control", "autocomplete": "off", "inputmode": "tel"}
        ),
    )
    role = forms.ChoiceField(
        label=_("New payer is"),
        required=False,
        choices=[
            (role.value, role.label) for role in (Occupancy.Role.OWNER, Occupancy.Role.TENANT)
        ],
        widget=forms.RadioSelect,
        initial=Occupancy.Role.OWNER.value,
    )

    def clean_phone(self) -> str:
        """A mainland mobile as its bare digits; others as they are."""
        text: str = self.cleaned_data["phone"].strip()
        if not text:
            return ""
        try:
            return mainland_mobile(text)
        except ValueError:
            raise forms.ValidationError(_("is not a mobile number of 11 digits")) from None

    def clean(self) -> dict[str, Any]:
        """A phone belongs to somebody."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("phone") and not cleaned.get("name"):
            self.add_error("name", _("Please write whose phone this is."))
        return cleaned


class FinalReadingForm(forms.Form):
    """What a meter showed as the last day ended, and the answers about an odd figure."""

    value = FigureField(places=3, digits=11)
    sure = forms.CharField(max_length=30, required=False)
    again = forms.BooleanField(required=False)
