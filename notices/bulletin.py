"""What the bulletin says of a bill run: totals and standards, nothing about any person."""

from typing import Any

from django.db.models import Q

from billing.models import Tariff
from core.money import parse_yuan
from notices.models import Campaign


def bulletin_of(campaign: Campaign) -> dict[str, Any]:
    """What page and poster show of a campaign whose run, period and community are loaded.

    The totals are those that the run kept when it was issued, so a public page adds up no charges.
    """
    run = campaign.run
    summary = run.summary or {}
    return {
        "campaign": campaign,
        "community": campaign.community,
        "period": run.period,
        "due_on": run.due_on,
        "items": [
            {"name": item["item"], "amount": parse_yuan(item["amount"])}
            for item in summary.get("items", [])
        ],
        "bills": summary.get("bills"),
        "total": parse_yuan(summary["amount"]) if "amount" in summary else None,
        "standards": _standards(campaign),
    }


def _standards(campaign: Campaign) -> list[dict[str, Any]]:
    """The prices in force in the period, in the order of the fee items."""
    period = campaign.run.period
    tariffs = (
        Tariff.objects.filter(
            Q(ends_on__isnull=True) | Q(ends_on__gte=period.starts_on),
            fee_item__community=campaign.community,
            starts_on__lte=period.ends_on,
        )
        .select_related("fee_item", "building")
        .order_by("fee_item__position", "fee_item_id", "unit_kind", "building__code", "starts_on")
    )
    return [
        {
            "name": tariff.fee_item.name,
            "kind": tariff.get_unit_kind_display(),
            "building": tariff.building.code if tariff.building else "",
            "method": tariff.get_method_display(),
            "price": None if tariff.price is None else f"{tariff.price.normalize():f}",
            "tiers": _tiers(tariff.tiers),
            "starts_on": tariff.starts_on,
        }
        for tariff in tariffs
    ]


def _tiers(text: str) -> list[dict[str, Any]]:
    """ "15:3.45;:5.83" as tiers with an upper bound in m³ per month (None: no end) and a price."""
    tiers = []
    for part in filter(None, text.split(";")):
        bound, _colon, price = part.partition(":")
        tiers.append({"bound": bound or None, "price": price})
    return tiers
