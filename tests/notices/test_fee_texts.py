"""What the fee notice says by SMS and by mail."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from pypdf import PdfReader

from billing.models import Bill
from notices.content import fee, message_of
from notices.content.short import LONGEST_PARAM
from notices.models import Notice
from payments.documents import receipt_pdf
from tests.factories.billing import make_bill
from tests.factories.notices import DeliveryFactory, make_campaign
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db
TEMPLATES = Path(__file__).parents[2] / "simulators/aliyun_sms/templates.json"


@pytest.fixture
def notice() -> Notice:
    bill: Bill = make_bill("302.12")
    return make_campaign(bill.run).notices.get()


@pytest.mark.parametrize(
    ("site", "whole"),
    [("https://wuye.example.com", True), ("https://a-very-long-name.property.example.com", False)],
)
def test_the_short_text_says_how_to_pay(
    notice: Notice, settings: Any, site: str, whole: bool
) -> None:
    settings.SITE_URL = site
    pay = fee.sms(notice, fee.context(notice)).params["pay"]
    assert (pay == f"{site}/pay/") is whole
    assert len(pay) <= LONGEST_PARAM
    assert not pay.startswith("http") or whole, "an address that is cut off leads nowhere"
    assert (
        "${pay}" in json.loads(TEMPLATES.read_text())["templates"][configured.SMS_TEMPLATES["fee"]]
    )


def test_a_community_without_a_company_is_named_once(notice: Notice) -> None:
    community = notice.community
    community.company = community.address = ""
    community.save()
    delivery = DeliveryFactory.create(notice=notice, channel="email", address="a@example.com")
    delivery.notice.community.refresh_from_db()
    assert f"· {community.name}" not in message_of(delivery).html
    receipt = make_payment(notice.bills.get()).receipt
    text = PdfReader(io.BytesIO(receipt_pdf(receipt))).pages[0].extract_text()
    assert text.count(community.name) == 1
