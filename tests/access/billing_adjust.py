"""Adjustments, late fees, offers, vacancies."""

import uuid
from decimal import Decimal
from typing import Any

from billing.models import Adjustment
from billing.services.accounts.adjustment_requests import request_adjustment
from community.models import StoredFile, VacancyRequest, today
from tests.access.rows import Row
from tests.access.world import Side
from tests.factories.billing import OfferFactory, make_bill


def a_bill(side: Side) -> dict[str, Any]:
    return {"pk": make_bill(unit=side.unit, party=side.party).pk}


def a_unit(side: Side) -> dict[str, Any]:
    return {"pk": side.unit.pk}


def proof(side: Side) -> StoredFile:
    return StoredFile.keep(
        community=side.community,
        name="证明.png",
        content_type="image/png",
        content=b"\x89PNG\r\n\x1a\n",
        by=side.clerk,
    )


def an_adjustment(side: Side) -> dict[str, Any]:
    bill = make_bill(unit=side.unit, party=side.party)
    adjustment = request_adjustment(
        kind=Adjustment.Kind.WAIVER,
        charge=bill.charges.get(),
        amount=Decimal("1.00"),
        reason="电梯停运",
        by=side.clerk,
        form_token=uuid.uuid4(),
        evidence=proof(side),
    )
    return {"pk": adjustment.pk}


def a_vacancy(side: Side) -> dict[str, Any]:
    request = VacancyRequest.objects.create(
        unit=side.unit,
        starts_on=today(),
        ends_on=today(),
        reason="出国",
        evidence=proof(side),
        requested_by=side.owner,
        form_token=uuid.uuid4(),
    )
    return {"pk": request.pk}


def an_offer(side: Side) -> dict[str, Any]:
    return {"pk": OfferFactory(community=side.community).pk}


ROWS = [
    Row("billing:my_vacancy", a_unit),
    Row("billing:adjust", a_bill),
    Row("billing:extra_charge", a_unit),
    Row("billing:desk_vacancy", a_unit),
    Row("billing:adjustments"),
    Row(
        "billing:decide_adjustment",
        an_adjustment,
        post=True,
        data=lambda side: {"do": "approve"},
    ),
    Row("billing:withdraw_adjustment", an_adjustment, post=True),
    Row("billing:adjustment_evidence", an_adjustment),
    Row("billing:vacancies"),
    Row("billing:decide_vacancy", a_vacancy, post=True, data=lambda side: {"do": "approve"}),
    Row("billing:vacancy_evidence", a_vacancy),
    Row("billing:late_fees"),
    Row("billing:offers"),
    Row("billing:decide_offer", an_offer, post=True, data=lambda side: {"do": "withdraw"}),
]
