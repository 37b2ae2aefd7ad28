"""Paying late, and paying early: the counter and the phone ask for what closes the bills today."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Bill, Charge, CreditEntry, OfferUse
from community.models import today
from payments.models import Payment
from payments.providers.base import Scene, TradeState
from payments.services.online.ordering import start_order
from payments.services.online.orders import settle
from payments.services.receiving.counter import MoreThanOwed, collect
from tests.factories.billing import LateFeePolicyFactory, OfferFactory, make_bill
from tests.factories.community import BindingFactory, MembershipFactory, OccupancyFactory

from .test_orders import paid

pytestmark = pytest.mark.django_db


@pytest.fixture
def late_bill(bill):
    """344.12 yuan; the rate makes 0.1 % a day, so that each day is seen."""
    LateFeePolicyFactory(community=bill.account.community, daily_rate=Decimal("0.001"))
    return bill


@pytest.fixture
def fee(late_bill):
    """What the days since its due date come to."""
    days = (today() - late_bill.due_on).days
    return (late_bill.amount * days / 1000).quantize(Decimal("0.01"), "ROUND_HALF_UP")


@pytest.fixture
def clerk(client, bill):
    user = MembershipFactory(community=bill.account.community).user
    OccupancyFactory(unit=bill.account.unit, party=bill.account.party)
    client.force_login(user)
    return user


def closed(*bills):
    return all(
        bill.open_amount == 0
        for bill in Bill.objects.with_open().filter(pk__in=[b.pk for b in bills])
    )


def take(bill, clerk, amount, **changed):
    wanted = {
        "community": bill.account.community,
        "account": bill.account,
        "bill_ids": [bill.pk],
        "amount": amount,
        "method": Payment.Method.CASH,
        "token": uuid.uuid4(),
        "clerk": clerk,
    }
    return collect(**(wanted | changed))


def collect_url(bill):
    return reverse("payments:collect", args=[bill.account.community.code, bill.account.unit_id])


def test_the_counter_asks_for_the_late_fee_of_today_and_says_why(client, clerk, late_bill, fee):
    page = client.get(collect_url(late_bill))
    assert page.context["owed"] == late_bill.amount + fee
    assert page.context["form"]["amount"].value() == late_bill.amount + fee
    assert f"{late_bill.amount:,.2f}" in page.content.decode()
    take(late_bill, clerk, late_bill.amount + fee)
    assert closed(late_bill)
    (charge,) = Charge.objects.filter(kind=Charge.Kind.LATE_FEE)
    assert charge.amount == fee
    receipt = Payment.objects.get().receipt
    assert receipt.lines.get(charge=charge).amount == fee


def test_a_fen_more_than_the_late_fee_is_more_than_owed(clerk, late_bill, fee):
    with pytest.raises(MoreThanOwed) as refused:
        take(late_bill, clerk, late_bill.amount + fee + Decimal("0.01"))
    assert refused.value.owed == late_bill.amount + fee
    assert not Charge.objects.filter(kind=Charge.Kind.LATE_FEE).exists()


def test_an_order_closes_the_bill_exactly_on_its_day_and_lacks_a_day_on_the_next(
    merchant, client, resident, late_bill, fee, django_user_model
):
    second = make_bill("100.00", account=late_bill.account, quarter=2)
    order = start_order(
        user=resident,
        bill_ids=[late_bill.pk],
        provider_key="wechatpay",
        scene=Scene.NATIVE,
        form_token=uuid.uuid4(),
        client_ip="127.0.0.1",
    )
    assert order.amount == late_bill.amount + fee
    page = client.get(reverse("payments:order", args=[order.pk])).content.decode()
    assert f"{late_bill.amount:,.2f}" in page, "the sentence names the principal"
    facts = paid(
        order,
        paid_at=datetime.datetime.combine(today(), datetime.time(4), datetime.UTC),
        merchant=merchant.account["WECHATPAY_MCHID"],
        app=merchant.account["WECHATPAY_APPID"],
        state=TradeState.PAID,
    )
    settle(order.pk, facts)
    assert closed(late_bill)
    assert not closed(second)


@pytest.fixture
def offer(bill):
    """5 % off the first quarter's fees of item 1 until the end of time."""
    return OfferFactory(
        community=bill.account.community,
        starts_on=datetime.date(2026, 1, 1),
        ends_on=datetime.date(2026, 3, 31),
        pay_by=today() + datetime.timedelta(days=3),
        percent=Decimal(5),
        items=[bill.charges.get(fee_item__position=1).fee_item],
    )


def test_the_counter_offers_the_discount_and_less_suffices(client, clerk, bill, offer):
    # 5 % of 302.12
    save = Decimal("15.11")
    page = client.get(collect_url(bill))
    assert page.context["owed"] == bill.amount - save
    assert 'data-off="15.11"' in page.content.decode()
    take(bill, clerk, bill.amount - save)
    assert closed(bill)
    use = OfferUse.objects.get()
    assert (use.offer, use.account, use.credit_entry.amount) == (offer, bill.account, save)
    assert "data-off" not in client.get(collect_url(bill)).content.decode()


def test_more_than_the_rest_after_the_discount_is_more_than_owed(clerk, bill, offer):
    with pytest.raises(MoreThanOwed):
        take(bill, clerk, bill.amount)


def test_a_part_earns_nothing_until_the_rest_comes(clerk, bill, offer):
    take(bill, clerk, Decimal("100.00"))
    assert not OfferUse.objects.exists()
    take(bill, clerk, bill.amount - Decimal("115.11"))
    assert closed(bill)
    assert CreditEntry.objects.filter(kind=CreditEntry.Kind.DISCOUNT).count() == 1


def test_residents_see_the_offer_on_home_and_where_they_pay(client, resident, bill, offer):
    for name in ("portal:home", "payments:pay"):
        page = client.get(reverse(name)).content.decode()
        assert 'data-off="15.11"' in page, name
    assert client.get(reverse("payments:pay")).context["forms"][0]["total"] == Decimal("329.01")


def test_no_offer_of_another_community_or_another_payer(client, bill, offer):
    stranger = make_bill("302.12").account
    client.force_login(BindingFactory(party=stranger.party).user)
    assert "data-off" not in client.get(reverse("payments:pay")).content.decode()
