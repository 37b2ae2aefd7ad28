"""A refund that does not come: the payer who was promised it hears why, and so does who asked."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from community.models import Role
from notices import content
from notices.models import Delivery, Notice
from payments.models import PaymentOrder, Refund
from payments.services.giving_back import refunds
from payments.services.online import orders
from payments.services.online.paid_twice import choose_rule
from tests.factories.community import MembershipFactory, StaffUserFactory, UserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.payments.test_orders import paid

pytestmark = pytest.mark.django_db
WHY = "账单有误，余款抵下期"


@pytest.fixture(autouse=True)
def in_english(settings: Any) -> Any:
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"MCHID": "m", "APPID": "a"}}
    with translation.override("en"):
        yield


@pytest.fixture
def order(bill: Any) -> PaymentOrder:
    """Paid twice, where the rule asks for a refund."""
    choose_rule(community=bill.account.community, rule="refund", by=StaffUserFactory.create())
    made = make_order(bill, user=UserFactory.create(email="payer@example.com"))
    make_payment(bill)
    return orders.settle(made.pk, paid(made))


def told(order: PaymentOrder, kind: str = "refund") -> list[Notice]:
    return list(Notice.objects.filter(kind=kind, user=order.user))


def page_for(user: Any, name: str, *args: object) -> str:
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client.get(reverse(name, args=args)).content.decode()


def reject(refund: Refund) -> None:
    for _twice in range(2):
        refunds.reject(refund.pk, by=StaffUserFactory.create(), words=WHY)


def withdraw(refund: Refund) -> None:
    for _twice in range(2):
        refunds.withdraw(refund.pk, by=StaffUserFactory.create(), words=WHY)


@pytest.mark.parametrize("decide", [reject, withdraw])
def test_the_payer_is_told_once_what_was_decided_and_why(order: PaymentOrder, decide: Any) -> None:
    assert "need not do anything" in page_for(order.user, "payments:order", order.pk)
    decide(Refund.objects.get())
    (notice,) = told(order)
    subject, page = content.page_of(notice)
    assert "¥344.12 is not refunded, and kept as credit" in subject
    unit = order.lines.get().bill.account.unit.code
    for words in (WHY, unit, "as credit of the unit", "ask at the front desk"):
        assert words in page
    assert "could not be paid out" not in page
    by_sms = Delivery.objects.get(notice=notice, channel="sms")
    assert content.message_of(by_sms).template == "refund_refused"
    assert WHY in content.message_of(Delivery.objects.get(notice=notice, channel="email")).text
    shown = page_for(order.user, "payments:order", order.pk)
    assert WHY in shown
    assert f"credit of {unit}" in shown
    assert "need not do anything" not in shown


def test_what_was_said_of_money_paid_twice_stays_what_was_true_then(order: PaymentOrder) -> None:
    (notice,) = told(order, "paid_twice")
    before = content.page_of(notice)
    assert "we asked for ¥344.12 to go back" in before[1]
    reject(Refund.objects.get())
    assert content.page_of(notice) == before


def test_kept_stays_kept_though_somebody_asks_for_it_later(bill: Any) -> None:
    made = make_order(bill, user=UserFactory.create())
    make_payment(bill)
    order = orders.settle(made.pk, paid(made))
    (notice,) = told(order, "paid_twice")
    make_refund(bill.account, "344.12", payment=order.payment, method=Refund.Method.ORIGINAL)
    assert "¥344.12 is kept as credit" in content.page_of(notice)[1]


class TestWhoAsked:
    @pytest.fixture
    def clerk(self, bill: Any) -> Any:
        return MembershipFactory.create(community=bill.account.community, role=Role.CLERK).user

    @pytest.fixture
    def refund(self, bill: Any, clerk: Any) -> Refund:
        make_payment(bill, amount=bill.amount + 50)
        return make_refund(bill.account, "50.00", by=clerk)

    def test_reads_the_reason_on_his_list_and_the_payer_was_promised_nothing(
        self, refund: Refund, clerk: Any, django_assert_max_num_queries: Any
    ) -> None:
        code = refund.community.code
        assert "Not approved" not in page_for(clerk, "payments:refunds", code)
        reject(refund)
        with django_assert_max_num_queries(22):
            page = page_for(clerk, "payments:refunds", code)
        assert WHY in page
        assert reverse("payments:refund", args=[code, refund.pk]) in page
        colleague = MembershipFactory.create(community=refund.community, role=Role.CLERK).user
        assert WHY not in page_for(colleague, "payments:refunds", code)
        assert not Notice.objects.filter(kind="refund").exists()

    def test_after_two_weeks_it_is_among_all_refunds_only(self, refund: Refund, clerk: Any) -> None:
        reject(refund)
        old = timezone.now() - datetime.timedelta(days=15)
        Refund.objects.filter(pk=refund.pk).update(decided_at=old)
        address = reverse("payments:refunds", args=[refund.community.code])
        client = Client()
        client.force_login(clerk)
        assert WHY not in client.get(address).content.decode()
        assert WHY in client.get(address, {"all": ""}).content.decode()


def test_who_paid_by_a_link_does_not_read_the_words_of_the_office(order: PaymentOrder) -> None:
    from django.template.loader import render_to_string

    from payments.services.online.paid_twice import rests

    reject(Refund.objects.get())
    (rest,) = rests(order)
    assert (rest.kept, rest.amount) == (True, Decimal("344.12"))
    shown = render_to_string("payments/_rest.html", {"rest": rest})
    assert "not approved" in shown
    assert WHY not in shown
