"""Fee standards by hand: a first version, a last day, hand-picked units, texts for disclosure."""

from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from billing.models import BillingPeriod, Charge, FeeItem, Tariff, TariffUnit
from billing.services.standards.tariff_terms import (
    TariffRefused,
    Terms,
    check_units,
    name_units,
    paid_already,
    same_scope,
    span_of,
)
from community.models import Community, Unit, User
from community.services.imports import lock


@transaction.atomic
def create_first_version(
    *, community: Community, terms: Terms, by: User, reason: str, ends_on: date | None = None
) -> Tariff:
    """A standard for units that pay nothing for the item yet, without a proposal.

    A price for somebody who pays already changes what he pays, and so has to be proposed first.
    Raises TariffRefused, and for an empty reason.
    """
    if not reason.strip():
        raise TariffRefused(_("Please write down why."))
    if ends_on and ends_on < terms.starts_on:
        raise TariffRefused(_("The last day lies before the first."))
    lock(community)
    check_units(community=community, terms=terms)
    standing = paid_already(community, terms, until=ends_on).first()
    if standing:
        raise TariffRefused(
            _(
                "%(item)s is charged here already, by the standard that holds %(span)s. "
                "A change of what somebody pays starts as a proposal."
            )
            % {"item": standing.fee_item, "span": span_of(standing)}
        )
    return write_version(community=community, terms=terms, by=by, reason=reason, ends_on=ends_on)


def write_version(
    *, community: Community, terms: Terms, by: User, reason: str = "", ends_on: date | None = None
) -> Tariff:
    """Write a version, its fee item if that is new, and its picked units.

    Inside a transaction that has locked the community and found nothing in the way.
    """
    last = FeeItem.objects.filter(community=community).aggregate(last=Max("position"))["last"]
    item, _new = FeeItem.objects.get_or_create(
        community=community, name=terms.item, defaults={"position": (last or 0) + 1}
    )
    tariff = Tariff.objects.create(
        fee_item=item,
        unit_kind=terms.unit_kind,
        building=terms.building,
        picked=bool(terms.units),
        method=terms.method,
        price=terms.price,
        tiers=terms.tiers,
        vacancy_factor=terms.vacancy_factor,
        rounding=terms.rounding,
        starts_on=terms.starts_on,
        ends_on=ends_on,
        service_standard=terms.service_standard,
        legal_basis=terms.legal_basis,
        pricing_form=terms.pricing_form,
        reason=reason,
        created_by=by,
    )
    TariffUnit.objects.bulk_create(TariffUnit(tariff=tariff, unit=unit) for unit in terms.units)
    return tariff


@transaction.atomic
def end_version(*, tariff: Tariff, ends_on: date, by: User, reason: str) -> Tariff:
    """Give a version its last day, or an earlier one; a longer life would be a new price.

    The same day again changes nothing. What was billed for later days stands until a correction
    run. Raises TariffRefused.
    """
    if not reason.strip():
        raise TariffRefused(_("Please write down why."))
    lock(tariff.fee_item.community)
    tariff = Tariff.objects.select_for_update(of=("self",)).get(pk=tariff.pk)
    if tariff.ends_on == ends_on:
        return tariff
    if ends_on < tariff.starts_on:
        raise TariffRefused(_("The last day lies before the first."))
    if tariff.ends_on and ends_on > tariff.ends_on:
        raise TariffRefused(
            _("It ends before that day already. A longer life starts as a proposal.")
        )
    tariff.ends_on, tariff.end_reason, tariff.ended_by = ends_on, reason, by
    tariff.save(update_fields=["ends_on", "end_reason", "ended_by"])
    return tariff


@transaction.atomic
def pick_units(*, tariff: Tariff, units: Iterable[Unit]) -> tuple[int, int]:
    """Have a hand-picking version hold for these units alone; how many came and how many went.

    Only while nothing was billed by it. Raises TariffRefused.
    """
    item = tariff.fee_item
    lock(item.community)
    wanted = tuple(units)
    if not tariff.picked:
        raise TariffRefused(_("This standard holds for all units of its type."))
    if not wanted:
        raise TariffRefused(_("Please name at least one unit."))
    if is_billed(tariff):
        raise TariffRefused(
            _("Bills were issued by this standard. End it and begin another for other units.")
        )
    terms = Terms(
        item=item.name,
        unit_kind=tariff.unit_kind,
        method=tariff.method,
        starts_on=tariff.starts_on,
        units=wanted,
    )
    check_units(community=item.community, terms=terms)
    there = dict(tariff.units.values_list("unit_id", "pk"))
    new = [unit for unit in wanted if unit.pk not in there]
    _refuse_picked_elsewhere(tariff, new)
    gone = there.keys() - {unit.pk for unit in wanted}
    tariff.units.filter(unit__in=gone).delete()
    TariffUnit.objects.bulk_create(TariffUnit(tariff=tariff, unit=unit) for unit in new)
    return len(new), len(gone)


def _refuse_picked_elsewhere(tariff: Tariff, units: list[Unit]) -> None:
    terms = Terms(
        item=tariff.fee_item.name,
        unit_kind=tariff.unit_kind,
        method=tariff.method,
        starts_on=tariff.starts_on,
        units=tuple(units),
    )
    if not units:
        return
    others = same_scope(tariff.fee_item.community, terms, until=tariff.ends_on).exclude(
        pk=tariff.pk
    )
    taken = TariffUnit.objects.filter(tariff__in=others, unit__in=units).select_related("unit")
    if found := [each.unit for each in taken.order_by("unit__sort_key")]:
        raise TariffRefused(
            _("Another hand-picking standard of this item holds for %(units)s.")
            % {"units": name_units(found)}
        )


def describe_version(
    *, tariff: Tariff, service_standard: str, legal_basis: str, pricing_form: str
) -> None:
    """The texts that are disclosed with a version; the only part of it that may be reworded."""
    tariff.service_standard = service_standard
    tariff.legal_basis = legal_basis
    tariff.pricing_form = pricing_form
    tariff.save(update_fields=["service_standard", "legal_basis", "pricing_form"])


@transaction.atomic
def set_item(*, item: FeeItem, position: int, in_arrears: bool) -> None:
    """Where a fee item stands on bills (from 1), and whether it is billed for the period before.

    The others close ranks around it.
    """
    lock(item.community)
    others = list(FeeItem.objects.filter(community=item.community).exclude(pk=item.pk))
    others.insert(max(position - 1, 0), item)
    item.in_arrears = in_arrears
    for place, each in enumerate(others, start=1):
        each.position = place
    FeeItem.objects.bulk_update(others, ["position", "in_arrears"])


def is_billed(tariff: Tariff) -> bool:
    """Whether any line was ever billed by a version."""
    if billed_until(tariff) is None:
        return False
    return Charge.objects.filter(tariff=tariff, fee_item=tariff.fee_item_id).exists()


def billed_until(tariff: Tariff) -> date | None:
    """The last day for which bills are issued, if a version holds before it.

    Charges have no index by tariff (each one costs every bill run), so periods answer first.
    """
    issued = BillingPeriod.objects.filter(
        community=tariff.fee_item.community_id,
        issued_at__isnull=False,
        ends_on__gte=tariff.starts_on,
    )
    found: date | None = issued.aggregate(last=Max("ends_on"))["last"]
    return found
