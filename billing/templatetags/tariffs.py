"""Fee standards in words."""

from django import template
from django.utils.translation import gettext as _

from billing.calculation import parse_tiers
from billing.explanation.equations import number
from billing.models import Tariff, TariffProposal

register = template.Library()

_METHODS = Tariff.Method


@register.filter
def price_words(terms: Tariff | TariffProposal) -> str:
    """What a version or a proposal charges: "2.35 yuan per m² and month"."""
    if terms.method == _METHODS.TIERED:
        return _tiers(terms.tiers)
    if terms.price is None:
        return _("the cost itself, shared")
    price = {"price": number(terms.price)}
    if terms.method == _METHODS.AREA:
        return _("%(price)s yuan per m² and month") % price
    if terms.method == _METHODS.HOUSEHOLD:
        return _("%(price)s yuan per unit and month") % price
    if terms.method == _METHODS.USAGE:
        return _("%(price)s yuan per m³") % price
    return _("%(price)s yuan per unit, once") % price


def _tiers(text: str) -> str:
    try:
        tiers = parse_tiers(text)
    except ValueError:
        return text
    words = []
    for tier in tiers:
        price = {"price": number(tier.price)}
        if tier.upto is None:
            words.append(_("%(price)s yuan above") % price)
        else:
            upto = {"upto": number(tier.upto)}
            words.append(_("up to %(upto)s m³ a month %(price)s yuan") % (price | upto))
    return _("; ").join(words)


@register.filter
def plain_number(value: object) -> str:
    """A number without the zeros that say nothing; nothing for None."""
    return "" if value is None else number(value)  # type: ignore[arg-type]
