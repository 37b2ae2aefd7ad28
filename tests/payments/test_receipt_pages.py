"""Receipts on the screen, on paper, in the list, and checked by whoever holds one."""

import datetime
import io
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from payments.documents import receipt_pdf, receipt_rows
from payments.services.receiving.record import Share
from tests.factories.billing import AccountFactory, ChargeFactory, make_bill
from tests.factories.community import MembershipFactory
from tests.factories.payments import PaymentOrderFactory, make_payment

pytestmark = pytest.mark.django_db


def test_on_the_screen(client, resident, bill, django_assert_max_num_queries):
    receipt = make_payment(bill, amount="310.00").receipt
    with django_assert_max_num_queries(16):
        page = client.get(reverse("payments:receipt", args=[receipt.pk]))
    text = page.content.decode()
    assert receipt.code in text
    assert "叁佰壹拾元整" in text
    assert "¥302.12" in text
    assert "¥7.88" in text  # part of the second line


def test_as_pdf(client, resident, bill):
    late = ChargeFactory(account=bill.account, bill=bill, amount="5.00", unit_price=None)
    receipt = make_payment(bill, amount="400.00").receipt
    response = client.get(reverse("payments:receipt_pdf", args=[receipt.pk]))
    assert response["Content-Type"] == "application/pdf"
    reader = PdfReader(io.BytesIO(response.content))
    assert len(reader.pages) == 1
    width, height = reader.pages[0].mediabox[2:]
    assert (round(width), round(height)) == (595, 420)  # A5 on its side, in points
    text = re.sub(r"\s", "", reader.pages[0].extract_text())
    for part in (
        receipt.code,
        receipt.payer_name,
        "肆佰元整",
        "¥400.00",
        bill.account.unit.code,
        bill.account.community.company,
        "2026.01.01–2026.03.31",
    ):
        assert part in text
    assert late.amount == "5.00"


def test_months_ahead_are_named_with_their_days(client, resident, bill):
    account = bill.account
    order = PaymentOrderFactory(
        community=account.community, user=resident, amount="729.00", state="paid"
    )
    order.account_lines.create(
        account=account,
        purpose="prepayment",
        months=3,
        starts_on=datetime.date(2026, 4, 1),
        ends_on=datetime.date(2026, 6, 30),
        amount="729.00",
    )
    share = Share(account.pk, Decimal(729), ())
    receipt = make_payment(bill, amount="729.00", shares=[share], order=order).receipt
    (row,) = receipt_rows(receipt)
    assert "3" in row.item
    assert row.period == "2026.04.01–2026.06.30"
    page = client.get(reverse("payments:receipt", args=[receipt.pk]))
    paper = PdfReader(io.BytesIO(receipt_pdf(receipt))).pages[0].extract_text()
    for text in (page.content.decode(), re.sub(r"\s", "", paper)):
        assert row.period in text


@pytest.mark.parametrize(("lines", "pages"), [(9, 1), (16, 1), (17, 2), (26, 2), (40, 2)])
def test_many_lines_are_set_closer_and_totals_are_never_alone(bill, lines, pages):
    bills = [
        make_bill(*["1.00"] * min(4, lines - start), account=bill.account, quarter=1, year=year)
        for year, start in zip(range(2010, 2020), range(0, lines, 4), strict=False)
    ]
    receipt = make_payment(*bills).receipt
    found = PdfReader(io.BytesIO(receipt_pdf(receipt))).pages
    assert len(found) == pages
    last = found[-1].extract_text()
    assert f"¥{lines}.00" in re.sub(r"\s", "", last)
    assert bill.account.unit.code in last, "at least one line stands above the totals"
    assert receipt.code in last


def test_whoever_holds_the_paper_can_check_it(client, bill):
    receipt = make_payment(bill).receipt
    page = client.get(reverse("payments:receipt_check", args=[receipt.check_token]))
    text = page.content.decode()
    assert receipt.code in text
    assert "¥344.12" in text
    assert receipt.payer_name not in text
    assert bill.account.unit.code not in text
    assert client.get(reverse("payments:receipt_check", args=["x" * 43])).status_code == 404


def test_staff_find_them(client, bill, django_assert_max_num_queries):
    client.force_login(MembershipFactory(community=bill.account.community).user)
    receipt = make_payment(bill).receipt
    other = make_payment(make_bill(account=AccountFactory(community=bill.account.community)))
    url = reverse("payments:receipts", args=[bill.account.community.code])
    with django_assert_max_num_queries(12):
        assert len(client.get(url).context["page_obj"]) == 2
    for query in (receipt.code, receipt.payer_name, bill.account.unit.code):
        found = client.get(url, {"q": query}).context["page_obj"]
        assert receipt in found
        assert other.receipt not in found
    for nonsense in ("9" * 60, "９" * 12, "%", "'"):
        assert client.get(url, {"q": nonsense}).status_code == 200
    assert client.get(url, {"q": "a\0b"}).status_code == 400
