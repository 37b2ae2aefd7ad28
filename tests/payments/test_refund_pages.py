"""The pages of deposits, refunds and moving out: every step by hand, wrong input, twice."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Account
from community.models import AccessLog, Party, Role, today
from payments.documents import clearance_pdf, receipt_pdf, voucher_pdf
from payments.models import Clearance, Deposit, Payment, Refund
from payments.services.giving_back import moving_out, refunds
from tests.billing.small import issue, small_community
from tests.factories.community import (
    BindingFactory,
    MembershipFactory,
    OccupancyFactory,
    PartyFactory,
    StaffUserFactory,
)
from tests.factories.payments import make_deposit, make_payment, make_refund
from tests.payments.printed import said, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def account():
    """Somebody whose first quarter is paid, with 71 yuan of credit."""
    community = small_community()
    issue(community)
    found = Account.objects.get(unit__code="1-1-101")
    make_payment(found.bills.get(), amount="800.00")
    return found


@pytest.fixture
def staff(account):
    return {role: MembershipFactory(community=account.community, role=role).user for role in Role}


@pytest.fixture
def at(client, account, staff):
    """The client as somebody, asking a page of the community."""

    class At:
        def __call__(self, role, name, pk=None, data=None, query=""):
            client.force_login(staff[role])
            arguments = [account.community.code] + ([pk] if pk else [])
            url = reverse(f"payments:{name}", args=arguments) + query
            return client.get(url) if data is None else client.post(url, data)

    return At()


CLERK, ACCOUNTANT, MANAGER = Role.CLERK, Role.ACCOUNTANT, Role.MANAGER


# --- deposits ------------------------------------------------------------------------------


def deposit_form(account, **more):
    form = {
        "token": uuid.uuid4(),
        "party": account.party_id,
        "purpose": "装修押金",
        "amount": "2000.00",
        "method": "cash",
    }
    return form | more


def test_a_deposit_is_taken_once_with_a_receipt_that_says_so(at, account):
    form = deposit_form(account, tendered="2100")
    answers = [at(CLERK, "take_deposit", account.unit_id, form) for _ in range(2)]
    deposit = Deposit.objects.get()
    receipt = deposit.payment.receipt
    assert {answer.url for answer in answers} == {reverse("payments:receipt", args=[receipt.pk])}
    assert "装修押金" in text_of(receipt_pdf(receipt))
    assert Account.objects.with_balance().get(pk=account.pk).credit == 71
    assert at(CLERK, "deposits").context["total"] == 2000
    unit = at(CLERK, "take_deposit", account.unit_id)
    assert [one.held for one in unit.context["held"]] == [2000]


def test_a_deposit_is_offered_of_the_payer_first(at, account):
    before = PartyFactory.create(community=account.community, name="Aaron")
    OccupancyFactory.create(unit=account.unit, party=before, role="family", is_payer=False)
    Party.objects.filter(pk=account.party_id).update(name="赵")
    field = at(CLERK, "take_deposit", account.unit_id).context["form"].fields["party"]
    assert [party.pk for party in field.queryset] == [account.party_id, before.pk]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "x"},
        {"purpose": ""},
        {"purpose": "长" * 51},
        {"party": "999999"},
        {"method": "wechat"},
        {"tendered": "1999.99"},
        {"token": "x"},
    ],
)
def test_a_wrong_deposit_is_said_and_nothing_is_taken(at, account, wrong):
    payments = Payment.objects.count()
    answer = at(CLERK, "take_deposit", account.unit_id, deposit_form(account, **wrong))
    assert answer.status_code == 422
    assert Payment.objects.count() == payments


def test_the_deposits_payer_sees_its_receipt(client, account):
    deposit = make_deposit(account)
    client.force_login(BindingFactory.create(party=account.party).user)
    page = client.get(reverse("payments:receipt", args=[deposit.payment.receipt.pk]))
    assert page.status_code == 200
    assert [one.held for one in client.get(reverse("payments:prepay")).context["deposits"]] == [
        1000
    ]


# --- refunds -------------------------------------------------------------------------------


def refund_form(**more):
    form = {"form_token": uuid.uuid4(), "amount": "71.00", "reason": "搬离", "method": "cash"}
    return form | more


def test_from_the_request_to_the_voucher(at, account, staff):
    form = refund_form()
    for _twice in range(2):
        at(CLERK, "ask_refund", account.pk, form)
    refund = Refund.objects.get()
    assert (refund.state, refund.payee_name) == ("requested", account.party.name)
    assert not at(CLERK, "refund", refund.pk).context["decides"]
    assert at(CLERK, "decide_refund", refund.pk, {"decision": "approve"}).status_code == 403
    assert at(MANAGER, "refund", refund.pk).context["decides"]
    at(MANAGER, "decide_refund", refund.pk, {"decision": "approve", "words": "同意"})
    assert [one.pk for one in at(CLERK, "refunds").context["page_obj"]] == [refund.pk]
    for _twice in range(2):
        at(CLERK, "pay_refund", refund.pk, {})
    refund.refresh_from_db()
    assert (refund.state, refund.decision) == ("paid", "同意")
    assert not at(CLERK, "refunds").context["page_obj"].object_list
    printed = at(CLERK, "refund_voucher", refund.pk)
    assert printed["Content-Type"] == "application/pdf"
    text = text_of(voucher_pdf(refund.voucher))
    assert refund.voucher.code in text
    assert "柒拾壹元整" in text
    assert said("Signature of the payee") in text


def test_who_asked_cannot_approve(at, account, staff):
    at(MANAGER, "ask_refund", account.pk, refund_form())
    refund = Refund.objects.get()
    at(MANAGER, "decide_refund", refund.pk, {"decision": "approve"})
    assert Refund.objects.get().state == "requested"
    page = at(MANAGER, "refund", refund.pk)
    assert (page.context["decides"], page.context["own"]) == (False, True)


def test_a_rejection_and_a_failure_want_words(at, account):
    asked, approved = make_refund(account, "1.00"), make_refund(account, "1.00", approved=True)
    at(MANAGER, "decide_refund", asked.pk, {"decision": "reject"})
    at(CLERK, "end_refund", approved.pk, {"ending": "failed"})
    assert set(Refund.objects.values_list("state", flat=True)) == {"requested", "approved"}
    at(MANAGER, "decide_refund", asked.pk, {"decision": "reject", "words": "资料不全"})
    at(CLERK, "end_refund", approved.pk, {"ending": "failed", "words": "账号有误"})
    assert set(Refund.objects.values_list("state", flat=True)) == {"rejected", "failed"}
    assert refunds.refundable(account.pk) == 71


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"amount": "71.01"}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-1"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"reason": " "}, "reason"),
        ({"method": "gold"}, "method"),
        ({"method": "transfer"}, "payee_account"),
        ({"method": "transfer", "payee_account": "12-34"}, "payee_account"),
    ],
)
def test_a_wrong_request_is_said(at, account, wrong, field):
    answer = at(CLERK, "ask_refund", account.pk, refund_form(**wrong))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Refund.objects.exists()


def test_a_transfer_is_recorded_by_an_accountant_who_sees_the_account_on_record(at, account):
    form = refund_form(
        amount="70.00", method="transfer", payee_bank="建行", payee_account="6217 0000 1234 5678"
    )
    at(CLERK, "ask_refund", account.pk, form)
    refund = Refund.objects.get()
    refunds.approve(refund.pk, by=StaffUserFactory.create())
    assert "6217" not in at(ACCOUNTANT, "refund", refund.pk).content.decode()
    at(ACCOUNTANT, "refund_account", refund.pk, {"reason": " "})
    assert not AccessLog.objects.exists()
    shown = at(ACCOUNTANT, "refund_account", refund.pk, {"reason": "转账"})
    assert "6217000012345678" in shown.content.decode()
    assert AccessLog.objects.get().field == "bank_account"
    bad = at(ACCOUNTANT, "transfer_refund", refund.pk, {"day": "x", "reference": ""})
    assert bad.status_code == 422
    taken = make_refund(account, "1.00", method="transfer", payee_account="62170000")
    Refund.objects.filter(pk=taken.pk).update(reference="T0")
    ahead = today() + datetime.timedelta(days=1)
    for day, reference, field in (
        ("2020-01-01", "T1", "day"),
        (ahead.isoformat(), "T1", "day"),
        (today().isoformat(), "T0", "reference"),
    ):
        data = {"day": day, "reference": reference}
        wrong = at(ACCOUNTANT, "transfer_refund", refund.pk, data)
        assert wrong.status_code == 422
        assert field in wrong.context["transfer"].errors
        assert f'value="{reference}"' in wrong.content.decode(), "what was typed stays"
        assert Refund.objects.get(pk=refund.pk).state == "approved"
    at(ACCOUNTANT, "transfer_refund", refund.pk, {"day": today().isoformat(), "reference": "T1"})
    refund.refresh_from_db()
    assert (refund.state, refund.reference) == ("paid", "T1")
    # The bank's number says that it arrived: nobody has to sign.
    assert said("Signature of the payee") not in text_of(voucher_pdf(refund.voucher))


def test_a_deposit_goes_back_in_part(at, account):
    deposit = make_deposit(account)
    query = f"?deposit={deposit.pk}"
    assert at(CLERK, "ask_refund", account.pk, query=query).context["available"] == 1000
    wrong = refund_form(amount="900.00", withheld="100.00")
    answer = at(CLERK, "ask_refund", account.pk, wrong, query)
    assert "withheld_reason" in answer.context["form"].errors
    at(CLERK, "ask_refund", account.pk, wrong | {"withheld_reason": "墙面损坏"}, query)
    refund = Refund.objects.get()
    assert (refund.amount, refund.withheld) == (900, 100)
    assert at(CLERK, "ask_refund", account.pk, query="?deposit=x").status_code == 404


def test_lists_ask_a_bounded_number_of_questions(
    at, account, django_assert_max_num_queries, client
):
    for _n in range(3):
        make_deposit(account)
        make_refund(account, "1.00")
    at(MANAGER, "refunds")
    with django_assert_max_num_queries(14):
        at(MANAGER, "refunds", query="?all")
    with django_assert_max_num_queries(14):
        at(MANAGER, "deposits", query="?all")


# --- moving out ----------------------------------------------------------------------------


def test_from_the_day_to_the_note(at, account):
    form = {"day": "2026-02-14", "name": "李四", "phone": "138 0000 0009", "role": "owner"}
    for _twice in range(2):
        answer = at(CLERK, "move_out", account.unit_id, form)
    clearance = Clearance.objects.get()
    assert answer.url == reverse("payments:clearance", args=[account.community.code, clearance.pk])
    page = at(CLERK, "clearance", clearance.pk)
    assert page.context["position"].refundable == Decimal("435.50")
    assert page.context["next_payer"].party.name == "李四"
    at(CLERK, "clear", clearance.pk, {})
    assert Clearance.objects.get().state == "open"
    assert at(CLERK, "clearance_note", clearance.pk).status_code == 404
    refund = make_refund(account, "435.50", approved=True)
    refunds.pay_in_cash(refund.pk, by=StaffUserFactory.create())
    at(CLERK, "clear", clearance.pk, {})
    found = Clearance.objects.get()
    assert found.state == "cleared"
    note = at(CLERK, "clearance_note", clearance.pk)
    assert note["Content-Type"] == "application/pdf"
    text = text_of(clearance_pdf(found))
    for word in (found.code, "1-1-101", account.party.name, "2026-02-14", refund.voucher.code):
        assert word in text
    at(CLERK, "take_back_clearance", clearance.pk, {})
    assert Clearance.objects.get().state == "cleared"


def test_what_he_still_pays_is_ticked_at_the_counter(at, account):
    day = account.bills.get().run.period.ends_on.replace(month=4, day=15)
    moving_out.begin(account=account, day=day, by=StaffUserFactory.create())
    page = at(CLERK, "collect", account.unit_id, query=f"?account={account.pk}")
    assert page.context["owed"] == moving_out.position(account).to_pay == Decimal("50.50")


def test_the_pages_questions_are_bounded(at, account, django_assert_max_num_queries):
    clearance = moving_out.begin(account=account, day=today(), by=StaffUserFactory.create())
    at(CLERK, "clearance", clearance.pk)
    with django_assert_max_num_queries(45):
        at(CLERK, "clearance", clearance.pk)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"day": ""}, "day"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "1899-12-31"}, "day"),
        ({"day": "2199-01-01"}, "day"),
        ({"phone": "123"}, "phone"),
        ({"phone": "13800000009"}, "name"),
        ({"name": "长" * 101}, "name"),
        ({"role": "king"}, "role"),
    ],
)
def test_a_wrong_move_is_said_and_nothing_is_changed(at, account, wrong, field):
    answer = at(CLERK, "move_out", account.unit_id, {"day": "2026-02-14", "role": "owner"} | wrong)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Clearance.objects.exists()
    assert account.unit.occupancies.get().ends_on is None


def test_a_mistake_is_taken_back(at, account):
    at(CLERK, "move_out", account.unit_id, {"day": "2026-02-14"})
    clearance = Clearance.objects.get()
    for _twice in range(2):
        at(CLERK, "take_back_clearance", clearance.pk, {})
    assert Clearance.objects.get().state == "withdrawn"
    assert account.unit.occupancies.get().ends_on is None
    assert at(CLERK, "clearance", clearance.pk).status_code == 200
