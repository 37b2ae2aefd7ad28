"""A bill's link: anyone who has it may pay, sees nothing of the person, and it can be ended."""

import datetime
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments.models import BillShare, PaymentOrder
from payments.services.online import sharing
from payments.services.online.asking import ask
from tests.factories.billing import OfferFactory, make_bill
from tests.factories.community import BindingFactory
from tests.factories.payments import make_order, make_payment
from tests.races import errors_in, together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def link(bill, resident):
    share = sharing.share_bill(bill=bill, by=resident)
    return reverse("payments:shared_bill", args=[sharing.token_of(share)])


@pytest.fixture
def aunt():
    """Somebody who is not signed in."""
    return Client()


def test_a_resident_makes_shows_and_takes_back_a_link(client, resident, bill, aunt):
    page = reverse("payments:share", args=[bill.pk])
    assert page in client.get(reverse("billing:bill", args=[bill.pk])).content.decode()
    assert "/pay/for/" not in client.get(page).content.decode()
    client.post(page)
    client.post(page)
    share = BillShare.objects.get()
    link = reverse("payments:shared_bill", args=[sharing.token_of(share)])
    assert link in client.get(page).content.decode()
    assert aunt.get(link).status_code == 200
    client.post(reverse("payments:revoke_share", args=[bill.pk]))
    assert aunt.get(link).status_code == 410
    client.post(page)
    assert BillShare.objects.valid().count() == 1


def test_the_visitor_sees_amount_and_period_and_nothing_of_the_person(link, bill, aunt):
    page = aunt.get(link).content.decode()
    assert "344.12" in page
    assert sharing.masked_unit(bill.account.unit.code) in page
    party = bill.account.party
    for secret in (bill.account.unit.code, party.name, party.phone):
        assert secret not in page


@pytest.mark.parametrize(
    ("code", "masked"),
    [("3-2-1502", "3-2-15**"), ("S-01", "S-0*"), ("B1-A-023", "B1-A-0**"), ("7", "*")],
)
def test_the_end_of_a_unit_is_hidden(code, masked):
    assert sharing.masked_unit(code) == masked


def test_link_and_order_say_what_is_charged_and_name_the_discount(merchant, client, resident, aunt):
    bill = make_bill("1000.00")
    BindingFactory(user=resident, party=bill.account.party)
    OfferFactory(
        community=bill.account.community,
        ends_on=datetime.date(2026, 3, 31),
        pay_by=timezone.localdate(),
        items=[bill.charges.get().fee_item],
        name="早缴优惠",
    )
    link = reverse(
        "payments:shared_bill",
        args=[sharing.token_of(sharing.share_bill(bill=bill, by=resident))],
    )
    page = aunt.get(link).content.decode()
    assert "¥950.00" in page
    assert "¥1,000.00" not in page
    assert "早缴优惠" in page
    pressed = aunt.post(
        link, {"provider": "wechatpay", "bill": bill.pk, "token": str(uuid.uuid4())}
    )
    order = PaymentOrder.objects.get()
    own = reverse("payments:order", args=[order.pk])
    for shown in (aunt.get(pressed.url), client.get(own)):
        assert "¥950.00" in shown.content.decode()
        assert "¥50.00" in shown.content.decode(), "the discount"


def test_paid_by_another_person_the_resident_has_the_receipt(merchant, link, bill, aunt, resident):
    data = {"provider": "wechatpay", "bill": bill.pk, "token": str(uuid.uuid4())}
    answer = aunt.post(link, data)
    order = PaymentOrder.objects.get()
    assert (order.user, order.share.bill, order.amount) == (resident, bill, bill.amount)
    page = aunt.get(answer.url).content.decode()
    assert "data:image" in page
    assert sharing.masked_unit(bill.account.unit.code) in page
    for secret in (bill.account.unit.code, bill.account.party.name, bill.account.party.phone):
        assert secret not in page
    status = f"{answer.url}status/"
    assert aunt.get(status, {"state": "pending"}).status_code == 204
    assert aunt.post(link, data).url == answer.url  # pressed twice
    merchant.pay(order.out_trade_no, callback=False)
    ask(order)
    assert aunt.get(status, {"state": "pending"}).headers["HX-Refresh"] == "true"
    assert "receipts/" not in aunt.get(answer.url).content.decode()
    assert not bill.charges.open().exists()
    assert aunt.get(link).status_code == 200  # says thank you
    assert aunt.post(link, data | {"token": str(uuid.uuid4())}).status_code == 200


def test_on_a_phone_it_leads_to_the_app_and_back_to_the_link(merchant, link, bill, aunt):
    data = {"provider": "wechatpay", "bill": bill.pk, "token": str(uuid.uuid4()), "narrow": "1"}
    answer = aunt.post(link, data)
    gone = aunt.get(f"{answer.url}go/")
    assert gone.url.startswith(merchant.url)
    assert "pay%2Ffor" in gone.url or "pay/for" in gone.url


def test_false_old_and_foreign_links_open_nothing(link, bill, aunt, resident):
    share = BillShare.objects.get()
    token = sharing.token_of(share)
    for wrong in (token[:-1] + "!", f"{share.pk + 1}{token[1:]}", "1", str(share.pk), "a.b"):
        assert aunt.get(reverse("payments:shared_bill", args=[wrong])).status_code == 404
    other = make_order(bill, user=resident)
    foreign = reverse("payments:shared_order", args=[token, other.pk])
    assert aunt.get(foreign).status_code == 404
    BillShare.objects.update(expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert aunt.get(link).status_code == 410
    assert aunt.post(link, {"provider": "wechatpay"}).status_code == 410
    assert not PaymentOrder.objects.filter(share=share).exists()


def test_who_moved_out_no_longer_shares(link, bill, aunt, resident):
    resident.bindings.all().delete()
    assert aunt.get(link).status_code == 410


def test_a_paid_bill_says_so(link, bill, aunt, client, resident):
    own = reverse("payments:share", args=[bill.pk])
    assert "data-copy" in client.get(own).content.decode()
    make_payment(bill)
    BillShare.objects.update(revoked_at=timezone.now())
    client.post(own)
    page = client.get(own)
    assert "data-copy" not in page.content.decode(), "nobody is asked to pay it again"
    assert not BillShare.objects.valid().exists()
    BillShare.objects.update(revoked_at=None)
    assert "data-copy" not in client.get(own).content.decode()
    page = aunt.get(link)
    assert page.status_code == 200
    assert 'name="provider"' not in page.content.decode()


def test_a_stranger_cannot_share_and_two_presses_are_one_link(client, bill):
    client.force_login(BindingFactory().user)
    assert client.post(reverse("payments:share", args=[bill.pk])).status_code == 404
    by = BindingFactory(party=bill.account.party).user
    assert not errors_in(together(*[lambda: sharing.share_bill(bill=bill, by=by)] * 2))
    assert BillShare.objects.count() == 1
