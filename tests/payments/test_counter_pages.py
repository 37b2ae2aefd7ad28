"""Money taken at the counter: what is owed, what is typed, and the form sent twice."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import Account, Bill
from payments.models import OrderAccount, Payment, PaymentOrder, PaymentSettings, Receipt
from payments.services.online.paid_twice import choose_rule
from tests.factories.billing import AccountFactory, ChargeFactory, make_bill
from tests.factories.community import (
    MembershipFactory,
    OccupancyFactory,
    UnitFactory,
)
from tests.factories.payments import make_order, make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client, bill):
    user = MembershipFactory(community=bill.account.community).user
    OccupancyFactory(unit=bill.account.unit, party=bill.account.party)
    client.force_login(user)
    return user


def collect_url(bill):
    return reverse(
        "payments:collect",
        kwargs={"community": bill.account.community.code, "pk": bill.account.unit_id},
    )


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def taken(*bills, **changed):
    form = {
        "token": str(uuid.uuid4()),
        "bill": [bill.pk for bill in bills],
        "amount": str(sum(bill.amount for bill in bills)),
        "tendered": "1000.00",
        "method": "cash",
    }
    return form | changed


def refused(client, bill, form):
    """The form as it is shown again, with what is wrong: an answer that Back can return to."""
    response = client.post(collect_url(bill), form)
    assert response.url == collect_url(bill)
    shown = client.get(response.url).context["form"]
    assert shown.errors
    return shown


def test_open_bills_of_todays_payer_are_ticked(client, clerk, bill, django_assert_max_num_queries):
    own = AccountFactory(party=bill.account.party, community=bill.account.community)
    elsewhere = make_bill("11.00", account=own)
    former = make_bill("22.00", account=AccountFactory(unit=bill.account.unit), quarter=2)
    stranger = make_bill("33.00", account=AccountFactory(community=bill.account.community))
    with django_assert_max_num_queries(16):
        response = client.get(collect_url(bill))
    assert response.context["ticked"] == {bill.pk}
    assert response.context["owed"] == bill.amount
    shown = {b.pk for group in response.context["groups"] for b in group.bills}
    assert shown == {bill.pk, elsewhere.pk, former.pk}
    assert stranger.pk not in shown


def test_an_order_that_is_open_online_is_told(client, clerk, bill, django_assert_max_num_queries):
    """Once, with its whole amount, however many of the bills it holds; and while it can be paid."""
    second = make_bill("11.00", account=bill.account, quarter=2)
    order = make_order(bill, second)
    make_order(make_bill("22.00"))
    with django_assert_max_num_queries(17):
        response = client.get(collect_url(bill))
    assert response.context["online"] == order.amount == bill.amount + second.amount
    client.cookies["django_language"] = "en"
    assert "355.12 online" in (hint := client.get(collect_url(bill)).content.decode())
    assert "the online order is closed" in hint
    assert "kept as the payer" in hint
    community = bill.account.community
    choose_rule(community=community, rule=PaymentSettings.PaidTwice.REFUND, by=clerk)
    assert "a refund of the rest" in client.get(collect_url(bill)).content.decode()
    PaymentOrder.objects.update(expires_at=timezone.now())
    assert not client.get(collect_url(bill)).context["online"]
    PaymentOrder.objects.update(
        expires_at=timezone.now() + datetime.timedelta(minutes=9), state="closed"
    )
    assert not client.get(collect_url(bill)).context["online"]


@pytest.mark.parametrize("online", [True, False])
def test_the_desk_reads_how_a_bill_was_paid_meanwhile(client, clerk, bill, online):
    order = make_order(bill, state="paid") if online else None
    receipt = make_payment(bill, order=order).receipt
    client.cookies["django_language"] = "en"
    answer = client.post(collect_url(bill), taken(bill), follow=True)
    (words,) = answer.context["form"].errors["amount"]
    paid_online = f"Paid online at {timezone.localtime():%H:%M}, receipt {receipt.code}"
    assert (paid_online in words) == online
    assert "0.00" not in words
    assert Payment.objects.count() == 1


def test_what_is_owed_on_no_bill_and_is_being_paid_online_is_told(client, clerk, bill):
    account = bill.account
    ChargeFactory(account=account, amount="30.00")
    order = make_order(make_bill("1.00"))
    OrderAccount.objects.create(order=order, account=account, purpose="unbilled", amount="30.00")
    assert client.get(collect_url(bill)).context["online"] == order.amount


def test_cash_for_two_bills_of_two_units(client, clerk, bill):
    own = AccountFactory(party=bill.account.party, community=bill.account.community)
    elsewhere = make_bill("11.00", account=own)
    response = client.post(collect_url(bill), taken(bill, elsewhere, tendered="400.00"))
    payment = Payment.objects.get()
    assert response.url == reverse("payments:receipt", args=[payment.receipt.pk])
    assert (payment.method, payment.received_by) == ("cash", clerk)
    assert (payment.amount, payment.tendered) == (Decimal("355.12"), Decimal("400.00"))
    assert still_open(bill) == still_open(elsewhere) == 0
    page = client.get(response.url)
    assert page.context["change"] == Decimal("44.88")


def test_cash_for_two_bills_of_one_unit(client, clerk, bill):
    second = make_bill("58.00", account=bill.account, quarter=2)
    client.post(collect_url(bill), taken(bill, second))
    assert Receipt.objects.get().amount == Decimal("402.12")
    assert still_open(bill) == still_open(second) == 0


def test_part_of_a_bill_settles_the_oldest_first(client, clerk, bill):
    older = make_bill("58.00", account=bill.account, year=2025)
    client.post(collect_url(bill), taken(bill, older, amount="100.00", method="card"))
    assert still_open(older) == 0
    assert still_open(bill) == Decimal("302.12")
    assert Payment.objects.get().tendered is None


def test_pressed_twice_reloaded_or_gone_back_posts_once(client, clerk, bill):
    form = taken(bill)
    first, again = (client.post(collect_url(bill), form) for _ in range(2))
    assert first.url == again.url
    assert Payment.objects.count() == Receipt.objects.count() == 1


def test_a_used_form_leads_to_its_receipt_whatever_it_says(client, clerk, bill):
    form = taken(bill, amount="100.00")
    receipt = client.post(collect_url(bill), form).url
    for changed in ({"amount": "50.00"}, {"method": "card"}, {"amount": ""}):
        assert client.post(collect_url(bill), form | changed).url == receipt
    gone_back = client.get(collect_url(bill), {"form": form["token"]})
    assert gone_back.url == receipt
    assert Payment.objects.count() == 1
    unused = client.get(collect_url(bill), {"form": str(uuid.uuid4())})
    assert unused.status_code == 200


def test_a_form_used_in_another_community_leads_nowhere(client, clerk, bill):
    form = taken(bill)
    client.post(collect_url(bill), form)
    unit = UnitFactory()
    client.force_login(MembershipFactory(community=unit.community).user)
    url = reverse("payments:collect", args=[unit.community.code, unit.pk])
    assert client.get(url, {"form": form["token"]}).status_code == 200


def test_more_than_owed_is_taken_only_as_prepayment(client, clerk, bill):
    form = taken(bill, amount="400.00")
    assert refused(client, bill, form).errors["amount"]
    assert not Payment.objects.exists()
    client.post(collect_url(bill), form | {"prepay": "on"})
    account = Account.objects.with_balance().get(pk=bill.account_id)
    assert (account.owed, account.credit) == (0, Decimal("55.88"))


def test_a_bill_that_was_paid_online_meanwhile_is_not_paid_twice(client, clerk, bill):
    client.get(collect_url(bill))
    make_payment(bill)
    refused(client, bill, taken(bill))
    assert Payment.objects.count() == 1


def test_what_is_owed_is_never_the_clients_word(client, clerk, bill):
    foreign = make_bill("10.00")
    refused(client, bill, taken(foreign))
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": ""},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "1.005"},
        {"amount": "NaN"},
        {"amount": "1e2"},
        {"amount": "99999999999"},
        {"tendered": "1.00"},
        {"tendered": ""},
        {"tendered": "x"},
        {"method": "wechat"},
        {"token": "x"},
        {"bill": ["x", "9" * 30, "9" * 5000]},
    ],
)
def test_nonsense_takes_nothing(client, clerk, bill, wrong):
    refused(client, bill, taken(bill) | wrong)
    assert not Payment.objects.exists()


def test_a_form_to_correct_comes_back_as_it_was_typed_and_once(client, clerk, bill):
    older = make_bill("58.00", account=bill.account, year=2025)
    form = taken(older, amount="58.001", tendered="60", prepay="on")
    page = client.post(collect_url(bill), form, follow=True)
    shown = page.context["form"]
    assert [shown[name].value() for name in ("amount", "tendered", "token")] == [
        "58.001",
        "60",
        form["token"],
    ]
    assert shown["prepay"].value()
    assert page.context["ticked"] == {older.pk}
    assert len(shown.errors["amount"]) == 1
    assert not client.get(collect_url(bill)).context["form"].is_bound
    unticked = client.post(collect_url(bill), taken(bill, amount=""), follow=True)
    assert not unticked.context["form"]["prepay"].value()


def test_a_unit_that_was_never_billed(client, clerk, bill):
    unit = UnitFactory(building=bill.account.unit.building)
    url = reverse("payments:collect", kwargs={"community": unit.community.code, "pk": unit.pk})
    assert client.get(url).status_code == client.post(url, taken()).status_code == 200
