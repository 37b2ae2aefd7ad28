"""The pages of payments: what they show, what they do when pressed twice, how many queries."""

import io
import re
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from billing.models import Account, Bill
from payments.documents import receipt_pdf
from payments.models import Payment, PaymentOrder, Receipt
from tests.factories.billing import AccountFactory, ChargeFactory, make_bill
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    UnitFactory,
)
from tests.factories.payments import make_order, make_payment

pytestmark = pytest.mark.django_db
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"


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


class TestCounter:
    def test_open_bills_of_todays_payer_are_ticked(
        self, client, clerk, bill, django_assert_max_num_queries
    ):
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

    def test_cash_for_two_bills_of_two_units(self, client, clerk, bill):
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

    def test_cash_for_two_bills_of_one_unit(self, client, clerk, bill):
        second = make_bill("58.00", account=bill.account, quarter=2)
        client.post(collect_url(bill), taken(bill, second))
        assert Receipt.objects.get().amount == Decimal("402.12")
        assert still_open(bill) == still_open(second) == 0

    def test_part_of_a_bill_settles_the_oldest_first(self, client, clerk, bill):
        older = make_bill("58.00", account=bill.account, year=2025)
        client.post(collect_url(bill), taken(bill, older, amount="100.00", method="card"))
        assert still_open(older) == 0
        assert still_open(bill) == Decimal("302.12")
        assert Payment.objects.get().tendered is None

    def test_pressed_twice_reloaded_or_gone_back_posts_once(self, client, clerk, bill):
        form = taken(bill)
        first, again = (client.post(collect_url(bill), form) for _ in range(2))
        assert first.url == again.url
        assert Payment.objects.count() == Receipt.objects.count() == 1

    def test_a_used_form_leads_to_its_receipt_whatever_it_says(self, client, clerk, bill):
        form = taken(bill, amount="100.00")
        receipt = client.post(collect_url(bill), form).url
        for changed in ({"amount": "50.00"}, {"method": "card"}, {"amount": ""}):
            assert client.post(collect_url(bill), form | changed).url == receipt
        gone_back = client.get(collect_url(bill), {"form": form["token"]})
        assert gone_back.url == receipt
        assert Payment.objects.count() == 1
        unused = client.get(collect_url(bill), {"form": str(uuid.uuid4())})
        assert unused.status_code == 200

    def test_a_form_used_in_another_community_leads_nowhere(self, client, clerk, bill):
        form = taken(bill)
        client.post(collect_url(bill), form)
        unit = UnitFactory()
        client.force_login(MembershipFactory(community=unit.community).user)
        url = reverse("payments:collect", args=[unit.community.code, unit.pk])
        assert client.get(url, {"form": form["token"]}).status_code == 200

    def test_more_than_owed_is_taken_only_as_prepayment(self, client, clerk, bill):
        form = taken(bill, amount="400.00")
        assert refused(client, bill, form).errors["amount"]
        assert not Payment.objects.exists()
        client.post(collect_url(bill), form | {"prepay": "on"})
        account = Account.objects.with_balance().get(pk=bill.account_id)
        assert (account.owed, account.credit) == (0, Decimal("55.88"))

    def test_a_bill_that_was_paid_online_meanwhile_is_not_paid_twice(self, client, clerk, bill):
        client.get(collect_url(bill))
        make_payment(bill)
        refused(client, bill, taken(bill))
        assert Payment.objects.count() == 1

    def test_what_is_owed_is_never_the_clients_word(self, client, clerk, bill):
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
    def test_nonsense_takes_nothing(self, client, clerk, bill, wrong):
        refused(client, bill, taken(bill) | wrong)
        assert not Payment.objects.exists()

    def test_a_form_to_correct_comes_back_as_it_was_typed_and_once(self, client, clerk, bill):
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

    def test_a_unit_that_was_never_billed(self, client, clerk, bill):
        unit = UnitFactory(building=bill.account.unit.building)
        url = reverse("payments:collect", kwargs={"community": unit.community.code, "pk": unit.pk})
        assert client.get(url).status_code == client.post(url, taken()).status_code == 200


class TestReceipts:
    def test_on_the_screen(self, client, resident, bill, django_assert_max_num_queries):
        receipt = make_payment(bill, amount="310.00").receipt
        with django_assert_max_num_queries(16):
            page = client.get(reverse("payments:receipt", args=[receipt.pk]))
        text = page.content.decode()
        assert receipt.code in text
        assert "叁佰壹拾元整" in text
        assert "¥302.12" in text
        assert "¥7.88" in text  # part of the second line

    def test_as_pdf(self, client, resident, bill):
        late = ChargeFactory(account=bill.account, bill=bill, amount="5.00", unit_price=None)
        receipt = make_payment(bill, amount="400.00").receipt
        response = client.get(reverse("payments:receipt_pdf", args=[receipt.pk]))
        assert response["Content-Type"] == "application/pdf"
        reader = PdfReader(io.BytesIO(response.content))
        assert len(reader.pages) == 1
        width, height = reader.pages[0].mediabox[2:]
        assert (round(width), round(height)) == (595, 420)  # A5 on its side, in points
        text = re.sub(r"\s", "", reader.pages[0].extract_text())
        for part in (
            receipt.code,
            receipt.payer_name,
            "肆佰元整",
            "¥400.00",
            bill.account.unit.code,
            bill.account.community.company,
            "2026.01.01–2026.03.31",
        ):
            assert part in text
        assert late.amount == "5.00"

    @pytest.mark.parametrize(("lines", "pages"), [(9, 1), (16, 1), (17, 2), (26, 2), (40, 2)])
    def test_many_lines_are_set_closer_and_totals_are_never_alone(self, bill, lines, pages):
        bills = [
            make_bill(*["1.00"] * min(4, lines - start), account=bill.account, quarter=1, year=year)
            for year, start in zip(range(2010, 2020), range(0, lines, 4), strict=False)
        ]
        receipt = make_payment(*bills).receipt
        found = PdfReader(io.BytesIO(receipt_pdf(receipt))).pages
        assert len(found) == pages
        last = found[-1].extract_text()
        assert f"¥{lines}.00" in re.sub(r"\s", "", last)
        assert bill.account.unit.code in last, "at least one line stands above the totals"
        assert receipt.code in last

    def test_whoever_holds_the_paper_can_check_it(self, client, bill):
        receipt = make_payment(bill).receipt
        page = client.get(reverse("payments:receipt_check", args=[receipt.check_token]))
        text = page.content.decode()
        assert receipt.code in text
        assert "¥344.12" in text
        assert receipt.payer_name not in text
        assert bill.account.unit.code not in text
        assert client.get(reverse("payments:receipt_check", args=["x" * 43])).status_code == 404

    def test_staff_find_them(self, client, clerk, bill, django_assert_max_num_queries):
        receipt = make_payment(bill).receipt
        other = make_payment(make_bill(account=AccountFactory(community=bill.account.community)))
        url = reverse("payments:receipts", args=[bill.account.community.code])
        with django_assert_max_num_queries(12):
            assert len(client.get(url).context["page_obj"]) == 2
        for query in (receipt.code, receipt.payer_name, bill.account.unit.code):
            found = client.get(url, {"q": query}).context["page_obj"]
            assert receipt in found
            assert other.receipt not in found
        for nonsense in ("9" * 60, "９" * 12, "%", "'"):
            assert client.get(url, {"q": nonsense}).status_code == 200
        assert client.get(url, {"q": "a\0b"}).status_code == 400


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
        assert client.get(reverse("payments:pay")).context["forms"][0]["channels"] == {}

    def test_inside_wechat_the_page_says_how_to_pay(self, client, resident, bill):
        agent = {"User-Agent": f"{PHONE} MicroMessenger/8.0.40"}
        assert client.get(reverse("payments:pay"), headers=agent).context["in_wechat"]
        assert not client.get(reverse("payments:pay")).context["in_wechat"]


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
        community.bank_account_number = "571900012310801"
        community.save()
        make_payment(bill, amount="44.12")
        page = client.get(reverse("payments:transfer"))
        (transfer,) = page.context["transfers"]
        assert transfer.amount == Decimal("300.00")
        assert transfer.memo == f"{bill.account.unit.code} {bill.account.party.name}"
        assert "571900012310801" in page.content.decode()

    def test_nothing_yet(self, client, resident, bill):
        make_payment(bill)
        for name in ("pay", "transfer"):
            assert client.get(reverse(f"payments:{name}")).status_code == 200
