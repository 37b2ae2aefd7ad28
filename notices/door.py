"""Door notices: what is still to be hung up, in the order of the walk, and their PDF."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.template.loader import render_to_string

from billing.models import Bill
from community.privacy import masked_name
from core.money import ZERO
from core.pdf import qr_data_uri, render_many
from notices.content import fee
from notices.models import Campaign, Delivery, Notice

# Notices whose rows are read together.
BATCH = 200
WRAP = "notices/print/door_notices.html"
PAGES = "{pages}"


def walk(campaign: Campaign) -> list[dict[str, Any]]:
    """The stretches of the walk (building and entrance): how many doors, how many done, by whom."""
    posted = Q(state=Delivery.State.DELIVERED)
    stretches = (
        _doors(campaign)
        .order_by()
        .values("unit__building_id", "unit__building__code", "unit__entrance")
        .annotate(
            doors=Count("pk"),
            posted=Count("pk", filter=posted),
            last_posted_at=Max("delivered_at", filter=posted),
            first_door=Min("unit__sort_key"),
        )
        .order_by("first_door")
    )
    hung_by = _last_hung_by(campaign)
    return [
        {
            "place": "-".join(
                part
                for part in (stretch["unit__building__code"], stretch["unit__entrance"])
                if part
            ),
            "building_id": stretch["unit__building_id"],
            "building": stretch["unit__building__code"],
            "entrance": stretch["unit__entrance"],
            "doors": stretch["doors"],
            "posted": stretch["posted"],
            "waiting": stretch["doors"] - stretch["posted"],
            "last_posted_at": stretch["last_posted_at"],
            "posted_by": hung_by.get((stretch["unit__building_id"], stretch["unit__entrance"]), ""),
        }
        for stretch in stretches
    ]


def _last_hung_by(campaign: Campaign) -> dict[tuple[int, str], str]:
    """Who hung up the last notice of each stretch, by building's id and entrance."""
    stretch = ("unit__building_id", "unit__entrance")
    last = (
        _doors(campaign)
        .filter(state=Delivery.State.DELIVERED)
        .order_by(*stretch, "-delivered_at")
        .distinct(*stretch)
        .select_related("posted_by", "unit")
    )
    return {
        (delivery.unit.building_id, delivery.unit.entrance): str(delivery.posted_by)
        for delivery in last
        if delivery.unit
    }


def doors(
    campaign: Campaign,
    *,
    building_id: int | None = None,
    entrance: str | None = None,
    unit_id: int | None = None,
    owed: bool = False,
) -> QuerySet[Delivery]:
    """The campaign's door notices in the order of the walk: all, of one stretch, of one unit.

    `owed` leaves out those whose bills for the door's unit are settled by now.
    """
    found = _doors(campaign)
    if owed:
        found = found.filter(Exists(_open_at_the_door()))
    if unit_id is not None:
        found = found.filter(unit_id=unit_id)
    if building_id is not None:
        found = found.filter(unit__building_id=building_id)
    if entrance is not None:
        found = found.filter(unit__entrance=entrance)
    return found


def _open_at_the_door() -> QuerySet[Any]:
    """Of an outer delivery: the bills it tells of that are open for its unit."""
    return Notice.bills.through.objects.filter(
        notice=OuterRef("notice_id"),
        bill__account__unit=OuterRef("unit_id"),
        bill__in=Bill.objects.open().values("pk"),
    )


def door_notices_pdf(
    campaign: Campaign,
    deliveries: QuerySet[Delivery],
    *,
    report: Callable[[int], None] = lambda done: None,
) -> bytes:
    """Door notices, one A5 page each, as one PDF. ValueError if there are none.

    Rows are read in batches and set in chunks, so memory stays flat; after each chunk `report`
    hears how many pages are set. Not in a transaction.
    """
    return render_many(
        _pages(campaign, deliveries),
        wrap=render_to_string(WRAP, {"community": campaign.community, "pages": PAGES}),
        stylesheets=["css/print/door_notice.css"],
        report=report,
    )


def _doors(campaign: Campaign) -> QuerySet[Delivery]:
    return Delivery.objects.door().filter(notice__campaign=campaign)


def _pages(campaign: Campaign, deliveries: QuerySet[Delivery]) -> Iterator[str]:
    found = list(deliveries.select_related("notice__party", "notice__community", "unit"))
    qr = ""
    for start in range(0, len(found), BATCH):
        batch = found[start : start + BATCH]
        contexts = fee.contexts([delivery.notice for delivery in batch])
        for delivery in batch:
            context = contexts[delivery.notice_id]
            qr = qr or qr_data_uri(context["pay_url"])
            yield _page(campaign, delivery, context, qr)


def _page(campaign: Campaign, delivery: Delivery, context: dict[str, Any], qr: str) -> str:
    """One door: only what is owed for this unit, and the name masked: neighbours pass by."""
    bills = [bill for bill in context["bills"] if bill.account.unit_id == delivery.unit_id]
    party = delivery.notice.party
    total = sum((bill.amount for bill in bills), ZERO)
    open_total = sum((bill.open_amount for bill in bills), ZERO)
    return render_to_string(
        "notices/print/_door_notice.html",
        {
            "community": campaign.community,
            "unit": delivery.unit,
            "name": masked_name(party.name) if party else "",
            "bills": bills,
            "period": context["period"],
            "due_on": context["due_on"],
            "total": total,
            "open_total": open_total,
            "settled": total - open_total,
            "pay_url": context["pay_url"],
            "qr": qr,
        },
    )
