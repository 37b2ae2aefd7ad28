"""Whatever happens to an account, the button never takes more than is free, and the books hold."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from billing.models import Account, Bill, Charge, EarlyPaymentOffer
from billing.services.accounts.late_fees import accrued
from billing.services.accounts.posting import credit_of, use_credit
from community.models import today
from core import books
from payments.models import CreditUse, OrderBill, Payment, Refund
from payments.services.giving_back import refunds
from payments.services.receiving.record import Share
from payments.services.using_credit import prospects, use_credit_now
from tests.factories.billing import AccountFactory, LateFeePolicyFactory, OfferFactory, make_bill
from tests.factories.community import StaffUserFactory
from tests.factories.payments import PaymentOrderFactory, make_payment, make_refund

pytestmark = pytest.mark.django_db

yuan = st.integers(1, 40_000).map(lambda n: Decimal(n).scaleb(-2))
days_ago = st.integers(0, 250)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("bill"), yuan),
        st.tuples(st.just("pay"), yuan, days_ago),
        st.tuples(st.just("keep"), yuan, days_ago),
        st.tuples(st.just("online"), yuan),
        st.tuples(st.just("issue")),
        st.tuples(st.just("use")),
        st.tuples(st.just("again")),
        st.tuples(st.just("ask"), yuan),
        st.tuples(st.just("ask online")),
        st.tuples(st.just("approve")),
        st.tuples(st.just("reject")),
        st.tuples(st.just("give back")),
    ),
    min_size=4,
    max_size=14,
)


class World:
    """One account, and everybody who does something to it."""

    def __init__(self, late_fee: bool, offer: bool) -> None:
        self.account = AccountFactory.create()
        self.clerk, self.boss = StaffUserFactory.create(), StaffUserFactory.create()
        self.token, self.bills = uuid.uuid4(), 0
        if late_fee:
            LateFeePolicyFactory.create(community=self.account.community)
        self.bill("100.00")
        if offer:
            OfferFactory.create(
                community=self.account.community,
                items=[Charge.objects.get(account=self.account).fee_item],
                ends_on=datetime.date(2026, 6, 30),
                pay_by=today(),
                approved_at=None,
                state=EarlyPaymentOffer.State.APPROVED,
            )

    def do(self, step):
        getattr(self, step[0].replace(" ", "_"))(*step[1:])

    def bill(self, amount):
        year, quarter = divmod(self.bills, 4)
        self.bills += 1
        if year < 2:
            make_bill(amount, account=self.account, quarter=quarter + 1, year=2025 + year)

    def receive(self, amount, ago, bill_ids, **more):
        day = today() - datetime.timedelta(days=ago)
        share = Share(self.account.pk, amount, bill_ids)
        bill = Bill.objects.filter(account=self.account).first()
        make_payment(bill, amount=amount, shares=[share], value_date=day, **more)

    def pay(self, amount, ago):
        self.receive(amount, ago, None)

    def keep(self, amount, ago):
        self.receive(amount, ago, ())

    def online(self, amount):
        bill = Bill.objects.filter(account=self.account).first()
        community = self.account.community
        order = PaymentOrderFactory.create(community=community, amount=amount, state="paid")
        OrderBill.objects.create(order=order, bill=bill, amount=amount)
        self.receive(amount, 0, (), method=Payment.Method.WECHAT, order=order)

    def issue(self):
        use_credit(account_ids=[self.account.pk])

    def asked(self):
        waiting = Refund.objects.filter(account=self.account, state="requested")
        return waiting.order_by("pk").first()

    def ask(self, amount):
        there = refunds.refundable(self.account.pk)
        if there:
            make_refund(self.account, min(amount, there), by=self.clerk)

    def ask_online(self):
        payment = Payment.objects.filter(order__isnull=False).order_by("-pk").first()
        if payment and (there := refunds.refundable_of(payment, self.account.pk)):
            more = {"method": Refund.Method.ORIGINAL, "payment": payment, "by": self.clerk}
            make_refund(self.account, there, **more)

    def approve(self):
        if (one := self.asked()) is None:
            return
        try:
            refunds.approve(one.pk, by=self.boss)
        except refunds.NotEnough:
            event("not enough")

    def reject(self):
        if one := self.asked():
            refunds.reject(one.pk, by=self.boss, words="不")

    def give_back(self):
        one = Refund.objects.filter(account=self.account, state="approved").first()
        if one:
            refunds.withdraw(one.pk, by=self.boss)

    def again(self):
        """The form of the last press: nothing more."""
        before = CreditUse.objects.count(), self.credit()
        if CreditUse.objects.filter(form_token=self.token).exists():
            use_credit_now(account_ids=[self.account.pk], by=self.clerk, token=self.token)
            assert (CreditUse.objects.count(), self.credit()) == before

    def use(self):
        """Says first what it will do; takes nothing that somebody asked for; then nothing more."""
        said = prospects([Account.objects.with_balance().get(pk=self.account.pk)])
        before, asked = self.credit(), list(self.waiting())
        possible = {one for one in asked if refunds.available_for(one) >= one.amount}
        self.token = uuid.uuid4()
        made = use_credit_now(account_ids=[self.account.pk], by=self.clerk, token=self.token)
        assert [one.used for one in said] == [one.amount for one in made]
        if made:
            event("used")
            assert said[0].left == self.owed()
            assert made[0].amount <= said[0].free <= before
        assert not use_credit_now(account_ids=[self.account.pk], by=self.clerk, token=uuid.uuid4())
        assert {one for one in asked if refunds.available_for(one) >= one.amount} == possible
        credit_asked = sum(one.amount for one in asked if one.payment_id is None)
        assert self.credit() >= min(before, credit_asked)

    def can_go_back(self):
        """Whether each online payment can go back whole, less what went, the way it came."""
        for payment in Payment.objects.filter(order__isnull=False):
            gone = Refund.objects.filter(payment=payment, state="approved")
            left = payment.amount - sum(gone.values_list("amount", flat=True))
            if refunds.refundable_of(payment, self.account.pk) != left:
                return False
        return True

    def waiting(self):
        return Refund.objects.filter(account=self.account, state="requested")

    def credit(self):
        return credit_of([self.account.pk]).get(self.account.pk, Decimal(0))

    def owed(self):
        bills = Bill.objects.filter(account=self.account).open().values_list("pk", flat=True)
        late = sum(accrued(bill_ids=list(bills), on=today()).values())
        return Account.objects.with_balance().get(pk=self.account.pk).owed + late


@given(steps=steps, late_fee=st.booleans(), offer=st.booleans())
@example(
    steps=[
        ("keep", Decimal("60.00"), 200),
        ("online", Decimal("50.00")),
        ("ask online",),
        ("use",),
        ("approve",),
        ("use",),
    ],
    late_fee=True,
    offer=False,
)
@example(
    steps=[
        ("online", Decimal("60.00")),
        ("ask online",),
        ("approve",),
        ("online", Decimal("50.00")),
        ("issue",),
    ],
    late_fee=False,
    offer=False,
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_books_hold_and_what_is_asked_back_is_there(steps, late_fee, offer):
    with transaction.atomic():
        world = World(late_fee, offer)
        for step in steps:
            world.do(step)
        world.use()
        assert books.verify().breaks == []
        # A refund of no one payment takes of the account's credit, whoever brought it.
        of_credit = Refund.objects.filter(payment=None, state="approved")
        assert of_credit.exists() or world.can_go_back()
        transaction.set_rollback(True)
