"""Fields that several forms of billing have."""

import unicodedata
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from billing.models import FeeItem
from community.models import Building, Community
from community.spelling import normal_code
from core import tables


class DayField(forms.DateField):
    """A day, chosen in the browser's own calendar, between 1900 and 2199."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **kwargs)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not 1900 <= value.year < 2200:
            raise ValidationError(_("Please give a day between 1900 and 2199."))


class FigureField(forms.CharField):
    """A number as people type it, on the keypad of a phone; a Decimal of at most `places`.

    1,234.5 and １２３４ are taken, what a table file would be refused for is refused here as well.
    """

    def __init__(self, *, places: int, digits: int, **kwargs: Any) -> None:
        self.parse = tables.decimal(places=places, minimum=0, digits=digits)
        attrs = {"inputmode": "decimal", "autocomplete": "off", "class": "num"}
        kwargs.setdefault("widget", forms.TextInput(attrs=attrs))
        super().__init__(max_length=30, **kwargs)

    def clean(self, value: Any) -> Decimal | None:
        text = plain_figure(super().clean(value))
        if not text:
            return None
        try:
            number: Decimal = self.parse(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        return number

    def prepare_value(self, value: Any) -> Any:
        return typed_figure(value) if isinstance(value, Decimal) else value


def plain_figure(text: str) -> str:
    """A number without what people put into it: blanks, thousands' commas, wide digits."""
    plain = unicodedata.normalize("NFKC", text or "")
    return plain.replace(",", "").replace(" ", "").strip()


def typed_figure(value: Decimal) -> str:
    """A number as somebody would type it: 1012.5, without commas and idle zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


class BuildingField(forms.ModelChoiceField):
    """A building of the community, in natural order; none of them means all."""

    def __init__(self, *, community: Community, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Building"))
        kwargs.setdefault("empty_label", _("all buildings"))
        kwargs.setdefault("required", False)
        super().__init__(queryset=in_order(community), **kwargs)


def in_order(community: Community) -> Any:
    """The buildings of a community, 2 before 10."""
    return (
        Building.objects.filter(community=community)
        .annotate(place=Min("units__sort_key"))
        .order_by("place", "code")
    )


def items_of(community: Community) -> Any:
    return FeeItem.objects.filter(community=community).order_by("position", "id")


def spellings(text: str) -> list[str]:
    """What somebody pasted, code by code: one a line, or parted by commas, blanks, semicolons."""
    for mark in ",，;；、\t ":
        text = text.replace(mark, "\n")
    return list(dict.fromkeys(part for line in text.splitlines() if (part := line.strip())))


def register_spelling(text: str) -> str:
    """A code in the register's spelling, or as it was typed if it is none."""
    return normal_code(text) or text.upper()
