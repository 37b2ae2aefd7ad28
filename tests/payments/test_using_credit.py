"""Credit used for what is open because its payer or the desk asks: as at issue, once, not more."""

import datetime
import io
import uuid
from decimal import Decimal

import pytest
from django.urls import reverse
from pypdf import PdfReader

from billing.models import Account, Allocation, Bill, Charge, CreditEntry
from billing.services.accounts.late_fees import accrued
from community.models import today
from core import books
from payments.models import CreditUse, Payment, Refund
from payments.services.giving_back import refunds
from payments.services.receiving.record import Share
from payments.services.using_credit import free_credit_of, prospects, use_credit_now
from payments.statement import load_statement
from payments.statement.paper import statement_pdf
from payments.statement.workbook import _rows
from tests.factories.billing import LateFeePolicyFactory, OfferFactory, make_bill
from tests.factories.community import BindingFactory, StaffUserFactory, UserFactory
from tests.factories.payments import make_order, make_payment, make_refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def bill():
    """300 yuan, paid twice today: all of it is credit once more."""
    paid = make_bill("300.00")
    make_payment(paid, amount="600.00")
    return paid


@pytest.fixture
def account(bill):
    return bill.account


def use(account, **more):
    wanted = {"by": UserFactory.create(), "token": uuid.uuid4()}
    return use_credit_now(account_ids=[account.pk], **(wanted | more))


def money(account):
    return Account.objects.with_balance().get(pk=account.pk)


def prospect(account):
    found = prospects([Account.objects.with_balance().get(pk=account.pk)])
    return found[0] if found else None


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def sound():
    assert books.verify().breaks == []


def test_the_oldest_due_is_settled_first_and_who_asked_is_kept(account):
    second = make_bill("200.00", account=account, quarter=2)
    third = make_bill("250.00", account=account, quarter=3)
    by = UserFactory.create()
    (made,) = use(account, by=by)
    assert (made.amount, made.asked_by) == (300, by)
    assert (still_open(second), still_open(third)) == (0, 150)
    settled = [
        (line.allocation.charge.bill_id, line.allocation.amount) for line in made.lines.all()
    ]
    assert settled == [(second.pk, 200), (third.pk, 100)]
    assert money(account).credit == 0
    sound()


def test_twice_uses_nothing_more(account):
    make_bill("100.00", account=account, quarter=2)
    token, by = uuid.uuid4(), UserFactory.create()
    (first,) = use(account, token=token, by=by)
    make_bill("100.00", account=account, quarter=3)  # open, and credit is left: yet it is one form
    assert use(account, token=token, by=by) == [first]
    assert money(account).credit == 200
    assert CreditUse.objects.count() == 1


def test_with_nothing_open_or_no_credit_nothing_is_written(account):
    assert use(account) == []
    make_bill("400.00", account=account, quarter=2)
    use(account)
    assert use(account) == []
    assert CreditUse.objects.count() == 1
    sound()


def test_another_accounts_bills_are_let_be(account):
    other = make_bill("100.00", quarter=2)
    assert use(other.account) == []
    assert still_open(other) == 100
    assert money(account).credit == 300


# --- late fees: to the money's own day -----------------------------------------------------------


@pytest.fixture
def late(account):
    """1000 yuan at 0.05 % a day, due on 15 May."""
    LateFeePolicyFactory.create(community=account.community)
    return make_bill("1000.00", account=account, quarter=2)


def test_money_that_lay_here_bears_no_late_fee_from_its_day_on(account, late):
    """What came on 25 May stops the late fee of what it settles on 25 May, whenever it is used."""
    day = late.due_on + datetime.timedelta(days=10)
    make_payment(
        late, amount="400.00", value_date=day, shares=[Share(account.pk, Decimal("400.00"), ())]
    )
    before = late_fee_of(late)
    (made,) = use(account)
    assert made.amount == 700
    posted = Charge.objects.filter(bill=late, kind=Charge.Kind.LATE_FEE)
    days = (today() - late.due_on).days
    # 10 days on 1000, then the days up to today on what was left of it.
    assert posted.order_by("pk").first().amount == Decimal("5.00")
    assert before == Decimal("0.50") * days
    assert late_fee_of(late) + sum(one.amount for one in posted) < before
    sound()


def late_fee_of(bill):
    return accrued(bill_ids=[bill.pk], on=today()).get(bill.pk, Decimal(0))


def test_money_of_today_settles_the_late_fee_of_today(account, late):
    fee = late_fee_of(late)
    make_payment(late, amount="2000.00", shares=[Share(account.pk, Decimal("2000.00"), ())])
    use(account)
    assert still_open(late) == 0
    assert [c.amount for c in Charge.objects.filter(kind=Charge.Kind.LATE_FEE)] == [fee]
    sound()


# --- what would be left --------------------------------------------------------------------------


def test_what_a_page_says_is_what_happens(account, late):
    said = prospect(account)
    assert (said.free, said.used) == (300, 300)
    assert CreditUse.objects.count() == 0
    assert not Allocation.objects.filter(charge__bill=late).exists(), "a look changes nothing"
    use(account)
    assert said.left == money(account).owed + late_fee_of(late)
    assert prospect(account) is None


def test_what_is_left_of_the_credit(account):
    make_bill("100.00", account=account, quarter=2)
    said = prospect(account)
    assert (said.used, said.left, said.stays) == (100, 0, 200)


def test_without_both_nothing_is_asked(account, django_assert_num_queries):
    paid = money(account)
    poor = money(make_bill("20.00").account)
    with django_assert_num_queries(0):
        assert prospects([paid, poor]) == []


def test_an_early_payment_discount_is_given(account):
    """By money of a day in time, as at issue."""
    item = make_bill("100.00", account=account, quarter=2).charges.get().fee_item
    OfferFactory.create(
        community=account.community,
        items=[item],
        starts_on=datetime.date(2026, 4, 1),
        ends_on=datetime.date(2026, 6, 30),
        pay_by=today(),
        approved_at=None,
    )
    make_bill("100.00", account=account, quarter=3)
    use(account)
    discounts = CreditEntry.objects.filter(account=account, kind=CreditEntry.Kind.DISCOUNT)
    assert [one.amount for one in discounts] == [5]
    assert money(account).credit == 105
    sound()


# --- what somebody asked to have back ------------------------------------------------------------


def test_what_is_asked_back_is_let_be(account):
    make_bill("500.00", account=account, quarter=2)
    make_refund(account, "120.00")
    assert free_credit_of([account.pk]) == {account.pk: 180}
    assert prospect(account).free == 180
    (made,) = use(account)
    assert made.amount == 180
    assert money(account).credit == 120
    sound()


def test_what_is_approved_is_gone_and_what_is_rejected_is_free_again(account):
    make_bill("500.00", account=account, quarter=2)
    make_refund(account, "100.00", approved=True)
    refused = make_refund(account, "50.00")
    refunds.reject(refused.pk, by=StaffUserFactory.create(), words="不")
    (made,) = use(account)
    assert made.amount == 200
    sound()


def test_all_of_it_asked_back_leaves_no_button(account):
    make_bill("500.00", account=account, quarter=2)
    make_refund(account, "300.00")
    assert prospect(account) is None
    assert use(account) == []


def test_the_payment_asked_back_is_let_be_not_other_money(account):
    """Both are credit, the older one is on its way back: its approval opens no bill again."""
    bill = make_bill("40.00", account=account, quarter=2)
    first = make_payment(
        bill,
        amount="50.00",
        shares=[Share(account.pk, Decimal("50.00"), ())],
        value_date=today() - datetime.timedelta(days=300),
        method=Payment.Method.WECHAT,
        order=make_order(bill, state="paid"),
    )
    original = {"method": Refund.Method.ORIGINAL, "payment": first}
    refund = make_refund(account, "50.00", **original)
    use(account)
    refunds.approve(refund.pk, by=StaffUserFactory.create())
    assert still_open(bill) == 0
    assert money(account).credit == 260


# --- on the statement ----------------------------------------------------------------------------


def test_the_statement_says_it_and_its_balance_stays(account, client):
    make_bill("200.00", account=account, quarter=2)
    before = load_statement(account)
    use(account)
    after = load_statement(account)
    assert (after.closing, after.charged) == (before.closing, before.charged)
    last = after.lines[-1]
    assert (last.kind, last.day, last.amount) == ("use", today(), 0)
    assert "¥200.00" in last.title
    (row,) = [row for row in _rows(after) if row[1] == last.title]
    assert row[5:] == ("", "", after.closing)
    text = "".join(page.extract_text() for page in PdfReader(_pdf(account, after)).pages)
    assert "200.00" in text
    client.force_login(BindingFactory.create(party=account.party).user)
    page = client.get(reverse("payments:statement", args=[account.pk])).content.decode()
    line = page[page.index('data-line="use"') :].split("</li>")[0]
    assert "¥0.00" not in line


def _pdf(account, statement):
    found = Account.objects.select_related("unit", "party", "community").get(pk=account.pk)
    return io.BytesIO(statement_pdf(found, statement))
