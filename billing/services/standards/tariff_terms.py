"""What a version of a fee standard says, and which versions stand in its way."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from billing.calculation import parse_tiers
from billing.models import Tariff, TariffProposal
from community.models import Building, Community, Unit
from core import tables

SHARED = (Tariff.Method.SHARED_AREA, Tariff.Method.SHARED_HOUSEHOLD)
METERED = (Tariff.Method.USAGE, Tariff.Method.TIERED)
SHOWN_UNITS = 5
_PRICE = tables.decimal(places=4, minimum=0, digits=8)


class TariffRefused(Exception):
    """A version that cannot be; the message tells whoever asked for it why."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A version to be. `building` None means all buildings, no `units` all of the type.

    ``price`` is yuan per m² and month, per unit and month, per m³ or per unit; None for tiers and
    shared costs. ``vacancy_factor`` is a share of 1.
    """

    item: str
    unit_kind: str
    method: str
    starts_on: date
    building: Building | None = None
    units: tuple[Unit, ...] = ()
    price: Decimal | None = None
    tiers: str = ""
    vacancy_factor: Decimal = Decimal(1)
    rounding: str = Tariff.Rounding.WHOLE
    service_standard: str = ""
    legal_basis: str = ""
    pricing_form: str = ""

    @classmethod
    def of(cls, proposal: TariffProposal) -> "Terms":
        """What a proposal proposes."""
        return cls(
            item=proposal.fee_item_name,
            unit_kind=proposal.unit_kind,
            building=proposal.building,
            units=tuple(proposal.units.order_by("sort_key")),
            method=proposal.method,
            price=proposal.price,
            tiers=proposal.tiers,
            vacancy_factor=proposal.vacancy_factor,
            rounding=proposal.rounding,
            starts_on=proposal.starts_on,
            service_standard=proposal.service_standard,
            legal_basis=proposal.legal_basis,
            pricing_form=proposal.pricing_form,
        )


def price_and_tiers(method: str, text: str) -> tuple[Decimal | None, str]:
    """Price and tiers of what somebody typed, one of them empty.

    ValueError, with words for him, unless it fits the method.
    """
    if method in SHARED:
        if text:
            raise ValueError(_("a shared cost has no price of its own"))
        return None, ""
    if not text:
        raise ValueError(_("must not be blank"))
    if method != Tariff.Method.TIERED:
        return _PRICE(text), ""
    try:
        parse_tiers(text)
    except ValueError:
        raise ValueError(
            _("is not a list of tiers like 15:3.45;25:4.83;:5.83 with rising bounds")
        ) from None
    return None, text


def check_units(*, community: Community, terms: Terms) -> None:
    """TariffRefused unless hand-picked units are of the community and of the tariff's type."""
    if terms.units and terms.building:
        raise TariffRefused(_("Hand-picked units and a building exclude each other."))
    for unit in terms.units:
        if unit.community_id != community.pk:
            raise TariffRefused(_("%(unit)s belongs to another community.") % {"unit": unit})
        if unit.kind != terms.unit_kind:
            raise TariffRefused(
                _("%(unit)s is of another type: %(kind)s.")
                % {"unit": unit, "kind": unit.get_kind_display()}
            )


def same_scope(
    community: Community, terms: Terms, *, until: date | None = None
) -> QuerySet[Tariff]:
    """The versions for the very same units that hold on some day from the terms' first on."""
    found = _in_force(community, terms, until)
    if terms.units:
        return found.filter(picked=True, units__unit__in=terms.units).distinct()
    return found.filter(picked=False, building=terms.building)


def paid_already(
    community: Community, terms: Terms, *, until: date | None = None
) -> QuerySet[Tariff]:
    """The versions by which some of the units pay for the item already, narrow ones or wide.

    A narrower version keeps its units whatever holds around it, so it is in nobody's way.
    """
    found = _in_force(community, terms, until)
    if terms.units:
        buildings = {unit.building_id for unit in terms.units}
        wider = Q(picked=False) & (Q(building=None) | Q(building__in=buildings))
        return found.filter(wider | Q(units__unit__in=terms.units)).distinct()
    own = Q(building=None) | Q(building=terms.building) if terms.building else Q(building=None)
    return found.filter(own, picked=False)


def _in_force(community: Community, terms: Terms, until: date | None) -> QuerySet[Tariff]:
    found = Tariff.objects.filter(
        fee_item__community=community, fee_item__name=terms.item, unit_kind=terms.unit_kind
    ).filter(Q(ends_on=None) | Q(ends_on__gte=terms.starts_on))
    if until:
        found = found.filter(starts_on__lte=until)
    return found.select_related("fee_item", "building").order_by("starts_on", "pk")


def span_of(tariff: Tariff) -> str:
    """From when to when a version holds, in the language of the moment."""
    first = date_format(tariff.starts_on)
    if tariff.ends_on is None:
        return _("from %(first)s on") % {"first": first}
    return _("from %(first)s to %(last)s") % {"first": first, "last": date_format(tariff.ends_on)}


def name_units(units: list[Unit]) -> str:
    """The first few of some units, and how many more there are."""
    shown = "、".join(unit.code for unit in units[:SHOWN_UNITS])
    more = len(units) - SHOWN_UNITS
    return _("%(units)s and %(n)s more") % {"units": shown, "n": more} if more > 0 else shown
