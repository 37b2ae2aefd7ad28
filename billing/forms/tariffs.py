"""Forms of fee standards: their terms, their end, their units, their place on the bill."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from billing.forms.fields import (
    BuildingField,
    DayField,
    FigureField,
    register_spelling,
    spellings,
    text_area,
)
from billing.models import FeeItem, Tariff
from billing.services.standards.tariff_terms import Terms, name_units, price_and_tiers
from community.models import Community, Unit
from community.services.unit_codes import find_units
from core.forms import OnceForm

MOST_UNITS = 2000
LOOSELY = 50  # so many codes in another spelling are looked for one by one


class UnitsField(forms.CharField):
    """Units of a community, pasted or typed by their codes; every unknown one is named."""

    def __init__(self, *, community: Community, **kwargs: Any) -> None:
        self.community = community
        kwargs.setdefault("label", _("Only these units"))
        kwargs.setdefault(
            "help_text",
            _("Unit codes, one on each line or parted by commas. Empty: all of the type."),
        )
        super().__init__(max_length=40_000, widget=text_area(3), **kwargs)

    def clean(self, value: Any) -> tuple[Unit, ...]:
        typed = spellings(super().clean(value))
        if len(typed) > MOST_UNITS:
            raise ValidationError(
                _("These are more than %(n)s units. A standard for all is better."),
                params={"n": MOST_UNITS},
            )
        codes = {code: register_spelling(code) for code in typed}
        found = Unit.objects.filter(community=self.community, code__in=codes.values())
        by_code = {unit.code: unit for unit in found.order_by("sort_key")}
        units = {by_code[code].pk: by_code[code] for code in codes.values() if code in by_code}
        strange = [code for code, usual in codes.items() if usual not in by_code]
        unknown = strange[LOOSELY:]
        for code in strange[:LOOSELY]:
            named = list(find_units(community=self.community, text=code)[:2])
            if len(named) == 1:
                units[named[0].pk] = named[0]
            else:
                unknown.append(code)
        if unknown:
            raise ValidationError(
                ngettext(
                    "This is no unit on the register: %(codes)s",
                    "These are no units on the register: %(codes)s",
                    len(unknown),
                ),
                params={"codes": "、".join(code[:30] for code in unknown[:20])},
            )
        return tuple(sorted(units.values(), key=lambda unit: unit.sort_key))

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else "\n".join(map(str, value))


class DisclosureForm(forms.Form):
    """What has to be published with a price (明码标价)."""

    service_standard = forms.CharField(
        label=_("Service standard"), max_length=2000, required=False, widget=text_area(3)
    )
    legal_basis = forms.CharField(label=_("Legal basis"), max_length=500, required=False)
    pricing_form = forms.ChoiceField(
        label=_("Pricing form"),
        required=False,
        choices=[("", _("not told")), *Tariff.PricingForm.choices],
    )


class TermsForm(OnceForm):
    """What a version says, from its item to its disclosure; `terms` once it is valid."""

    item = forms.CharField(
        label=_("Fee item"),
        max_length=50,
        widget=forms.TextInput(attrs={"list": "fee-items", "autocomplete": "off"}),
    )
    unit_kind = forms.ChoiceField(label=_("Unit type"), choices=Unit.Kind)
    method = forms.ChoiceField(label=_("Method"), choices=Tariff.Method)
    price = forms.CharField(
        label=_("Price, yuan"),
        max_length=200,
        required=False,
        help_text=_("Tiers as 15:3.45;25:4.83;:5.83 (m³ a month). Shared costs have no price."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    vacancy_factor = FigureField(
        label=_("Share charged of vacant units"),
        places=4,
        digits=1,
        initial="1",
        help_text=_("1 is the full price, 0.7 is 70 %."),
    )
    rounding = forms.ChoiceField(label=_("Rounding"), choices=Tariff.Rounding)
    starts_on = DayField(label=_("In force from"))
    service_standard = DisclosureForm.base_fields["service_standard"]
    legal_basis = DisclosureForm.base_fields["legal_basis"]
    pricing_form = DisclosureForm.base_fields["pricing_form"]

    field_order = ("item", "unit_kind", "building", "units", "method", "price", "vacancy_factor")

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["building"] = BuildingField(community=community)
        self.fields["units"] = UnitsField(community=community, required=False)
        self.order_fields(self.field_order)
        self.items = FeeItem.objects.filter(community=community)
        self.terms: Terms | None = None

    def clean_vacancy_factor(self) -> Any:
        factor = self.cleaned_data["vacancy_factor"]
        if factor is None or factor > 1:
            raise ValidationError(_("Please give a share between 0 and 1."))
        return factor

    def clean(self) -> dict[str, Any]:
        told = super().clean() or self.cleaned_data
        if "method" in told and "price" in told:
            try:
                told["price"], told["tiers"] = price_and_tiers(told["method"], told["price"])
            except ValueError as error:
                self.add_error(
                    "price", ValidationError(_("It %(error)s."), params={"error": error})
                )
        if told.get("units") and told.get("building"):
            self.add_error("units", _("Hand-picked units and a building exclude each other."))
        others = [unit for unit in told.get("units", ()) if unit.kind != told.get("unit_kind")]
        if others and "unit_kind" in told:
            self.add_error(
                "units",
                ValidationError(
                    _("Of another type than the standard: %(units)s"),
                    params={"units": name_units(others)},
                ),
            )
        if not self.errors:
            self.terms = Terms(**{name: told[name] for name in Terms.__dataclass_fields__})
        return told


class FirstVersionForm(TermsForm):
    """A standard for units that pay nothing for the item yet."""

    ends_on = DayField(label=_("In force to"), required=False)
    reason = forms.CharField(label=_("Why, and who decided it"), max_length=500)

    def clean(self) -> dict[str, Any]:
        told = super().clean()
        if told.get("ends_on") and told.get("starts_on") and told["ends_on"] < told["starts_on"]:
            self.add_error("ends_on", _("The last day lies before the first."))
        return told


class EndForm(forms.Form):
    """The last day of a version."""

    ends_on = DayField(label=_("Last day"))
    reason = forms.CharField(label=_("Why, and who decided it"), max_length=500)


class PickForm(forms.Form):
    """The units of a hand-picking version."""

    def __init__(self, *args: Any, community: Community, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["units"] = UnitsField(community=community, label=_("Units"), help_text="")


class ItemForm(forms.Form):
    """Where an item stands on bills, and for which period it is billed."""

    position = forms.IntegerField(
        label=_("Place on the bill"), validators=[MinValueValidator(1), MaxValueValidator(999)]
    )
    in_arrears = forms.BooleanField(
        label=_("Billed for the period before, once the usage is known"), required=False
    )
