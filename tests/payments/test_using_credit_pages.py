"""The button beside what is open: what it says, whose credit it uses, and what is left to pay."""

import uuid
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Account, Bill
from community.models import Role
from payments.models import CreditUse
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    UnitFactory,
)
from tests.factories.payments import make_payment, make_refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def bill():
    """925.58 yuan open, beside 729.23 of credit."""
    unit = UnitFactory.create()
    account = AccountFactory.create(unit=unit, community=unit.community)
    OccupancyFactory.create(unit=unit, party=account.party)
    make_payment(make_bill("100.00", account=account), amount="829.23")
    return make_bill("925.58", account=account, quarter=2)


@pytest.fixture
def payer(client, bill):
    user = BindingFactory.create(party=bill.account.party).user
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return user


@pytest.fixture
def clerk(bill):
    browser = Client()
    membership = MembershipFactory.create(community=bill.account.community, role=Role.CLERK)
    browser.force_login(membership.user)
    browser.cookies["django_language"] = "en"
    browser.user = membership.user
    return browser


def collect_url(bill):
    return reverse("payments:collect", args=[bill.account.community.code, bill.account.unit_id])


def desk_url(bill):
    where = bill.account.community.code, bill.account.unit_id
    return reverse("payments:use_credit_at_desk", args=where)


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def money(account):
    return Account.objects.with_balance().get(pk=account.pk)


@pytest.mark.parametrize("page", ["portal:home", "payments:pay"])
def test_the_payer_reads_what_would_be_left_and_presses_once(
    client, payer, bill, page, django_assert_max_num_queries
):
    with django_assert_max_num_queries(60):
        shown = client.get(reverse(page))
    text = shown.content.decode()
    assert "¥729.23 stands to your credit." in text
    assert "it leaves ¥196.35 to pay." in text
    assert "the next bill takes it" not in text.replace("next bills take it", "")
    form = {"token": shown.context["credit_token"]}
    done = client.post(reverse("payments:use_credit"), form, follow=True)
    assert done.redirect_chain[0][0] == reverse("payments:pay")
    assert "¥729.23 of the credit was used" in done.content.decode()
    assert still_open(bill) == Decimal("196.35")
    assert done.context["forms"][0]["total"] == Decimal("196.35")
    assert b"data-prospect" not in done.content
    use = CreditUse.objects.get()
    assert (use.asked_by, use.amount) == (payer, Decimal("729.23"))
    client.post(reverse("payments:use_credit"), form)
    assert CreditUse.objects.count() == 1


def test_nothing_more_is_asked_of_whoever_has_no_credit(
    client, payer, bill, django_assert_max_num_queries
):
    client.post(reverse("payments:use_credit"), {"token": str(uuid.uuid4())})
    with django_assert_max_num_queries(24):
        home = client.get(reverse("portal:home"))
    with django_assert_max_num_queries(16):
        pay = client.get(reverse("payments:pay"))
    for shown in (home, pay):
        assert b"data-prospect" not in shown.content


def test_looking_changes_nothing_and_a_form_without_its_token_does_not_either(client, payer, bill):
    client.get(reverse("portal:home"))
    assert (
        "no credit left"
        in client.post(reverse("payments:use_credit"), {"token": "x"}, follow=True).content.decode()
    )
    assert still_open(bill) == bill.amount
    assert not CreditUse.objects.exists()


def test_two_units_of_one_person_each_with_its_own_credit(client, payer, bill):
    """No account's credit pays another's bill; credit without a bill is for the next one."""
    own = AccountFactory.create(party=bill.account.party, community=bill.account.community)
    make_payment(make_bill("10.00", account=own), amount="40.00")
    third = make_bill(
        "77.00", account=AccountFactory(party=own.party, community=own.community), quarter=2
    )
    text = client.get(reverse("portal:home")).content.decode()
    assert text.count("stands to your credit") == 1
    assert f'<span class="num">{bill.account.unit.code}</span>' in text
    assert "¥30.00 paid in advance; the next bill takes it by itself." in text
    client.post(reverse("payments:use_credit"), {"token": str(uuid.uuid4())})
    assert still_open(third) == 77
    assert money(own).credit == 30


def test_a_stranger_uses_his_own_only(bill):
    stranger = Client()
    stranger.force_login(BindingFactory.create().user)
    stranger.post(reverse("payments:use_credit"), {"token": str(uuid.uuid4())})
    assert money(bill.account).credit == Decimal("729.23")


# --- at the desk ---------------------------------------------------------------------------------


def test_the_clerk_uses_it_before_he_takes_money(clerk, bill, django_assert_max_num_queries):
    with django_assert_max_num_queries(60):
        shown = clerk.get(collect_url(bill))
    text = shown.content.decode()
    assert "¥729.23 of credit can be used." in text
    assert "it leaves ¥196.35 to pay." in text
    form = {"token": shown.context["credit_token"], "account": bill.account_id}
    done = clerk.post(desk_url(bill), form, follow=True)
    assert done.redirect_chain == [(collect_url(bill), 302)]
    assert done.context["owed"] == Decimal("196.35")
    assert done.context["form"].initial["amount"] == Decimal("196.35")
    assert b"data-prospect" not in done.content
    assert CreditUse.objects.get().asked_by == clerk.user


def test_what_is_asked_back_is_not_offered(client, payer, clerk, bill):
    make_refund(bill.account, "729.23")
    for shown in (clerk.get(collect_url(bill)), client.get(reverse("portal:home"))):
        assert b"data-prospect" not in shown.content
    form = {"token": str(uuid.uuid4()), "account": bill.account_id}
    clerk.post(desk_url(bill), form)
    assert still_open(bill) == bill.amount


def test_another_communitys_account_is_not_the_desks(clerk, bill):
    other = make_bill("20.00")
    make_payment(other, amount="70.00")
    make_bill("20.00", account=other.account, quarter=2)
    form = {"token": str(uuid.uuid4()), "account": other.account_id}
    clerk.post(desk_url(bill), form)
    assert money(other.account).credit == 50
    assert not CreditUse.objects.exists()
