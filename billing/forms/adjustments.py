"""Forms of adjustments: what is asked for, and the words of a decision."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from billing.models import Adjustment, FeeItem
from community.evidence import EvidenceField
from community.forms import PartyField
from core.forms import OnceForm

LATE_FEE = "late"  # the late fee of today, which no line shows yet


class DayInput(forms.DateInput):
    """The browser's own picker of a day."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


def _amount_field(label: Any) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal("0.01"),
        max_digits=10,
        decimal_places=2,
        widget=forms.TextInput(
            attrs={"inputmode": "decimal", "autocomplete": "off", "class": "form-control num"}
        ),
    )


def _reason_field() -> forms.CharField:
    return forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whoever decides reads it."),
    )


class AskForm(OnceForm):
    """What every request for an adjustment has: why, and what proves it, as a file or on paper.

    `again` is offered once an equal request is found waiting, and kept while the form is.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_fields()
        self.fields["reason"] = _reason_field()
        self.fields["evidence"] = EvidenceField(required=False)
        self.fields["evidence_note"] = forms.CharField(
            label=_("Or the paper that proves it"),
            max_length=200,
            required=False,
            help_text=_(
                "What it is and where it is kept, for example: discharge note, archive 2026 no. 14."
            ),
        )
        for name in ("evidence", "evidence_note"):
            self.fields[name].one_of_several = True  # type: ignore[attr-defined]
        if "again" in self.data:
            self._offer_again()

    def add_fields(self) -> None:
        """Adds the fields that stand above the reason."""

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        proofs = ("evidence", "evidence_note")
        if not any(asked.get(name) or name in self.errors for name in proofs):
            self.add_error("evidence", _("Please attach a file, or say below where the paper is."))
        return asked

    def point_out(self, waiting: Adjustment) -> None:
        """Says that an equal request waits, and lets the clerk ask for it all the same."""
        self._offer_again()
        self.add_error(
            "again",
            _(
                "The very same was asked for by %(name)s on %(at)s and still waits. Nothing was "
                "sent. Tick below only if it is to be done twice."
            )
            % {
                "name": waiting.requested_by,
                "at": date_format(timezone.localtime(waiting.requested_at), "DATETIME_FORMAT"),
            },
        )

    def _offer_again(self) -> None:
        self.fields["again"] = forms.BooleanField(
            label=_("Ask for the same a second time"), required=False
        )


class AdjustForm(AskForm):
    """Something off one line of a bill. `lines` are (value, label) pairs."""

    line = forms.ChoiceField(label=_("Of which line"), widget=forms.RadioSelect)
    kind = forms.ChoiceField(
        label=_("What it is"),
        choices=[
            (Adjustment.Kind.WAIVER, _("Waiver: it need not be paid")),
            (Adjustment.Kind.DISCOUNT, _("Discount: the price is lessened")),
            (Adjustment.Kind.WRITE_OFF, _("Write-off: it cannot be collected")),
        ],
        widget=forms.RadioSelect,
        initial=Adjustment.Kind.WAIVER,
    )

    def __init__(self, *args: Any, lines: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["line"].choices = lines  # type: ignore[attr-defined]
        if len(lines) == 1:
            self.fields["line"].initial = lines[0][0]

    def add_fields(self) -> None:
        self.fields["amount"] = _amount_field(_("Amount to take off, yuan"))


class ExtraChargeForm(AskForm):
    """Something to pay besides the bills, for one of the unit's payers."""

    party = PartyField(label=_("Payer"))
    fee_item = forms.ModelChoiceField(
        label=_("Fee item"), queryset=FeeItem.objects.none(), empty_label=_("Please choose")
    )

    def __init__(self, *args: Any, parties: Any, items: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["party"].queryset = parties  # type: ignore[attr-defined]
        self.fields["fee_item"].queryset = items  # type: ignore[attr-defined]

    def add_fields(self) -> None:
        self.fields["amount"] = _amount_field(_("Amount to charge, yuan"))
        self.fields["due_on"] = forms.DateField(label=_("To be paid by"), widget=DayInput())


class DecisionForm(forms.Form):
    """Approve, or reject with words."""

    do = forms.ChoiceField(choices=[("approve", "approve"), ("reject", "reject")])
    words = forms.CharField(label=_("Words of the decision"), max_length=500, required=False)
