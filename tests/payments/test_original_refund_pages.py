"""Refunds the way the money came, by hand: from the receipt to the payer."""

from decimal import Decimal

import pytest
from django.urls import reverse

from billing.services.accounts.posting import credit_of
from community.models import Role
from core import books
from payments.models import PaymentOrder, PayoutVoucher, Refund
from tests.factories.community import MembershipFactory
from tests.payments.online import paid
from tests.payments.sent_refunds import asked, due, now

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = Refund.State


@pytest.fixture
def payment(merchant, bill):
    return paid(merchant, bill)


def test_closed_there_it_failed_and_a_transfer_is_offered(merchant, payment, bill, client):
    merchant.faults(hold_refunds=True)
    refund = asked(payment, "42.00")
    due()
    assert now(refund) == State.PROCESSING
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="CLOSED")
    due()
    assert now(refund) == State.FAILED
    assert refund.given_back.amount == 42
    assert credit_of([bill.account_id]) == {bill.account_id: Decimal("42.00")}
    assert books.verify().breaks == []
    community = bill.account.community
    client.force_login(MembershipFactory(community=community, role=Role.ACCOUNTANT).user)
    page = client.get(reverse("payments:refund", args=[community.code, refund.pk]))
    again = reverse("payments:ask_refund", args=[community.code, bill.account_id])
    assert f"{again}?instead={refund.pk}" in page.content.decode()


def test_from_the_receipt_to_the_payer(merchant, payment, bill, client):
    community = bill.account.community
    people = {role: MembershipFactory(community=community, role=role).user for role in Role}
    client.force_login(people[Role.CLERK])
    ask_url = reverse("payments:ask_original_refund", args=[community.code, payment.pk])
    receipt = client.get(reverse("payments:receipt", args=[payment.receipt.pk]))
    assert ask_url in receipt.content.decode()
    page = client.get(ask_url)
    token = page.context["form"]["form_token"].value()
    data = {"form_token": token, "amount": "400", "reason": "多收", "account": bill.account_id}
    assert client.post(ask_url, data).status_code == 422
    answer = client.post(ask_url, data | {"amount": "42.00"})
    refund = Refund.objects.get()
    assert answer.url == reverse("payments:refund", args=[community.code, refund.pk])
    assert client.post(ask_url, data | {"amount": "42.00"}).url == answer.url
    client.force_login(people[Role.ACCOUNTANT])
    decide = reverse("payments:decide_refund", args=[community.code, refund.pk])
    client.post(decide, {"decision": "approve", "words": "同意"})
    assert now(refund) == State.PROCESSING
    assert client.get(answer.url).status_code == 200
    due()
    assert refund.out_refund_no in client.get(answer.url).content.decode()
    code = PayoutVoucher.objects.get().code
    receipt = client.get(reverse("payments:receipt", args=[payment.receipt.pk]))
    assert code in receipt.content.decode()
    check = reverse("payments:receipt_check", args=[payment.receipt.check_token])
    assert "42.00" in client.get(check).content.decode()
    voucher = reverse("payments:refund_voucher", args=[community.code, refund.pk])
    assert client.get(voucher).content.startswith(b"%PDF")
    assert PaymentOrder.objects.get().state == "paid"


def test_an_abnormal_one_is_ended_on_its_page(merchant, payment, bill, client):
    merchant.faults(hold_refunds=True)
    refund = asked(payment, "42.00")
    merchant.post(f"/control/refunds/{refund.out_refund_no}", status="ABNORMAL")
    due()
    community = bill.account.community
    client.force_login(MembershipFactory(community=community, role=Role.ACCOUNTANT).user)
    confirm = reverse("payments:confirm_refund", args=[community.code, refund.pk])
    client.post(confirm, {"words": ""})
    assert now(refund) == State.PROCESSING
    assert (
        confirm
        in client.get(reverse("payments:refund", args=[community.code, refund.pk])).content.decode()
    )
    client.post(confirm, {"words": "商户平台已转银行卡"})
    assert now(refund) == State.PAID
