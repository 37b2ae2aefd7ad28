"""A payment that its channel could not give back goes another way, to the end."""

import uuid
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from billing.services.accounts.posting import credit_of, use_credit
from community.models import Role, today
from core import books
from notices import content
from notices.models import Notice
from payments.documents import voucher_pdf
from payments.models import PaymentOrder, Reconciliation, ReconciliationLine, Refund
from payments.providers.base import ProviderRefund, RefundState
from payments.reconciliation.difference_words import meaning
from payments.services.giving_back import refunds
from payments.services.giving_back.undoing import refundable_of
from payments.services.online import original_refunds
from tests.factories.billing import make_bill
from tests.factories.community import BindingFactory, MembershipFactory, StaffUserFactory
from tests.factories.payments import make_order, make_payment, make_refund
from tests.payments.printed import text_of

pytestmark = pytest.mark.django_db
State, Method = Refund.State, Refund.Method
CLERK, ACCOUNTANT, MANAGER = Role.CLERK, Role.ACCOUNTANT, Role.MANAGER


@pytest.fixture(autouse=True)
def in_english():
    with translation.override("en"):
        yield


@pytest.fixture
def payer(bill):
    return BindingFactory.create(party=bill.account.party).user


@pytest.fixture
def payment(bill, payer):
    """344.12 yuan by WeChat Pay, which settled the bill's two lines of 302.12 and 42.00."""
    order = make_order(bill, user=payer, state="paid")
    return make_payment(bill, order=order, method="wechat")


@pytest.fixture
def failed(payment):
    """42 yuan of it, which the channel would not give back; credit has settled the line anew."""
    account = payment.postings.get().credit_entry.account
    of_it = {"payment": payment, "method": Method.ORIGINAL, "reason": "多收"}
    refund = make_refund(account, "42.00", approved=True, **of_it)
    refund = original_refunds._claim(refund.pk)[0]
    facts = ProviderRefund(refund.out_refund_no, RefundState.FAILED)
    return original_refunds.record(refund.pk, facts)


@pytest.fixture
def at(bill):
    """A page of the community as somebody of its staff."""
    community = bill.account.community
    people = {role: MembershipFactory.create(community=community, role=role).user for role in Role}

    def ask(role, name, pk, data=None, query=""):
        client = Client()
        client.force_login(people[role])
        client.cookies["django_language"] = "en"
        url = reverse(f"payments:{name}", args=[community.code, pk]) + query
        return client.get(url) if data is None else client.post(url, data)

    return ask


def instead(failed, amount=None, **more):
    return make_refund(
        failed.account,
        amount or failed.amount,
        method=Method.TRANSFER,
        payee_account="6217000012345678",
        instead_of=failed,
        **more,
    )


def sent(refund, reference="T1"):
    return refunds.record_transfer(
        refund.pk, by=StaffUserFactory.create(), day=today(), reference=reference
    )


def open_of(bill):
    return sorted(bill.charges.open().values_list("open_amount", flat=True))


class TestBooks:
    def test_it_frees_what_it_settled_and_counters_the_receipt(self, failed, payment, bill):
        use_credit(account_ids=[bill.account_id])  # as the next bill run does
        assert open_of(bill) == []
        refund = sent(instead(failed, approved=True))
        assert (refund.state, refund.payment, refund.out_refund_no) == (State.PAID, payment, "")
        assert open_of(bill) == [Decimal("42.00")]
        assert credit_of([bill.account_id]) == {}
        assert refund.voucher.counters == payment.receipt
        assert refundable_of(payment, bill.account_id) == Decimal("302.12")
        assert books.verify().breaks == []

    def test_all_that_still_settles_bills_can_go(self, failed, payment, bill):
        sent(instead(failed, "344.12", approved=True))
        assert open_of(bill) == [Decimal("42.00"), Decimal("302.12")]
        assert PaymentOrder.objects.get().standing == PaymentOrder.Standing.REFUNDED
        with pytest.raises(refunds.NotEnough):
            instead(failed, "0.01")
        assert books.verify().breaks == []

    def test_what_came_later_can_go_whole_after_what_failed_settled_again(
        self, failed, payment, bill, payer
    ):
        later = make_bill("50.00", account=bill.account, quarter=2)
        order = make_order(later, user=payer, state="paid")
        second = make_payment(later, order=order, method="wechat", amount="100.00")
        make_bill("60.00", account=bill.account, quarter=3)
        use_credit(account_ids=[bill.account_id])
        assert credit_of([bill.account_id]) == {}
        assert refundable_of(second, bill.account_id) == Decimal("100.00")
        assert refundable_of(payment, bill.account_id) == Decimal("344.12")

    def test_it_is_nobodys_business_of_the_channel(self, failed):
        refund = instead(failed, approved=True)
        assert refund.check_at is None
        with pytest.raises(ValueError, match="through a provider"):
            original_refunds.send(refund.pk)

    def test_only_what_the_channel_could_not_do_goes_another_way(self, payment, bill, failed):
        going = make_refund(bill.account, "1.00", payment=payment, method=Method.ORIGINAL)
        with pytest.raises(ValueError, match="once its provider"):
            instead(going)
        with pytest.raises(ValueError, match="once its provider"):
            make_refund(bill.account, "1.00", method=Method.ORIGINAL, instead_of=failed)
        with pytest.raises(ValueError, match="names its payment"):
            make_refund(bill.account, "1.00", payment=payment)
        with pytest.raises(IntegrityError, match="way_it_came_first"), transaction.atomic():
            Refund.objects.bulk_create([_raw(payment, bill)])

    def test_another_decides_and_a_failure_gives_the_money_back(self, failed, payment, bill):
        refund = instead(failed)
        with pytest.raises(refunds.SamePerson):
            refunds.approve(refund.pk, by=refund.requested_by)
        refunds.approve(refund.pk, by=StaffUserFactory.create())
        refunds.fail(refund.pk, by=StaffUserFactory.create(), words="账号有误")
        assert refundable_of(payment, bill.account_id) == bill.amount
        assert sent(instead(failed, approved=True)).state == State.PAID
        assert books.verify().breaks == []


def _raw(payment, bill):
    return Refund(
        community=bill.account.community,
        account=bill.account,
        payment=payment,
        amount="1.00",
        reason="多收",
        method=Method.TRANSFER,
        payee_name="张三",
        form_token=uuid.uuid4(),
    )


class TestPages:
    def test_one_press_from_the_failed_one_to_its_end(self, at, failed, payment, bill, payer):
        page = at(CLERK, "refund", failed.pk).content.decode()
        query = f"?instead={failed.pk}"
        link = reverse("payments:ask_refund", args=[bill.account.community.code, bill.account_id])
        assert f"{link}{query}" in page
        form = at(CLERK, "ask_refund", bill.account_id, query=query).context["form"]
        data = {name: form[name].value() for name in ("form_token", "amount", "reason", "method")}
        assert (data["amount"], data["reason"], data["method"]) == (42, "多收", "transfer")
        wrong = at(CLERK, "ask_refund", bill.account_id, data | {"payee_account": ""}, query)
        assert wrong.status_code == 422
        data |= {"payee_bank": "建行", "payee_account": "6217 0000 1234 5678"}
        answers = [at(CLERK, "ask_refund", bill.account_id, data, query) for _twice in range(2)]
        refund = failed.replacements.get()
        where = reverse("payments:refund", args=[bill.account.community.code, refund.pk])
        assert [one.url for one in answers] == [where, where]
        # Under way, it is not offered a second time.
        page = at(CLERK, "refund", failed.pk).content.decode()
        assert where in page
        assert query not in page
        at(ACCOUNTANT, "decide_refund", refund.pk, {"decision": "approve"})
        at(ACCOUNTANT, "transfer_refund", refund.pk, {"day": today(), "reference": "T1"})
        refund.refresh_from_db()
        assert (refund.state, refund.payment) == (State.PAID, payment)
        _subject, told = content.page_of(Notice.objects.filter(kind="refund").latest("pk"))
        assert "is open again" in told
        assert refund.voucher.code in told
        assert payment.receipt.code in text_of(voucher_pdf(refund.voucher))
        client = Client()
        client.force_login(payer)
        shown = client.get(reverse("payments:order", args=[payment.order_id])).content.decode()
        assert refund.voucher.code in shown

    def test_what_goes_back_by_itself_is_not_said_to_be_paid_out_by_hand(self, at, payment, failed):
        def said(refund):
            answer = at(ACCOUNTANT, "decide_refund", refund.pk, {"decision": "approve"})
            return [str(message) for message in get_messages(answer.wsgi_request)]

        of_it = {"payment": payment, "method": Method.ORIGINAL}
        assert "nothing is left to do" in said(make_refund(failed.account, "1.00", **of_it))[0]
        assert "can be paid out now" in said(instead(failed))[0]

    def test_a_rejected_one_is_offered_again(self, at, failed):
        refund = instead(failed)
        refunds.reject(refund.pk, by=StaffUserFactory.create(), words="账号不清")
        assert f"?instead={failed.pk}" in at(CLERK, "refund", failed.pk).content.decode()

    def test_what_nothing_is_left_of_is_not_offered(self, at, failed, bill):
        sent(instead(failed, bill.amount, approved=True))
        page = at(CLERK, "refund", failed.pk)
        assert f"?instead={failed.pk}" not in page.content.decode()
        empty = at(CLERK, "ask_refund", bill.account_id, query=f"?instead={failed.pk}")
        assert "Nothing can go back" in empty.content.decode()

    @pytest.mark.parametrize("which", ["x", "0", "going"])
    def test_no_other_refund_is_taken_for_it(self, at, payment, bill, which):
        going = make_refund(bill.account, "1.00", payment=payment, method=Method.ORIGINAL)
        wanted = going.pk if which == "going" else which
        answer = at(CLERK, "ask_refund", bill.account_id, query=f"?instead={wanted}")
        assert answer.status_code == 404

    def test_another_communitys_is_not_found(self, at, failed):
        other = make_bill("3.00")
        at_other = MembershipFactory.create(community=other.account.community, role=CLERK).user
        client = Client()
        client.force_login(at_other)
        url = reverse("payments:ask_refund", args=[other.account.community.code, other.account_id])
        assert client.get(f"{url}?instead={failed.pk}").status_code == 404

    def test_its_questions_are_bounded(self, at, failed, bill, django_assert_max_num_queries):
        for _n in range(3):
            refunds.reject(instead(failed).pk, by=StaffUserFactory.create(), words="不清")
        at(CLERK, "refund", failed.pk)
        with django_assert_max_num_queries(32):
            at(CLERK, "refund", failed.pk)
        with django_assert_max_num_queries(32):
            at(CLERK, "ask_refund", bill.account_id, query=f"?instead={failed.pk}")


def test_a_bill_that_lists_what_had_failed_leads_to_our_refund_and_what_went_instead(failed, at):
    other = instead(failed)
    line = ReconciliationLine.objects.create(
        reconciliation=Reconciliation.objects.create(
            community=failed.community,
            provider="wechatpay",
            day=today(),
            digest="0" * 64,
            compared_at=timezone.now(),
        ),
        kind=ReconciliationLine.Kind.NOT_HERE,
        flow=ReconciliationLine.Flow.REFUND,
        out_trade_no=failed.payment.order.out_trade_no,
        out_refund_no=failed.out_refund_no,
        theirs=failed.amount,
    )
    page = at(ACCOUNTANT, "difference", line.pk)
    assert str(page.context["meaning"]) != str(meaning(line)), "somebody else's refund reads so"
    shown = page.content.decode().split("data-our-refund")[1]
    for refund in (failed, other):
        address = reverse("payments:refund", args=[failed.community.code, refund.pk])
        assert f'href="{address}"' in shown
