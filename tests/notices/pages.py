"""What tests of the pages share: a community that has issued, its staff, what an answer says."""

import io
from typing import Any

from django.test import Client
from pypdf import PdfReader

from billing.models import BillRun, Tariff
from community.models import Community, Role
from notices.models import Campaign
from tests.factories.billing import AccountFactory, FeeItemFactory, make_bill
from tests.factories.community import (
    CommunityFactory,
    MembershipFactory,
)
from tests.factories.notices import make_campaign


def make_community(**fields: Any) -> Community:
    community: Community = CommunityFactory.create(
        hotline="0571-88880001",
        bank_name="建设银行云栖支行",
        bank_account_name="安居物业服务有限公司",
        bank_account_number="33050161613500000123",
        **fields,
    )
    return community


def as_staff(community: Community, role: Role = Role.MANAGER) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(community=community, role=role).user)
    return client


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def pages_of(answer: Any) -> list[str]:
    assert answer.headers["Content-Type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(answer.content))
    return [page.extract_text() for page in reader.pages]


def issued(community: Community, payers: int = 2) -> Campaign:
    """A campaign whose run has kept its totals, as a bill run does."""
    runs = [
        make_bill("300.00", "12.34", account=AccountFactory.create(community=community)).run
        for _payer in range(payers)
    ]
    run: BillRun = runs[0]
    run.summary = {
        "bills": payers,
        "lines": 2 * payers,
        "amount": "624.68",
        "items": [{"item": "物业服务费", "amount": "600.00"}, {"item": "费目2", "amount": "24.68"}],
    }
    run.save()
    item = FeeItemFactory.create(community=community, name="物业服务费")
    Tariff.objects.create(
        fee_item=item, unit_kind="dwelling", method="area", price="2.3500", starts_on="2020-01-01"
    )
    Tariff.objects.create(
        fee_item=FeeItemFactory.create(community=community, name="水费", position=9),
        unit_kind="dwelling",
        method="tiered",
        tiers="15:3.45;25:4.83;:5.83",
        starts_on="2020-01-01",
    )
    return make_campaign(run)
