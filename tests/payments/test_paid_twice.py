"""One bill paid from several sides: it is settled once, the rest goes by the community's rule."""

import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from billing.models import Allocation
from billing.services.accounts.posting import credit_of
from community.models import Role
from core import books
from notices import content
from notices.content.paid_twice import context, sms
from notices.models import Notice
from payments.models import Payment, PaymentOrder, PaymentSettings, Refund
from payments.providers.base import Scene
from payments.providers.wechatpay import WeChatPayProvider
from payments.services.giving_back import refund_steps, refunds
from payments.services.online import orders, original_refunds, paid_twice, sharing
from payments.services.online.asking import ask
from payments.services.online.ordering import start_order
from payments.services.receiving.counter import MoreThanOwed, collect
from tests.factories.community import BindingFactory, MembershipFactory, StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.payments.online import start
from tests.payments.test_orders import paid
from tests.payments.test_original_refunds import due
from tests.races import errors_in, together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
State = PaymentOrder.State
Standing = PaymentOrder.Standing
WORDS = "because the bill had been paid meanwhile"


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


def rule(bill, chosen="refund"):
    paid_twice.choose_rule(
        community=bill.account.community, rule=chosen, by=StaffUserFactory.create()
    )


def paid_at_both(merchant, bill, order=None):
    """An order that is paid, as its bill is at the desk."""
    order = order or start(bill)
    make_payment(bill)
    merchant.pay(order.out_trade_no, callback=False)
    return ask(order)


def told(order):
    """What the payer reads in his notices: subject and text."""
    notices = Notice.objects.filter(kind=Notice.Kind.PAID_TWICE, user=order.user)
    return [" ".join(content.page_of(notice)) for notice in notices]


def by_sms(order):
    """What becomes of the money in the words of the short text."""
    notice = Notice.objects.get(kind=Notice.Kind.PAID_TWICE, user=order.user)
    return sms(notice, context(notice)).params["outcome"]


def page_of(order, client=None):
    client = client or Client()
    client.force_login(order.user)
    client.cookies["django_language"] = "en"
    return client.get(reverse("payments:order", args=[order.pk])).content.decode()


def test_by_default_the_rest_is_kept_and_payer_and_accountant_are_told(merchant, bill, attention):
    order = paid_at_both(merchant, bill)
    assert credit_of([bill.account_id]) == {bill.account_id: Decimal("344.12")}
    assert not Refund.objects.exists()
    assert attention == [(order, paid_twice.KEPT)]
    (words,) = told(order)
    assert "344.12" in words
    assert "kept as credit" in words
    assert by_sms(order) == "it is kept as credit"
    assert "kept as credit of" in page_of(order)


def test_where_refund_is_the_rule_one_is_asked_for_and_a_person_approves(merchant, bill, attention):
    rule(bill)
    order = paid_at_both(merchant, bill)
    refund = Refund.objects.get()
    assert (refund.state, refund.requested_by, refund.amount, refund.payment) == (
        Refund.State.REQUESTED,
        None,
        Decimal("344.12"),
        order.payment,
    )
    assert refund.reason
    assert attention == [(order, paid_twice.ASKED)]
    assert "go back the way you paid" in told(order)[0]
    assert by_sms(order) == "a refund is asked for"
    assert "checks it first" in page_of(order)
    # The payer, who may work here, does not decide on his own money.
    with pytest.raises(refunds.SamePerson):
        refunds.approve(refund.pk, by=order.user)
    refunds.approve(refund.pk, by=StaffUserFactory.create())
    due()
    refund.refresh_from_db()
    assert refund.state == Refund.State.PAID
    order = PaymentOrder.objects.get(pk=order.pk)
    assert (order.state, order.standing) == (State.PAID, Standing.REFUNDED)
    assert credit_of([bill.account_id]) == {}
    assert "It went back" in (page := page_of(order))
    assert "refunded" in page
    assert books.verify(bill.account.community.code).breaks == []


def test_only_what_was_not_needed_goes_back(merchant, bill):
    rule(bill)
    order = start(bill)
    make_payment(bill, amount="100.00")
    merchant.pay(order.out_trade_no, callback=False)
    ask(order)
    refund = Refund.objects.get()
    assert refund.amount == Decimal("100.00")
    refunds.approve(refund.pk, by=StaffUserFactory.create())
    due()
    assert PaymentOrder.objects.get(pk=order.pk).standing == Standing.PARTLY_REFUNDED


def test_a_provider_that_cannot_give_back_keeps_it(merchant, bill, monkeypatch):
    rule(bill)
    monkeypatch.setattr(WeChatPayProvider, "capabilities", frozenset())
    order = paid_at_both(merchant, bill)
    assert not Refund.objects.exists()
    assert order.problem == paid_twice.KEPT


def test_two_people_of_one_unit_pay_one_bill(merchant, bill):
    """The second order closes the first at the provider; who paid the first all the same, in the
    moment before, is told, and gets back what the second had settled."""
    rule(bill)
    first = start(bill)
    second = start(bill)
    first.refresh_from_db()
    assert first.state == State.CLOSED
    assert merchant.order(first.out_trade_no)["state"] == "CLOSED"
    assert first.user != second.user
    merchant.pay(second.out_trade_no, callback=False)
    ask(second)
    orders.settle(first.pk, paid(first, **ours(merchant)))
    refund = Refund.objects.get()
    assert (refund.payment.order, refund.amount) == (first, bill.amount)
    assert len(told(first)) == 1
    assert told(second) == []
    assert WORDS in page_of(first)
    assert WORDS not in page_of(second)


def test_who_paid_by_a_shared_link_sees_what_becomes_of_it(merchant, bill):
    rule(bill)
    owner = BindingFactory(party=bill.account.party).user
    share = sharing.share_bill(bill=bill, by=owner)
    order = start_order(
        user=owner,
        bill_ids=[bill.pk],
        provider_key="wechatpay",
        scene=Scene.NATIVE,
        form_token=uuid.uuid4(),
        share=share,
    )
    order = paid_at_both(merchant, bill, order)
    address = reverse("payments:shared_order", args=[sharing.token_of(share), order.pk])
    page = Client(HTTP_COOKIE="django_language=en").get(address).content.decode()
    assert "checks it first" in page
    assert bill.account.unit.code not in page
    assert len(told(order)) == 1, "and so does who made the link"


def ours(merchant):
    return {
        "merchant": merchant.account["WECHATPAY_MCHID"],
        "app": merchant.account["WECHATPAY_APPID"],
    }


@pytest.mark.parametrize("chosen", PaymentSettings.PaidTwice)
def test_two_orders_and_the_desk_at_one_moment(merchant, bill, chosen):
    """Whoever comes first settles it; every other yuan is credit, and every loser is told."""
    rule(bill, chosen)
    first = make_order(bill, state=State.CLOSED)
    second = make_order(bill)
    account = bill.account
    at_the_desk = partial(
        collect,
        community=account.community,
        account=account,
        bill_ids=[bill.pk],
        amount=bill.amount,
        method=Payment.Method.CASH,
        token=uuid.uuid4(),
        clerk=StaffUserFactory.create(),
        tendered=bill.amount,
    )
    facts = ours(merchant)
    outcomes = together(
        partial(orders.settle, first.pk, paid(first, **facts)),
        partial(orders.settle, second.pk, paid(second, **facts)),
        at_the_desk,
        partial(orders.settle, second.pk, paid(second, **facts)),
    )
    turned_away = errors_in(outcomes)
    assert all(isinstance(error, MoreThanOwed) for error in turned_away)
    received = 3 - len(turned_away)
    assert Payment.objects.count() == received
    settled = Allocation.objects.filter(charge__bill=bill)
    assert sum(one.amount for one in settled) == bill.amount
    assert credit_of([account.pk]) == {account.pk: bill.amount * (received - 1)}
    losers = [one for one in (first, second) if paid_twice.unasked_credit(one)]
    assert len(losers) == received - 1
    assert [len(told(one)) for one in (first, second)] == [
        int(one in losers) for one in (first, second)
    ]
    asked_back = {refund.payment.order for refund in Refund.objects.all()}
    assert asked_back == (set(losers) if chosen == "refund" else set())
    assert books.verify(account.community.code).breaks == []


class TestPages:
    @pytest.fixture
    def accountant(self, bill, client):
        community = bill.account.community
        user = MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user
        client.force_login(user)
        client.cookies["django_language"] = "en"
        return user

    def test_the_rule_is_chosen_beside_what_it_does(self, merchant, bill, client, accountant):
        code = bill.account.community.code
        page = reverse("payments:unsettled", args=[code])
        choose = reverse("payments:paid_twice", args=[code])
        assert choose in client.get(page).content.decode()
        client.post(choose, {"paid_twice": "refund"})
        chosen = PaymentSettings.of(bill.account.community)
        assert (chosen.paid_twice, chosen.changed_by) == ("refund", accountant)
        client.post(choose, {"paid_twice": "keep the change"})
        chosen.refresh_from_db()
        assert chosen.paid_twice == "refund"
        paid_at_both(merchant, bill)
        refund = Refund.objects.get()
        link = reverse("payments:refund", args=[code, refund.pk])
        assert link in client.get(page).content.decode()
        assert "rule on money paid twice" in client.get(link).content.decode()

    def test_how_an_order_stands_is_told_from_the_rows(self, bill, django_assert_num_queries):
        order = make_order(bill, state=State.PAID)
        payment = make_payment(bill, order=order, method=Payment.Method.WECHAT)
        assert order.standing == State.PAID
        refund = make_refund(
            bill.account, "300.00", payment=payment, method=Refund.Method.ORIGINAL, approved=True
        )
        refund = original_refunds._claim(refund.pk)[0]
        assert PaymentOrder.objects.get(pk=order.pk).standing == State.PAID, "not back yet"
        refund_steps.pay(refund, by=None, day=payment.value_date)
        with django_assert_num_queries(1):
            (found,) = PaymentOrder.objects.with_refunded()
            assert (found.refunded, found.standing) == (
                Decimal("300.00"),
                Standing.PARTLY_REFUNDED,
            )
        assert PaymentOrder.objects.get(pk=order.pk).standing == Standing.PARTLY_REFUNDED
