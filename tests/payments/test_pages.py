"""The pages where a resident pays, and where he reads what became of it."""

import re
import uuid
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from payments.models import PaymentOrder, Receipt
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import BindingFactory, OccupancyFactory
from tests.factories.payments import make_order, make_payment

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"


class TestPaying:
    def start(self, client, *bills, narrow="", **headers):
        form = {"token": str(uuid.uuid4()), "bill": [b.pk for b in bills], "provider": "wechatpay"}
        form["narrow"] = narrow
        return client.post(reverse("payments:pay"), form, headers=headers)

    def test_the_oldest_bills_are_chosen(
        self, client, resident, bill, merchant, django_assert_max_num_queries
    ):
        own = AccountFactory(party=bill.account.party, community=bill.account.community)
        beside = make_bill("11.00", account=own)
        make_bill("5.00", account=own, quarter=2)
        with django_assert_max_num_queries(14):
            page = client.get(reverse("payments:pay"))
        assert page.context["chosen"] == {bill.pk, beside.pk}
        (form,) = page.context["forms"]
        assert form["total"] == Decimal("355.12")
        wanted = client.get(reverse("payments:pay"), {"bill": beside.pk})
        assert wanted.context["chosen"] == {beside.pk}

    def test_two_communities_have_a_form_each(self, client, resident, bill):
        BindingFactory(user=resident, party=make_bill().account.party)
        assert len(client.get(reverse("payments:pay")).context["forms"]) == 2

    def test_from_choice_to_receipt_on_a_desktop(self, client, resident, bill, merchant):
        response = self.start(client, bill)
        order = PaymentOrder.objects.get()
        assert response.url == reverse("payments:order", args=[order.pk])
        page = client.get(response.url)
        assert 'src="data:image/png' in page.content.decode()

        status = reverse("payments:order_status", args=[order.pk]) + "?state=pending"
        assert client.get(status).status_code == 204
        merchant.pay(order.out_trade_no)
        client.post(reverse("payments:order_cancel", args=[order.pk]))  # too late: it is paid
        assert client.get(status)["HX-Refresh"] == "true"
        page = client.get(response.url)
        receipt = Receipt.objects.get()
        assert reverse("payments:receipt", args=[receipt.pk]) in page.content.decode()

    def test_a_phone_is_sent_to_the_provider(self, client, resident, bill, merchant):
        self.start(client, bill, **{"User-Agent": PHONE})
        order = PaymentOrder.objects.get()
        assert order.scene == "h5"
        page = client.get(reverse("payments:order", args=[order.pk]))
        go = reverse("payments:order_go", args=[order.pk])
        assert go in page.content.decode()
        response = client.get(go)
        assert response.url.startswith(merchant.url)
        assert response["Referrer-Policy"] == "origin"

    def test_a_narrow_screen_may_open_wechat_itself_and_only_one_order_stays_payable(
        self, client, resident, bill, merchant
    ):
        first = self.start(client, bill)  # a phone whose browser calls itself a desktop's
        order = PaymentOrder.objects.get()
        other_way = reverse("payments:order_scene", args=[order.pk])
        assert other_way in client.get(first.url).content.decode()
        pressed = client.post(other_way, {"scene": "h5"})
        phone = PaymentOrder.objects.exclude(pk=order.pk).get()
        assert pressed.url == reverse("payments:order", args=[phone.pk])
        assert (phone.scene, phone.state, phone.amount) == ("h5", "pending", order.amount)
        again = client.post(other_way, {"scene": "h5"})
        assert again.url == first.url, "given up: its page leads on"
        assert merchant.order(order.out_trade_no)["state"] == "CLOSED"
        back = reverse("payments:order_scene", args=[phone.pk])
        assert back in client.get(reverse("payments:order", args=[phone.pk])).content.decode()
        shown = client.post(back, {"scene": "native"}, follow=True)
        assert 'src="data:image/png' in shown.content.decode()
        assert shown.context["unfolded"]
        assert merchant.order(phone.out_trade_no)["state"] == "CLOSED"
        assert PaymentOrder.objects.live().count() == 1
        assert client.post(back, {"scene": "x"}).status_code == 404

    def test_another_way_for_what_is_paid_meanwhile(self, client, resident, bill, merchant):
        self.start(client, bill)
        order = PaymentOrder.objects.get()
        merchant.pay(order.out_trade_no)
        url = reverse("payments:order_scene", args=[order.pk])
        assert client.post(url, {"scene": "h5"}).url == reverse("payments:order", args=[order.pk])
        order.refresh_from_db()
        assert order.state == "paid"

    def test_a_narrow_screen_is_a_phone_whatever_its_browser_says(
        self, client, resident, bill, merchant
    ):
        self.start(client, bill, narrow="yes")
        assert PaymentOrder.objects.get().scene == "h5"

    def test_giving_up_closes_the_order_at_the_provider(self, client, resident, bill, merchant):
        self.start(client, bill)
        order = PaymentOrder.objects.get()
        client.post(reverse("payments:order_cancel", args=[order.pk]))
        order.refresh_from_db()
        assert order.state == "closed"
        assert merchant.order(order.out_trade_no)["state"] == "CLOSED"

    def test_when_the_provider_cannot_be_reached_it_can_be_tried_again(
        self, client, resident, bill, merchant
    ):
        merchant.faults(refuse_next=1, match="/native")
        response = self.start(client, bill)
        order = PaymentOrder.objects.get()
        again = reverse("payments:order_open", args=[order.pk])
        assert again in client.get(response.url).content.decode()
        client.post(again)
        order.refresh_from_db()
        assert order.state == "pending"

    def test_the_page_of_an_order_that_never_arrived_recovers_by_itself(
        self, client, resident, bill, merchant, django_capture_on_commit_callbacks
    ):
        merchant.faults(refuse_next=1, match="/native")
        page = self.start(client, bill).url
        order = PaymentOrder.objects.get()
        status = reverse("payments:order_status", args=[order.pk]) + "?state=created"
        assert status in client.get(page).content.decode()
        PaymentOrder.objects.update(checked_at=None)
        with django_capture_on_commit_callbacks(execute=True):
            assert client.get(status).status_code == 204
        assert client.get(status).headers["HX-Refresh"] == "true"
        assert "data:image" in client.get(page).context["qr"]

    def test_what_cannot_be_paid_leads_back(self, client, resident, bill, merchant):
        foreign = make_bill()
        assert self.start(client, foreign).url == reverse("payments:pay")
        assert self.start(client).url == reverse("payments:pay")
        make_payment(bill)
        assert self.start(client, bill).url == reverse("payments:pay")
        assert not PaymentOrder.objects.exists()

    @pytest.mark.parametrize("state", ["created", "pending", "closed", "expired", "failed"])
    def test_every_state_has_a_page(self, client, resident, bill, state):
        order = make_order(bill, user=resident, state=state, pay_url="weixin://x")
        assert client.get(reverse("payments:order", args=[order.pk])).status_code == 200

    def test_without_an_account_at_the_provider_nothing_breaks(self, client, resident, bill):
        order = make_order(bill, user=resident, state="created")
        for name in ("order_open", "order_cancel"):
            response = client.post(reverse(f"payments:{name}", args=[order.pk]))
            assert response.url == reverse("payments:order", args=[order.pk])
        assert client.get(reverse("payments:pay")).context["forms"][0]["channels"].words == {}


class TestRecords:
    def test_the_statement_has_a_running_balance(
        self, client, resident, bill, django_assert_max_num_queries
    ):
        make_payment(bill, amount="300.00")
        make_payment(bill, amount="44.12")
        with django_assert_max_num_queries(16):
            page = client.get(reverse("payments:records"))
        lines = page.context["lines"]
        assert [line.amount for line in lines] == [
            Decimal("-44.12"),
            Decimal("-300.00"),
            Decimal("344.12"),
        ]
        assert [line.balance for line in lines] == [0, Decimal("44.12"), Decimal("344.12")]

    def test_another_account_can_be_chosen_but_nobody_elses(self, client, resident, bill):
        own = AccountFactory(party=bill.account.party, community=bill.account.community)
        url = reverse("payments:records")
        assert client.get(url, {"account": own.pk}).context["account"] == own
        for wrong in (AccountFactory().pk, "x", "9" * 30, "9" * 5000):
            assert client.get(url, {"account": wrong}).status_code == 404

    def test_transfer_instructions_carry_unit_and_name(self, client, resident, bill):
        community = bill.account.community
        community.bank_name, community.bank_account_name = "招商银行杭州分行", "安居物业"
        community.bank_account_number = "5719 0001 2310 801"
        community.save()
        make_payment(bill, amount="44.12")
        page = client.get(reverse("payments:transfer"))
        (transfer,) = page.context["transfers"]
        assert transfer.amount == Decimal("300.00")
        assert transfer.memo == f"{bill.account.unit.code} {bill.account.party.name}"
        shown = page.content.decode()
        for copied in ("5719 0001 2310 801", "招商银行杭州分行", "安居物业", transfer.memo):
            assert copied in shown
        assert shown.count("data-copy=") == 5  # each of them, and the amount without its sign
        assert 'data-copy-text="300.00"' in shown
        assert 'data-copy-text="571900012310801"' in shown, "as banks want it"
        on_the_bill = client.get(reverse("billing:bill", args=[bill.pk])).content.decode()
        assert f"{reverse('payments:transfer')}?bill={bill.pk}" in on_the_bill

    def test_who_owes_nothing_can_transfer_ahead(self, client, resident, bill):
        make_payment(bill)
        OccupancyFactory(unit=bill.account.unit, party=bill.account.party)
        assert reverse("payments:transfer") in client.get(reverse("payments:pay")).content.decode()
        (transfer,) = client.get(reverse("payments:transfer")).context["transfers"]
        assert transfer.amount is None
        assert transfer.memo == f"{bill.account.unit.code} {bill.account.party.name}"

    @pytest.mark.parametrize("path", ["/", "/pay/", "/payments/"])
    def test_an_order_under_way_is_told(
        self, client, resident, bill, path, django_assert_num_queries
    ):
        with CaptureQueriesContext(connection) as none:
            client.get(path)
        orders = [make_order(bill, user=resident, state=state) for state in ("pending", "created")]
        make_order(bill)
        with django_assert_num_queries(len(none)):
            shown = client.get(path).content.decode()
        assert {int(pk) for pk in re.findall(r"/pay/orders/(\d+)/", shown)} == {
            order.pk for order in orders
        }

    def test_nothing_yet(self, client, resident, bill):
        make_payment(bill)
        for name in ("pay", "transfer"):
            assert client.get(reverse(f"payments:{name}")).status_code == 200
