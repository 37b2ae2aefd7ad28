"""What the page of a closed order says came in its place, and where it leads."""

from decimal import Decimal

import pytest
from django.urls import reverse

from payments.services.online.closed import why_closed
from tests.factories.billing import make_bill
from tests.factories.community import BindingFactory
from tests.factories.payments import make_order, make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(bill, resident):
    return make_order(bill, user=resident, state="closed")


def page_of(client, order):
    return client.get(reverse("payments:order", args=[order.pk])).content.decode()


def test_paid_meanwhile_it_leads_to_the_receipt(client, bill, resident, order):
    make_payment(make_bill("9.00", account=bill.account, quarter=2))
    assert why_closed(order).given_up, "another bill's receipt is no reason"
    later = make_order(bill, user=resident)
    receipt = make_payment(bill).receipt
    assert why_closed(order).receipt == receipt
    page = page_of(client, order)
    assert reverse("payments:receipt", args=[receipt.pk]) in page
    assert reverse("payments:order", args=[later.pk]) not in page


def test_another_order_in_its_place_is_led_to(client, bill, resident, order):
    for state in ("expired", "closed"):
        make_order(bill, user=resident, state=state)
    make_order(bill, user=BindingFactory(party=bill.account.party).user)
    assert why_closed(order).given_up, "none of them can be paid, or it is not his"
    later = make_order(bill, user=resident)
    assert why_closed(order).order == later
    assert reverse("payments:order", args=[later.pk]) in page_of(client, order)
    assert why_closed(later).order is None, "what was there before took nobody's place"


def test_what_is_owed_has_changed(client, bill, order):
    assert why_closed(order).given_up
    order.lines.update(amount=bill.amount + Decimal("0.01"))
    assert not why_closed(order).given_up
    client.cookies["django_language"] = "en"
    assert "What is owed has changed" in page_of(client, order)
