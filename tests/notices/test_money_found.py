"""Money found in a channel's bill is told as what it is: nobody paid anything just now."""

import json
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone, translation

from billing.models import Bill
from community.models import User, today
from notices import content
from notices.models import Delivery, Notice
from payments.models import Payment, Reconciliation, ReconciliationLine
from payments.services.channels import differences
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import PartyFactory, StaffUserFactory
from tests.factories.payments import make_order, make_payment
from tests.notices.test_fee_texts import TEMPLATES

pytestmark = pytest.mark.django_db
FOUND = "our books did not have"


@pytest.fixture
def bill() -> Bill:
    party = PartyFactory(phone="13900000001", email="li@example.com")
    return make_bill("30.00", account=AccountFactory(party=party))


@pytest.fixture
def accountant() -> User:
    user: User = StaffUserFactory()
    return user


def missing(bill: Bill, amount: str, *, ordered: bool = False) -> ReconciliationLine:
    """A payment of `amount` yuan in the channel's bill of today that our books do not have."""
    day = Reconciliation.objects.create(
        community=bill.account.community,
        provider="wechatpay",
        day=today(),
        digest="0" * 64,
        their_lines=1,
        compared_at=timezone.now(),
    )
    order = make_order(bill, state="closed") if ordered else None
    return ReconciliationLine.objects.create(
        reconciliation=day,
        kind=ReconciliationLine.Kind.NOT_HERE,
        flow=ReconciliationLine.Flow.PAYMENT,
        out_trade_no=order.out_trade_no if order else "X1",
        order=order,
        theirs=Decimal(amount),
    )


def told() -> list[str]:
    """The page, the mail and its subject of the only notice, in English."""
    notice = Notice.objects.get()
    mail = Delivery.objects.get(channel="email")
    with translation.override("en"):
        subject, page = content.page_of(notice)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "LANGUAGE_CODE", "en")
        return [page, content.message_of(mail).text, subject]


def test_it_is_no_new_payment(bill: Bill, accountant: User) -> None:
    line = missing(bill, "5.00")
    differences.keep(line.pk, by=accountant, account=bill.account)
    page, text, subject = told()
    for said in (page, text):
        assert FOUND in said
        assert "this is no new payment" in said
        assert "It is kept as your credit" in said
        assert "your payment has arrived" not in said
        assert "¥5.00" in said
    assert "found in the channel" in subject
    short = content.message_of(Delivery.objects.get(channel="sms"))
    receipt = Payment.objects.get().receipt
    assert short.template == "money_found"
    assert (short.params["amount"], short.params["receipt"]) == ("5.00", receipt.code)
    assert short.params["day"] == f"{today():%m-%d}"
    wanted = json.loads(TEMPLATES.read_text())["templates"][settings.SMS_TEMPLATES["money_found"]]
    assert all(f"${{{name}}}" in wanted for name in short.params)


@pytest.mark.parametrize(
    ("amount", "says"),
    [("20.00", "It has paid what you owed."), ("31.50", "¥1.50 of it is kept as your credit")],
)
def test_what_an_order_was_for_is_told_as_paid(
    bill: Bill, accountant: User, amount: str, says: str
) -> None:
    line = missing(bill, amount, ordered=True)
    differences.keep(line.pk, by=accountant)
    page, text, _subject = told()
    for said in (page, text):
        assert FOUND in said
        assert says in said


def test_a_payment_at_the_desk_is_told_as_ever(bill: Bill) -> None:
    make_payment(bill)
    page, text, _subject = told()
    for said in (page, text):
        assert FOUND not in said
        assert "your payment has arrived" in said
