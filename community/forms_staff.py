"""Forms of the manager's pages about the community itself: who works here, what papers say."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from community.forms import PhoneField
from community.models import Community, Role


class NewStaffForm(forms.Form):
    """Somebody who is to work here."""

    username = forms.CharField(
        label=_("User name"),
        help_text=_("For signing in, such as zhou.min."),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        help_text=_("Alerts go there, for a complaint past its time for one."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    phone = PhoneField(label=_("Mobile number"), required=False)
    password = forms.CharField(
        label=_("First password"),
        help_text=_("The new colleague signs in with it and changes it."),
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class CommunityForm(forms.ModelForm):
    """What notices, receipts and transfer instructions say of the community."""

    class Meta:
        model = Community
        fields = (
            "name",
            "company",
            "address",
            "hotline",
            "bank_name",
            "bank_account_name",
            "bank_account_number",
        )
        labels = {
            "address": _("Address of the front desk"),
            "hotline": _("Service hotline"),
            "bank_account_name": _("Account name"),
            "bank_account_number": _("Account number"),
        }
        help_texts = {
            "company": _("Issuer of receipts. Empty: they carry the community's name."),
            "bank_account_number": _("For bank transfers; empty: none are offered."),
        }

    def clean(self) -> dict[str, Any]:
        """A transfer needs all three: the bank, the name and the number of the account."""
        cleaned: dict[str, Any] = super().clean() or {}
        parts = ("bank_name", "bank_account_name", "bank_account_number")
        if any(cleaned.get(part) for part in parts):
            for part in parts:
                if not cleaned.get(part) and part not in self.errors:
                    self.add_error(part, _("A transfer needs bank, account name and number."))
        return cleaned

    def clean_bank_account_number(self) -> str:
        """Digits, in groups or not."""
        text: str = self.cleaned_data["bank_account_number"].strip()
        digits = text.replace(" ", "").replace("-", "")
        if digits and not (digits.isascii() and digits.isdigit() and len(digits) >= 8):
            raise forms.ValidationError(_("An account number has 8 to 30 digits."))
        return text
