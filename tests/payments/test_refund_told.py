"""The payer hears of a refund, has its paper, and reads on his order how it stands."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from community.models import Role
from notices import content
from notices.models import Delivery, Notice
from payments.models import Refund
from payments.services.giving_back import refunds
from payments.services.online import original_refunds, paid_twice
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    StaffUserFactory,
    UserFactory,
)
from tests.factories.payments import make_deposit, make_order, make_payment, make_refund

pytestmark = pytest.mark.django_db
State = Refund.State


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def payer(bill):
    """Who pays the bill's account, with the phone that the register has."""
    return BindingFactory.create(
        party=bill.account.party, user=UserFactory.create(phone=bill.account.party.phone)
    ).user


@pytest.fixture
def payment(bill, payer):
    order = make_order(bill, user=payer, state="paid")
    return make_payment(bill, order=order, method="wechat")


def asked(payment, amount="42.00", reason="多收"):
    return make_refund(
        payment.postings.get().credit_entry.account,
        amount,
        payment=payment,
        method=Refund.Method.ORIGINAL,
        approved=True,
        reason=reason,
    )


def ended(refund, state):
    """The provider says what came of it."""
    refund = original_refunds._claim(refund.pk)[0]
    facts = original_refunds.ProviderRefund(refund.out_refund_no, state)
    return original_refunds.record(refund.pk, facts)


DONE, CLOSED = original_refunds.RefundState.DONE, original_refunds.RefundState.FAILED


def told():
    return Notice.objects.filter(kind=Notice.Kind.REFUND)


def seen(user, name, *args):
    client = Client()
    client.force_login(user)
    client.cookies["django_language"] = "en"
    return client.get(reverse(name, args=args))


def text(user, name, *args):
    return seen(user, name, *args).content.decode()


class TestNotice:
    def test_paid_out_it_says_how_much_why_and_which_bill_is_open_again(self, payment, bill, payer):
        refund = asked(payment)
        assert not told().exists(), "approved is not paid out"
        refund = ended(refund, DONE)
        notice = told().get()
        assert notice.user == payer
        subject, page = content.page_of(notice)
        assert "¥42.00 was given back" in subject
        for words in ("多收", bill.account.unit.code, refund.voucher.code, bill.run.title):
            assert words in page
        assert "is open again" in page
        assert "Dear ," not in page
        assert reverse("payments:order", args=[payment.order_id]) in page
        assert reverse("payments:voucher", args=[refund.voucher.pk]) in page
        original_refunds.record(refund.pk, original_refunds.ProviderRefund("", DONE))
        assert told().count() == 1

    def test_by_sms_in_the_words_of_the_office(self, payment, bill):
        refund = ended(asked(payment), DONE)
        message = content.message_of(Delivery.objects.get(notice__kind="refund", channel="sms"))
        assert message.template == "refund"
        assert message.params == {
            "unit": bill.account.unit.code,
            "amount": "42.00",
            "voucher": refund.voucher.code,
        }

    def test_failed_it_says_that_it_goes_another_way(self, payment, bill):
        ended(asked(payment), CLOSED)
        notice = told().get()
        subject, page = content.page_of(notice)
        assert "another way" in subject
        assert "credit of the unit" in page
        assert "open again" not in page
        assert (
            content.message_of(Delivery.objects.get(notice=notice, channel="sms")).template
            == "refund_failed"
        )

    def test_who_paid_for_somebody_else_hears_of_it_too(self, bill):
        order = make_order(bill, user=UserFactory.create(), state="paid")
        refund = ended(asked(make_payment(bill, order=order, method="wechat")), DONE)
        by_user, by_party = told().get(user=order.user), told().get(party=bill.account.party)
        assert refund.voucher.code in content.page_of(by_party)[1]
        assert (
            reverse("payments:receipt", args=[order.payment.receipt.pk])
            in content.page_of(by_party)[1]
        )
        address = reverse("payments:voucher", args=[refund.voucher.pk])
        assert address not in content.page_of(by_user)[1]
        assert seen(order.user, "payments:voucher", refund.voucher.pk).status_code == 404

    @pytest.mark.parametrize("of_deposit", [False, True])
    def test_of_cash_too_and_of_a_deposit(self, bill, of_deposit):
        deposit = make_deposit(bill.account) if of_deposit else None
        make_payment(bill, amount=bill.amount + 50)
        refund = make_refund(bill.account, "50.00", approved=True, deposit=deposit)
        refunds.pay_in_cash(refund.pk, by=StaffUserFactory.create())
        page = content.page_of(told().get(party=bill.account.party))[1]
        assert "cash at the desk" in page
        assert "was paid out" in page
        failed = make_refund(
            bill.account, "1.00", approved=True, deposit=make_deposit(bill.account)
        )
        refunds.fail(failed.pk, by=StaffUserFactory.create(), words="没来领")
        assert "the deposit is held" in content.page_of(told().order_by("-pk")[0])[1]

    def test_one_that_only_keeps_pays_nothing_out(self, bill):
        deposit = make_deposit(bill.account)
        make_refund(bill.account, "0.00", deposit=deposit, withheld="1000.00", approved=True)
        assert not told().exists()


class TestPaper:
    def test_the_payer_opens_it_from_receipt_order_and_payments(self, payment, bill, payer):
        paper = ended(asked(payment), DONE).voucher
        address = reverse("payments:voucher", args=[paper.pk])
        for page in (
            text(payer, "payments:receipt", payment.receipt.pk),
            text(payer, "payments:order", payment.order_id),
            text(payer, "payments:records"),
            text(payer, "payments:statement", bill.account_id),
        ):
            assert address in page
            assert f"Counter-receipt {paper.code}" in page
        answer = seen(payer, "payments:voucher", paper.pk)
        assert answer.content.startswith(b"%PDF")
        stranger = BindingFactory.create().user
        assert seen(stranger, "payments:voucher", paper.pk).status_code == 404


class TestOrderPage:
    @pytest.mark.parametrize(
        ("amount", "words"), [("42.00", "Paid, and refunded in part"), (None, "Paid, and refunded")]
    )
    def test_it_does_not_thank_for_what_went_back(
        self, payment, bill, payer, amount, words, django_assert_max_num_queries
    ):
        assert "Paid. Thank you!" in text(payer, "payments:order", payment.order_id)
        refund = asked(payment, amount or bill.amount, reason="面积登记有误")
        page = text(payer, "payments:order", payment.order_id)
        assert "is on its way back" in page
        ended(refund, DONE)
        with django_assert_max_num_queries(30):
            page = text(payer, "payments:order", payment.order_id)
        assert f"{words}</h1>" in page
        assert "Thank you" not in page
        assert "面积登记有误" in page

    def test_a_refund_that_a_person_asked_for_is_not_called_credit(self, bill, payer):
        make_payment(bill)
        order = make_order(bill, user=payer, state="paid")
        payment = make_payment(bill, order=order, method="wechat")
        assert "kept as credit" in text(payer, "payments:order", order.pk)
        refund = asked(payment, "100.00")
        way, kept = paid_twice.rests(order)
        assert (way.refund, way.amount, way.kept) == (refund, Decimal(100), False)
        assert (kept.refund, kept.amount, kept.kept) == (None, bill.amount - 100, True)
        rest = asked(payment, bill.amount - 100)
        page = text(payer, "payments:order", order.pk)
        assert "on its way back to you" in page
        assert "kept as credit" not in page
        ended(refund, DONE)
        ended(rest, CLOSED)
        page = text(payer, "payments:order", order.pk)
        assert "It went back the way you paid" in page
        assert "could not go back the way you paid" in page
        other = make_refund(
            bill.account, rest.amount, method="transfer", payee_account="62170000", approved=True
        )
        page = text(payer, "payments:order", order.pk)
        assert "about to give it back another way" in page
        day = timezone.localdate()
        refunds.record_transfer(other.pk, by=StaffUserFactory.create(), day=day, reference="T1")
        page = text(payer, "payments:order", order.pk)
        assert "given back: bank transfer" in page
        assert "could not go back" not in page


class TestDesk:
    @pytest.fixture
    def desk(self, bill):
        return MembershipFactory.create(community=bill.account.community, role=Role.ACCOUNTANT).user

    def test_a_channel_that_failed_is_not_offered_again(self, payment, bill, desk, client):
        code = bill.account.community.code
        address = reverse("payments:ask_original_refund", args=[code, payment.pk])
        client.force_login(desk)
        token = client.get(address).context["form"]["form_token"].value()
        ended(asked(payment), CLOSED)
        page = text(desk, "payments:ask_original_refund", code, payment.pk)
        other = reverse("payments:ask_refund", args=[code, bill.account_id])
        assert f'"{other}?instead={Refund.objects.get().pk}"' in page
        assert 'name="amount"' not in page
        data = {"form_token": token, "amount": "1", "reason": "多收", "account": bill.account_id}
        assert client.post(address, data).status_code == 422
        assert Refund.objects.count() == 1

    def test_words_that_are_needed_are_not_called_optional(self, payment, bill, desk):
        code = bill.account.community.code
        refund = make_refund(bill.account, "42.00", payment=payment, method=Refund.Method.ORIGINAL)
        page = text(desk, "payments:refund", code, refund.pk)
        assert "optional" not in page
        assert "Needed to reject" in page
        refunds.approve(refund.pk, by=StaffUserFactory.create())
        original_refunds._claim(refund.pk)
        original_refunds._note(refund.pk, "it cannot reach the payer", stop=True)
        page = text(desk, "payments:refund", code, refund.pk)
        assert "It could not be paid out" in page
        assert "optional" not in page
        make_payment(bill, amount="92.00")
        cash = make_refund(bill.account, "50.00", approved=True)
        assert "Needed to say that it could not" in text(desk, "payments:refund", code, cash.pk)
