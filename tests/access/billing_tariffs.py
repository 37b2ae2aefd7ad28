"""Fee standards, proposals, meters and shared costs."""

import datetime
import uuid
from decimal import Decimal
from typing import Any

from billing.models import Meter, MeterReading, ProposalComment, SharedCost, Tariff, TariffProposal
from tests.access.rows import ALLOWED, Row
from tests.access.world import Side, Visitor
from tests.factories.billing import FeeItemFactory
from tests.factories.proposals import make_proposal

# Who lives in the same community reads its proposals, and shares its costs.
WITH_NEIGHBOURS: dict[Visitor, int | str] = {Visitor.NEIGHBOUR: ALLOWED}
START = datetime.date(2026, 1, 1)


def a_tariff(side: Side, **other: Any) -> dict[str, int]:
    usual = {
        "fee_item": FeeItemFactory.create(community=side.community),
        "unit_kind": "dwelling",
        "method": "area",
        "price": Decimal("2.35"),
        "starts_on": START,
    }
    return {"pk": Tariff.objects.create(**(usual | other)).pk}


def a_proposal(side: Side, state: str = "open") -> dict[str, int]:
    return {"pk": make_proposal(side.community, state).pk}


def a_comment(side: Side) -> dict[str, int]:
    proposal = TariffProposal.objects.get(**a_proposal(side))
    said = ProposalComment.objects.create(
        proposal=proposal, author=side.owner, unit=side.unit, text="太贵了"
    )
    return {"pk": said.pk}


def a_meter(side: Side) -> Meter:
    item = FeeItemFactory.create(community=side.community, name="自来水费")
    return Meter.objects.get_or_create(unit=side.unit, fee_item=item)[0]


def a_reading(side: Side) -> dict[str, int]:
    made = MeterReading.objects.create(meter=a_meter(side), read_on=START, value=Decimal(12))
    return {"pk": made.pk}


def a_cost(side: Side) -> dict[str, int]:
    item = FeeItemFactory.create(community=side.community, name="公共照明分摊")
    a_tariff(side, fee_item=item, method="shared_area", price=None)
    side.unit.handover_date = START
    side.unit.save()
    cost = SharedCost.objects.create(
        fee_item=item, starts_on=START, ends_on=datetime.date(2026, 3, 31), amount=Decimal("99.99")
    )
    return {"pk": cost.pk}


def an_item(side: Side) -> dict[str, int]:
    return {"pk": a_meter(side).fee_item_id}


ROWS = [
    Row("billing:proposals"),
    Row(
        "billing:proposal",
        a_proposal,
        data=lambda side: {"unit": side.unit.pk, "text": "好", "form_token": uuid.uuid4()},
        expect=WITH_NEIGHBOURS,
    ),
    Row("billing:shared_cost", a_cost, expect=WITH_NEIGHBOURS),
    Row("billing:tariffs"),
    Row("billing:tariff_new"),
    Row("billing:unit_codes", query="?find=3-1"),
    Row("billing:item", lambda side: {"pk": FeeItemFactory.create(community=side.community).pk}),
    Row("billing:tariff", a_tariff),
    Row("billing:tariff_describe", a_tariff, post=True),
    Row(
        "billing:tariff_end",
        a_tariff,
        post=True,
        data=lambda side: {"ends_on": "2027-12-31", "reason": "合同到期"},
    ),
    Row(
        "billing:tariff_pick",
        lambda side: a_tariff(side, picked=True),
        post=True,
        data=lambda side: {"units": side.unit.code},
    ),
    Row("billing:desk_proposals"),
    Row("billing:proposal_new"),
    Row("billing:desk_proposal", a_proposal),
    Row("billing:proposal_edit", lambda side: a_proposal(side, "draft")),
    Row("billing:proposal_publish", lambda side: a_proposal(side, "draft"), post=True),
    Row(
        "billing:proposal_decide",
        a_proposal,
        post=True,
        data=lambda side: {"do": "withdraw", "reasons": "异议较多", "seen": "open"},
    ),
    Row("billing:proposal_answer", a_comment, post=True, data=lambda side: {"text": "谢谢"}),
    Row("billing:desk_shared_costs"),
    Row("billing:desk_shared_cost", a_cost),
    Row("billing:shared_cost_remove", a_cost, post=True),
    Row("billing:meters"),
    Row("billing:meter_sheet", an_item),
    Row("billing:meters_missing"),
    Row("billing:meters_estimate", an_item, post=True),
    Row("billing:meter", lambda side: {"pk": a_meter(side).pk}),
    Row(
        "billing:meter_replace",
        lambda side: {"pk": a_meter(side).pk},
        post=True,
        data=lambda side: {"replaced_on": "2026-02-01", "old_value": "12", "new_value": "0"},
    ),
    Row("billing:meter_device", lambda side: {"pk": a_meter(side).pk}, post=True),
    Row("billing:reading_remove", a_reading, post=True),
]
