"""Months ahead, and what is on no bill: priced from our rows, paid once, kept as credit."""

import uuid
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from django.urls import reverse

from billing.models import Account, Bill, Charge
from billing.services.runs.estimate import Ahead
from community.models import Role, today
from core import books
from payments.models import OrderAccount, Payment, PaymentOrder
from payments.providers.base import Scene
from payments.services.online import orders
from payments.services.online.asking import ask
from payments.services.online.basket import Wish, wish_of
from payments.services.online.ordering import NothingToPay, start_order
from payments.services.receiving import counter
from payments.services.receiving.prepaying import PriceChanged, take_prepayment
from payments.services.receiving.record import KeyConflict
from tests.billing.small import issue, opening_balances, small_community
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    StaffUserFactory,
    UserFactory,
)
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db

ARREARS = "1,1,101,业主0,,旧账,2024-01-01,2024-12-31,2024-02-15,33.00"


@pytest.fixture
def account():
    """A payer of 243 yuan a month, with one open bill of 729 yuan and 33 yuan from before."""
    community = small_community()
    issue(community)
    opening_balances(community, ARREARS, new_items=["旧账"])
    return Account.objects.get(unit__code="1-1-101")


@pytest.fixture
def payer(account):
    return BindingFactory.create(party=account.party).user


def start(payer, wish, **more):
    wanted = {
        "user": payer,
        "wish": wish,
        "provider_key": "wechatpay",
        "scene": Scene.NATIVE,
        "form_token": uuid.uuid4(),
    }
    return start_order(**(wanted | more))


def money(account):
    return Account.objects.with_balance().get(pk=account.pk)


# --- online --------------------------------------------------------------------------------


def test_months_ahead_become_credit_when_paid(merchant, account, payer):
    order = start(payer, Wish(prepay=(account.pk, 6)))
    assert order.amount == Decimal("1458.00")
    line = order.account_lines.get()
    assert (line.months, line.starts_on, line.ends_on) == (6, date(2026, 4, 1), date(2026, 9, 30))
    merchant.pay(order.out_trade_no)
    order = ask(order)
    assert (order.state, order.problem) == ("paid", "")
    assert money(account).credit == Decimal("1458.00")
    assert money(account).owed == Decimal("762.00")  # nothing was settled that nobody chose
    assert not orders.unasked_credit(order)
    assert books.verify().breaks == []


def test_what_is_on_no_bill_is_settled_and_no_bill_with_it(merchant, account, payer):
    order = start(payer, Wish(unbilled=frozenset([account.pk])))
    assert order.amount == Decimal("33.00")
    merchant.pay(order.out_trade_no)
    order = ask(order)
    assert not Charge.objects.filter(account=account, kind="opening").open().exists()
    assert money(account).owed == Decimal("729.00")
    assert order.problem == ""
    assert books.verify().breaks == []


def test_a_bank_transfer_is_for_what_is_on_no_bill_too(account, payer, client):
    client.force_login(payer)
    (transfer,) = client.get(reverse("payments:transfer")).context["transfers"]
    assert transfer.amount == Decimal("762.00")
    assert transfer.memo == f"{account.unit.code} {account.party.name}"
    bill = Bill.objects.get(account=account)
    asked = client.get(reverse("payments:transfer"), {"bill": bill.pk})
    assert asked.context["transfers"][0].amount == Decimal("729.00")


def test_all_three_in_one_order(merchant, account, payer):
    (bill,) = account.bills.all()
    wish = Wish(frozenset([bill.pk]), frozenset([account.pk]), (account.pk, 3))
    order = start(payer, wish)
    assert order.amount == Decimal("729.00") + Decimal("33.00") + Decimal("729.00")
    assert wish_of(order) == wish
    merchant.pay(order.out_trade_no)
    ask(order)
    assert (money(account).owed, money(account).credit) == (0, Decimal("729.00"))
    assert books.verify().breaks == []


def test_paid_at_the_desk_meanwhile_the_rest_is_credit_and_told(
    merchant, account, payer, attention
):
    order = start(payer, Wish(unbilled=frozenset([account.pk]), prepay=(account.pk, 3)))
    merchant.pay(order.out_trade_no)
    desk(account, "33.00", unbilled=[account.pk])
    order = ask(order)
    assert orders.unasked_credit(order) == {account.pk: Decimal("33.00")}
    assert money(account).credit == Decimal("762.00")
    assert len(attention) == 1
    assert books.verify().breaks == []


def test_an_order_whose_arrears_were_paid_meanwhile_is_closed(merchant, account, payer):
    order = start(payer, Wish(unbilled=frozenset([account.pk])))
    desk(account, "33.00", unbilled=[account.pk])
    assert ask(order).state == "closed"


def test_a_second_order_for_the_same_months_closes_the_first(merchant, account, payer):
    first = start(payer, Wish(prepay=(account.pk, 3)))
    second = start(payer, Wish(prepay=(account.pk, 12)))
    assert PaymentOrder.objects.get(pk=first.pk).state == "closed"
    assert second.state == "pending"
    # The bills are something else.
    (bill,) = account.bills.all()
    start(payer, Wish(frozenset([bill.pk])))
    assert PaymentOrder.objects.get(pk=second.pk).state == "pending"


def test_another_ones_account_is_not_seen(merchant, account):
    stranger = UserFactory.create()
    for wish in (Wish(prepay=(account.pk, 3)), Wish(unbilled=frozenset([account.pk]))):
        with pytest.raises(NothingToPay):
            start(stranger, wish)
    assert not OrderAccount.objects.exists()


@pytest.mark.parametrize("months", [0, -3, 37, 10**9])
def test_a_number_of_months_that_makes_no_sense(merchant, account, payer, months):
    with pytest.raises(NothingToPay):
        start(payer, Wish(prepay=(account.pk, months)))


# --- at the desk ---------------------------------------------------------------------------


def desk(account, amount, **more):
    wanted = {
        "community": account.community,
        "account": account,
        "bill_ids": [],
        "amount": Decimal(amount),
        "method": Payment.Method.CASH,
        "token": uuid.uuid4(),
        "clerk": StaffUserFactory.create(),
    }
    return counter.collect(**(wanted | more))


def take(account, amount="729.00", months=3, **more):
    wanted = {
        "account": account,
        "months": months,
        "amount": Decimal(amount),
        "method": Payment.Method.CASH,
        "token": uuid.uuid4(),
        "clerk": StaffUserFactory.create(),
    }
    return take_prepayment(**(wanted | more))


def test_the_desk_takes_what_is_on_no_bill_before_the_bills(account):
    (bill,) = account.bills.all()
    payment = desk(account, "40.00", bill_ids=[bill.pk], unbilled=[account.pk])
    lines = payment.receipt.lines.order_by("pk").values_list("charge__kind", "amount")
    assert list(lines) == [("opening", Decimal("33.00")), ("fee", Decimal("7.00"))]
    with pytest.raises(counter.MoreThanOwed):
        desk(account, "1.00", unbilled=[account.pk])


def test_the_desk_takes_months_ahead(account):
    token = uuid.uuid4()
    payment = take(account, token=token)
    assert take(account, token=token) == payment
    assert money(account).credit == Decimal("729.00")
    (line,) = payment.receipt.lines.all()
    assert (line.charge, line.deposit, line.amount) == (None, None, Decimal("729.00"))
    with pytest.raises(KeyConflict):
        take(account, "1458.00", months=6, token=token)
    with pytest.raises(PriceChanged) as refused:
        take(account, "700.00")
    assert refused.value.total == Decimal("729.00")


def test_what_is_prepaid_is_not_paid_once_more(merchant, account, payer):
    (bill,) = account.bills.all()
    desk(account, "762.00", bill_ids=[bill.pk], unbilled=[account.pk])
    take(account)
    with pytest.raises(PriceChanged) as refused:
        take(account)
    assert refused.value.total == 0
    with pytest.raises(NothingToPay):
        start(payer, Wish(prepay=(account.pk, 3)))
    assert start(payer, Wish(prepay=(account.pk, 4))).amount == Decimal("243.00")


@pytest.mark.django_db(transaction=True)
def test_a_double_press_takes_months_once():
    community = small_community()
    issue(community)
    account = Account.objects.get(unit__code="1-1-101")
    token = uuid.uuid4()
    outcomes = together(*[partial(take, account, token=token)] * 3)
    assert errors_in(outcomes) == []
    assert Payment.objects.count() == 1
    assert money(account).credit == Decimal("729.00")


# --- the pages -----------------------------------------------------------------------------


@pytest.fixture
def clerk(client, account):
    user = MembershipFactory(community=account.community, role=Role.CLERK).user
    client.force_login(user)
    return user


def test_the_resident_sees_prices_what_his_credit_covers_and_pays(
    merchant, client, account, payer, django_assert_max_num_queries
):
    (bill,) = account.bills.all()
    desk(account, "762.00", bill_ids=[bill.pk], unbilled=[account.pk])
    take(account)
    client.force_login(payer)
    with django_assert_max_num_queries(30):
        page = client.get(reverse("payments:prepay") + "?months=6")
    assert page.context["estimate"].total == Decimal("1458.00")
    # Three of the six are prepaid already.
    assert page.context["wanted"].to_pay == Decimal("729.00")
    assert page.context["coverage"].until == date(2026, 6, 30)
    assert [choice.months for choice in page.context["choices"]] == [3, 6, 12]
    form = {"token": page.context["token"], "account": account.pk, "months": 6}
    answers = [
        client.post(reverse("payments:prepay"), form | {"provider": "wechatpay"}) for _ in range(2)
    ]
    (order,) = PaymentOrder.objects.all()
    assert {answer.url for answer in answers} == {reverse("payments:order", args=[order.pk])}
    assert order.amount == Decimal("729.00")
    shown = client.get(answers[0].url)
    assert "1-1-101" in shown.content.decode()


@pytest.mark.parametrize("months", ["0", "-1", "37", "x", "", "1.5"])
def test_wrong_months_are_said_and_nothing_is_started(merchant, client, account, payer, months):
    client.force_login(payer)
    page = client.get(reverse("payments:prepay"), {"months": months})
    assert page.context["form"].errors
    assert 'name="provider"' not in page.content.decode(), "for a number that nobody chose"
    form = {"token": uuid.uuid4(), "account": account.pk, "months": months}
    client.post(reverse("payments:prepay"), form | {"provider": "wechatpay"})
    assert not PaymentOrder.objects.exists()


def test_who_has_no_unit_is_told_what_to_do(client):
    client.force_login(UserFactory.create())
    page = client.get(reverse("payments:prepay"))
    assert reverse("community:me") in page.content.decode()


def test_the_pay_page_offers_what_is_on_no_bill(merchant, client, account, payer):
    client.force_login(payer)
    page = client.get(reverse("payments:pay"))
    (group,) = page.context["forms"]
    assert group["total"] == Decimal("33.00")  # the oldest is chosen
    form = {"token": group["token"], "unbilled": account.pk, "provider": "wechatpay"}
    client.post(reverse("payments:pay"), form)
    assert PaymentOrder.objects.get().amount == Decimal("33.00")


def test_the_desks_pages(client, account, clerk):
    url = reverse("payments:desk_prepay", args=[account.community.code, account.unit_id])
    assert "data-till" not in client.get(url, {"months": 99}).content.decode()
    page = client.get(url)
    form = {
        "token": page.context["token"],
        "months": page.context["months"],
        "amount": page.context["estimate"].total,
        "method": "cash",
    }
    short = client.post(url, form | {"tendered": "700"})
    assert short.status_code == 422
    assert not Payment.objects.exists()
    done = client.post(url, form | {"tendered": "800"})
    assert done.url == reverse("payments:receipt", args=[Payment.objects.get().receipt.pk])
    collect = reverse("payments:collect", args=[account.community.code, account.unit_id])
    page = client.get(collect)
    assert page.context["owed"] == Decimal("762.00")
    form = {"token": uuid.uuid4(), "unbilled": account.pk, "amount": "33.00", "method": "card"}
    client.post(collect, form)
    assert money(account).owed == Decimal("729.00")


def test_the_desk_takes_months_ahead_of_a_payer_who_was_never_billed(client):
    community = small_community()
    user = MembershipFactory(community=community, role=Role.CLERK).user
    client.force_login(user)
    unit = community.units.get(code="1-1-102")
    url = reverse("payments:desk_prepay", args=[community.code, unit.pk])
    page = client.get(url, {"months": 1})
    assert not Account.objects.exists()
    total = page.context["estimate"].total
    form = {"token": uuid.uuid4(), "months": 1, "amount": total, "method": "card"}
    client.post(url, form)
    account = Account.objects.get()
    assert money(account).credit == total == Decimal("243.00")
    assert Ahead(account, today()).estimate(1).total == total


@pytest.mark.parametrize("given_up", [True, False])
def test_months_that_were_not_paid_are_chosen_again_and_no_bills(
    merchant, client, account, payer, given_up
):
    order = start(payer, Wish(prepay=(account.pk, 6)))
    client.force_login(payer)
    again = f"{reverse('payments:prepay')}?account={account.pk}&months=6"
    if given_up:
        answer = client.post(reverse("payments:order_cancel", args=[order.pk]))
        assert answer.url == again
    else:
        orders.mark_expired(order.pk)
        page = client.get(reverse("payments:order", args=[order.pk])).content.decode()
        assert again.replace("&", "&amp;") in page
