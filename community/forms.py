"""Forms of the community room."""

import unicodedata
from typing import Any

from allauth.account.forms import LoginForm
from django import forms
from django.utils.translation import gettext_lazy as _

from community.models import AccessLog, Building, Community, Party, Unit
from community.phones import mainland_mobile
from community.privacy import masked_name, masked_phone
from community.services.sign_in import CODE_LENGTH
from community.services.unit_codes import find_units


class PhoneField(forms.CharField):
    """A mainland mobile number in any usual spelling; cleaned to its 11 digits."""

    widget = forms.TextInput(
        attrs={"type": "tel", "inputmode": "tel", "autocomplete": "tel", "maxlength": 30}
    )

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if not text:
            return ""
        try:
            return mainland_mobile(text)
        except ValueError:
            raise forms.ValidationError(
                _("Please enter a mainland mobile number: 11 digits, such as 138 0000 0000."),
                code="phone",
            ) from None


class PartyField(forms.ModelChoiceField):
    """Somebody on the register, masked as everywhere at the desk; the form gives the queryset.

    The phone's last digits tell two people apart whose masked names are the same.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=Party.objects.none(), empty_label=None, **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        """王*明 138****5678."""
        return f"{masked_name(obj.name)} {masked_phone(obj.phone)}".strip()


class CodeField(forms.CharField):
    """A one-time code; full-width digits and blanks are forgiven."""

    widget = forms.TextInput(
        attrs={
            "inputmode": "numeric",
            "autocomplete": "one-time-code",
            "maxlength": 12,
            "autofocus": True,
        }
    )

    def clean(self, value: Any) -> str:
        text = "".join(unicodedata.normalize("NFKC", super().clean(value)).split())
        if not (len(text) == CODE_LENGTH and text.isascii() and text.isdigit()):
            raise forms.ValidationError(_("Please enter the six digits of the code."), code="code")
        return text


class PhoneForm(forms.Form):
    """The residents' door: where the code goes."""

    phone = PhoneField(label=_("Mobile number"))


class CodeForm(forms.Form):
    code = CodeField(label=_("Code"))


class PasswordForm(LoginForm):
    """The staff's door, in this portal's words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        login, password = self.fields["login"], self.fields["password"]
        login.label, password.label = _("User name"), _("Password")
        for field in (login, password):
            field.help_text = ""
            field.widget.attrs.pop("placeholder", None)


class ClaimForm(forms.Form):
    """Which home in `community`, typed or (with `building`) chosen from a list, and whose."""

    code = forms.CharField(
        label=_("Building, entrance and room"),
        help_text=_("As on your bill, such as 3-2-1502, or in words."),
        max_length=64,
    )
    unit = forms.ModelChoiceField(
        label=_("Room"), queryset=Unit.objects.none(), empty_label=_("Please choose")
    )
    name = forms.CharField(
        label=_("Your name"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(
        self, *args: Any, community: Community, building: Building | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.community = community
        if building is None:
            del self.fields["unit"]
        else:
            del self.fields["code"]
            rooms: Any = self.fields["unit"]
            rooms.queryset = Unit.objects.filter(building=building).order_by("sort_key")

    def clean_code(self) -> str:
        """Puts the unit that the typed code names among the cleaned data."""
        found = list(find_units(community=self.community, text=self.cleaned_data["code"])[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                _(
                    "We did not find exactly one home by this. Please give building, entrance and "
                    "room, or choose the building below."
                ),
                code="unit",
            )
        self.cleaned_data["unit"] = found[0]
        return str(self.cleaned_data["code"])


class RejectForm(forms.Form):
    reason = forms.CharField(max_length=200, required=False)


class RevealForm(forms.Form):
    # A bank account is shown by the page of what it is for.
    field = forms.ChoiceField(
        choices=[
            (name.value, name.label) for name in (AccessLog.Field.PHONE, AccessLog.Field.EMAIL)
        ]
    )
    reason = forms.CharField(max_length=200)
