"""Late fee rules and early-payment offers: versions, two people, once for each account."""

import datetime
import itertools
import re
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from billing.models import Account, Bill, CreditEntry, EarlyPaymentOffer, LateFeePolicy, OfferUse
from billing.services.accounts import offers
from billing.services.accounts.late_fee_policies import StartsTooEarly, new_policy
from billing.services.accounts.offers import SamePerson, WrongState, make_offer
from billing.services.accounts.posting import Credit, Portion, post_credits
from community.models import Role, today
from tests.factories.billing import FeeItemFactory, OfferFactory, make_bill
from tests.factories.community import CommunityFactory, MembershipFactory, StaffUserFactory
from tests.races import errors_in, together

from .small import Q2, issue, small_community

pytestmark = pytest.mark.django_db
State = EarlyPaymentOffer.State
BY = datetime.date(2026, 3, 31)
JANUARY = datetime.datetime(2026, 1, 1, 4, tzinfo=datetime.UTC)


def pay(account, yuan, day=BY, kind=CreditEntry.Kind.PAYMENT):
    with transaction.atomic():
        post_credits([Credit(account.pk, kind, day, (Portion(Decimal(yuan)),))])


def still_open(*bills):
    rows = Bill.objects.with_open().filter(pk__in=[bill.pk for bill in bills])
    return sum(bill.open_amount for bill in rows)


@pytest.fixture
def year():
    """Two bills of one account, 1000.00 each for the first half-year, and 5 % off for both."""
    first = make_bill("1000.00", "20.00")
    second = make_bill("1000.00", "20.00", account=first.account, quarter=2)
    OfferFactory(
        community=first.account.community,
        ends_on=datetime.date(2026, 6, 30),
        pay_by=BY,
        items=[first.charges.get(fee_item__position=1).fee_item],
    )
    return first, second


def test_less_the_discount_suffices_and_it_settles_the_rest(year):
    account = year[0].account
    pay(account, "1919.99")
    assert not OfferUse.objects.exists(), "of the offer's lines 100.01 are open"
    pay(account, "20.01")
    assert still_open(*year) == 0
    use = OfferUse.objects.get()
    assert use.credit_entry.amount == Decimal("100.00")
    assert use.credit_entry.kind == CreditEntry.Kind.DISCOUNT


def test_who_pays_all_of_it_gets_the_discount_as_credit(year):
    account = year[0].account
    pay(account, "2040.00")
    assert still_open(*year) == 0
    assert Account.objects.with_balance().get(pk=account.pk).credit == Decimal("100.00")


def test_a_day_late_or_other_than_money_earns_nothing(year):
    account = year[0].account
    pay(account, "1940.00", day=BY + datetime.timedelta(days=1))
    pay(account, "100.00", day=BY)
    assert not OfferUse.objects.exists()


def test_an_opening_credit_earns_nothing(year):
    pay(year[0].account, "1940.00", kind=CreditEntry.Kind.OPENING)
    assert not OfferUse.objects.exists()


def test_who_had_paid_before_there_was_an_offer_earns_nothing_by_chance():
    early, late = (make_bill("1000.00", issued_at=JANUARY) for _ in range(2))
    pay(early.account, "1000.00", day=datetime.date(2026, 1, 15))
    for bill in (early, late):
        OfferFactory(
            community=bill.account.community,
            ends_on=datetime.date(2026, 3, 31),
            pay_by=BY,
            items=[bill.charges.get().fee_item],
            approved_at=JANUARY + datetime.timedelta(days=30),
        )
    pay(early.account, "500.00", day=datetime.date(2026, 3, 1))  # months ahead: another matter
    assert not OfferUse.objects.filter(account=early.account).exists()
    pay(late.account, "950.00", day=datetime.date(2026, 3, 1))
    assert OfferUse.objects.get(account=late.account).credit_entry.amount == Decimal("50.00")


def test_no_discount_is_older_than_its_offer():
    approved_at = JANUARY + datetime.timedelta(days=30)
    bill = make_bill("1000.00", issued_at=approved_at + datetime.timedelta(days=1))
    OfferFactory(
        community=bill.account.community,
        ends_on=datetime.date(2026, 3, 31),
        pay_by=BY,
        items=[bill.charges.get().fee_item],
        approved_at=approved_at,
    )
    pay(bill.account, "1000.00", day=datetime.date(2025, 12, 1))
    assert OfferUse.objects.get().credit_entry.value_date == approved_at.date()


def test_nothing_is_earned_before_all_months_are_billed():
    bill = make_bill("1000.00")
    OfferFactory(community=bill.account.community, items=[bill.charges.get().fee_item])
    pay(bill.account, "1000.00")
    assert not OfferUse.objects.exists()
    assert Account.objects.with_balance().get(pk=bill.account_id).credit == 0


def test_what_was_prepaid_in_time_earns_it_when_the_last_month_is_billed():
    community = small_community(units=1)
    issue(community)
    account = Account.objects.get()
    item = community.fee_items.get(name="物业服务费")
    OfferFactory(community=community, ends_on=datetime.date(2026, 6, 30), pay_by=BY, items=[item])
    # Two quarters of 705.00 + 24.00, less 5 % of 1410.00, before the second is billed.
    pay(account, "1387.50")
    assert not OfferUse.objects.exists()
    issue(community, **Q2)
    assert OfferUse.objects.get().credit_entry.amount == Decimal("70.50")
    assert still_open(*Bill.objects.all()) == 0
    assert Account.objects.with_balance().get().credit == 0


def test_once_for_each_account(year):
    account = year[0].account
    pay(account, "2040.00")
    pay(account, "500.00")
    assert OfferUse.objects.count() == 1
    entry = CreditEntry.objects.create(
        account=account, kind=CreditEntry.Kind.DISCOUNT, amount=1, value_date=BY
    )
    offer = OfferUse.objects.get().offer
    with pytest.raises(IntegrityError), transaction.atomic():
        OfferUse.objects.create(offer=offer, account=account, credit_entry=entry)


@pytest.mark.django_db(transaction=True)
def test_two_payments_at_one_moment_earn_it_once():
    bill = make_bill("1000.00")
    OfferFactory(
        community=bill.account.community,
        ends_on=datetime.date(2026, 3, 31),
        items=[bill.charges.get().fee_item],
    )
    outcomes = together(*(partial(pay, bill.account, "950.00") for _ in range(2)))
    assert errors_in(outcomes) == []
    assert OfferUse.objects.count() == 1
    assert still_open(bill) == 0


def ask(community, by, **changed):
    wanted = {
        "community": community,
        "name": "全年预缴优惠",
        "fee_items": [FeeItemFactory(community=community)],
        "starts_on": datetime.date(2026, 1, 1),
        "ends_on": datetime.date(2026, 12, 31),
        "pay_by": BY,
        "percent": Decimal(5),
        "by": by,
        "form_token": uuid.uuid4(),
    }
    return make_offer(**(wanted | changed))


STEPS = {
    State.APPROVED: lambda offer: offers.approve(offer=offer, by=StaffUserFactory()),
    State.WITHDRAWN: lambda offer: offers.withdraw(offer=offer),
}


@pytest.mark.parametrize(("start", "goal"), [*itertools.product(State, STEPS)])
def test_every_step_from_every_state(start, goal):
    offer = ask(CommunityFactory(), StaffUserFactory())
    if start in STEPS:
        STEPS[start](offer)
    if start == goal or goal in EarlyPaymentOffer.TRANSITIONS[start]:
        assert STEPS[goal](offer).state == goal
    else:
        with pytest.raises(WrongState):
            STEPS[goal](offer)


def test_who_made_it_does_not_approve_it():
    maker = StaffUserFactory()
    offer = ask(CommunityFactory(), maker)
    with pytest.raises(SamePerson):
        offers.approve(offer=offer, by=maker)
    with pytest.raises(IntegrityError), transaction.atomic():
        EarlyPaymentOffer.objects.filter(pk=offer.pk).update(
            state=State.APPROVED, approved_by=maker
        )


def test_an_offer_is_for_whole_months_and_made_once():
    community, maker = CommunityFactory(), StaffUserFactory()
    for wrong in ({"starts_on": datetime.date(2026, 1, 2)}, {"fee_items": []}):
        with pytest.raises(ValueError, match=r"whole months|fee items"):
            ask(community, maker, **wrong)
    token = uuid.uuid4()
    first, again = (ask(community, maker, form_token=token) for _ in range(2))
    assert first == again


def policy(community, day, **changed):
    return new_policy(
        **{"community": community, "starts_on": day, "daily_rate": Decimal("0.0005")} | changed
    )


def test_a_new_rule_ends_the_old_one_and_does_not_reach_back():
    community = CommunityFactory()
    old = policy(community, datetime.date(2026, 1, 1))
    with pytest.raises(StartsTooEarly) as refused:
        policy(community, today() - datetime.timedelta(days=1), daily_rate=Decimal("0.001"))
    assert refused.value.earliest == today()
    new = policy(community, today(), daily_rate=Decimal("0.001"))
    old.refresh_from_db()
    assert old.ends_on == today() - datetime.timedelta(days=1)
    assert policy(community, today(), daily_rate=Decimal("0.001")) == new
    assert LateFeePolicy.objects.count() == 2


class TestPages:
    @pytest.fixture
    def community(self):
        return CommunityFactory()

    @pytest.fixture
    def manager(self, client, community):
        user = MembershipFactory(community=community, role=Role.MANAGER).user
        client.force_login(user)
        return user

    def test_a_rule_is_kept_in_percent(self, client, manager, community):
        url = reverse("billing:late_fees", args=[community.code])
        form = {"starts_on": "2026-01-01", "daily_percent": "0.05", "grace_days": "5"}
        assert client.post(url, form | {"daily_percent": "five"}).status_code == 422
        for _ in range(2):
            client.post(url, form | {"cap_percent": "20"})
        kept = LateFeePolicy.objects.get()
        assert (kept.daily_rate, kept.cap) == (Decimal("0.0005"), Decimal("0.2"))
        early = client.post(url, form | {"starts_on": "2025-01-01"})
        assert early.status_code == 422
        assert re.search(r"0\.05 ?%", early.content.decode())

    def test_an_offer_from_the_form_to_its_approval(self, client, manager, community):
        item = FeeItemFactory(community=community)
        url = reverse("billing:offers", args=[community.code])
        form = {
            "form_token": str(uuid.uuid4()),
            "name": "全年预缴",
            "fee_items": [item.pk],
            "first_month": "2026-01",
            "last_month": "2026-12",
            "pay_by": "2026-03-31",
            "percent": "5",
        }
        assert client.post(url, form | {"last_month": "2025-12"}).status_code == 422
        for _ in range(2):
            client.post(url, form)
        offer = EarlyPaymentOffer.objects.get()
        assert offer.ends_on == datetime.date(2026, 12, 31)
        decide = reverse("billing:decide_offer", args=[community.code, offer.pk])
        client.post(decide, {"do": "approve"})
        offer.refresh_from_db()
        assert offer.state == State.REQUESTED, "not by who made it"
        other = MembershipFactory(community=community, role=Role.ACCOUNTANT).user
        client.force_login(other)
        client.post(decide, {"do": "approve"})
        offer.refresh_from_db()
        assert offer.state == State.APPROVED
