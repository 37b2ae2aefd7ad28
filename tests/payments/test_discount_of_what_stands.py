"""An early-payment discount follows its lines: taken back with them, given again with the right."""

import uuid
from datetime import date
from decimal import Decimal

import pytest
from django.urls import reverse

from billing.models import Account, Adjustment, BillRun, Charge, CreditEntry, OfferUse
from billing.services.accounts import adjustment_requests, adjustments, offers
from billing.services.runs.corrections import preview_correction
from billing.services.runs.reversal import reverse_charges, reverse_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Role, Unit, today
from core import books
from payments.services.giving_back import moving_out, refunds
from tests.billing.small import Q1, Q2, issue, small_community
from tests.factories.billing import OfferFactory
from tests.factories.community import MembershipFactory, StaffUserFactory
from tests.factories.payments import make_refund

from .test_moving_out import MIDDLE, pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def by():
    return StaffUserFactory.create()


@pytest.fixture
def account():
    """Billed 705.00 + 24.00 for each of two quarters; 5 % off 1,410.00 for who pays by today."""
    community = small_community()
    issue(community)
    issue(community, **Q2)
    offer(community, date(2026, 6, 30))
    return Account.objects.get(unit__code="1-1-101")


@pytest.fixture
def quarter():
    """Billed 705.00 + 24.00 for the first quarter only; 5 % off 705.00."""
    community = small_community()
    issue(community)
    offer(community, date(2026, 3, 31))
    return Account.objects.get(unit__code="1-1-101")


def offer(community, ends_on):
    item = community.fee_items.get(name="物业服务费")
    return OfferFactory(community=community, ends_on=ends_on, pay_by=today(), items=[item])


def discount(account):
    """What stands of it, by the use and by the entries alike."""
    found = CreditEntry.objects.filter(account=account, kind=CreditEntry.Kind.DISCOUNT)
    total = sum((entry.amount for entry in found), Decimal(0))
    assert OfferUse.objects.get(account=account).standing_amount == total
    return total


def stands(account):
    """(owed, credit) in yuan, with books that hold."""
    assert books.verify().breaks == []
    found = Account.objects.with_balance().get(pk=account.pk)
    return found.owed, found.credit


def run_of(quarter):
    return BillRun.objects.exclude(state="reversed").get(
        kind="regular", period__starts_on=quarter["starts_on"]
    )


def change(account, **facts):
    """The register says so from now on, and the first quarter's run is corrected."""
    if facts:
        Unit.objects.filter(pk=account.unit_id).update(**facts)
    run = preview_correction(run=BillRun.objects.filter(kind="regular").earliest("pk"))
    issue_previewed(run=run, by=StaffUserFactory.create())


def waive(line, yuan):
    asked = adjustment_requests.request_adjustment(
        kind=Adjustment.Kind.WAIVER,
        charge=line,
        amount=Decimal(yuan),
        reason="电梯停运",
        by=StaffUserFactory.create(),
        form_token=uuid.uuid4(),
        evidence_note="档案 2026-14",
    )
    adjustments.approve(adjustment=asked, by=StaffUserFactory.create())


NET, WHOLE = "1387.50", "1458.00"  # two quarters less 5 % of 1,410.00, and without


@pytest.mark.parametrize(("paid", "over"), [(NET, "0.00"), (WHOLE, "70.50")])
def test_a_reversed_run_takes_its_part_along_and_the_right_run_brings_it_back(
    account, by, paid, over
):
    pay(account, paid)
    assert (discount(account), stands(account)) == (Decimal("70.50"), (0, Decimal(over)))
    assert reverse_run(run=run_of(Q2), by=by, reason="单价错误") > 0
    assert discount(account) == Decimal("35.25")
    # All that he paid beyond 729.00 less 35.25.
    assert stands(account) == (0, Decimal(paid) - Decimal("693.75"))
    assert reverse_run(run=run_of(Q1), by=by, reason="又错") > 0
    assert (discount(account), stands(account)) == (0, (0, Decimal(paid)))
    issue(account.community)
    issue(account.community, **Q2)
    assert (discount(account), stands(account)) == (Decimal("70.50"), (0, Decimal(over)))


def test_who_earned_it_keeps_it_though_the_offer_is_withdrawn_before_the_right_run(account, by):
    pay(account, NET)
    reverse_run(run=run_of(Q2), by=by, reason="单价错误")
    offers.withdraw(offer=OfferUse.objects.get().offer)
    issue(account.community, **Q2)
    assert (discount(account), stands(account)) == (Decimal("70.50"), (0, 0))
    # Nobody else earns it any more.
    pay(other := Account.objects.get(unit__code="1-1-102"), WHOLE)
    assert not OfferUse.objects.filter(account=other).exists()


def test_one_line_of_several_and_twice(account):
    pay(account, NET)
    lines = Charge.objects.filter(account=account, fee_item__name="物业服务费").order_by("pk")
    run = run_of(Q2)
    for _ in range(2):
        reverse_charges(charges=[lines[1].pk], run=run, value_date=today())
        assert (discount(account), stands(account)) == (
            Decimal("35.25"),
            (0, Decimal("669.75")),
        )
    reverse_charges(charges=[line.pk for line in lines], run=run, value_date=today())
    assert (discount(account), stands(account)) == (0, (0, Decimal("1339.50")))


def test_a_line_that_the_offer_is_not_about_leaves_it_alone(account):
    pay(account, WHOLE)
    waste = Charge.objects.filter(account=account).exclude(fee_item__name="物业服务费")
    reverse_charges(charges=[waste[0].pk], run=run_of(Q2), value_date=today())
    assert (discount(account), stands(account)) == (Decimal("70.50"), (0, Decimal("94.50")))


def test_a_smaller_bill_has_a_smaller_discount_and_a_larger_one_no_larger(quarter):
    pay(quarter, "693.75")
    change(quarter, area=80)
    # 5 % of 564.00; he paid 693.75 and owed 564.00 + 24.00 − 28.20.
    assert (discount(quarter), stands(quarter)) == (Decimal("28.20"), (0, Decimal("133.95")))
    change(quarter, area=120)
    # 846.00 + 24.00: what is left of it after his money and the discount that he has is open.
    assert (discount(quarter), stands(quarter)) == (Decimal("28.20"), (Decimal("148.05"), 0))


def test_the_rest_of_a_larger_bill_paid_in_time_earns_the_rest_of_the_discount(quarter):
    pay(quarter, "693.75")
    change(quarter, area=120)
    assert (discount(quarter), stands(quarter)) == (Decimal("35.25"), (Decimal("141.00"), 0))
    position = moving_out.position(quarter)
    # 5 % of 846.00 less 35.25.
    assert (position.discount, position.to_pay) == (Decimal("7.05"), Decimal("133.95"))
    pay(quarter, position.to_pay)
    assert (discount(quarter), stands(quarter)) == (Decimal("42.30"), (0, 0))


def test_what_is_waived_afterwards_gets_no_discount_either(quarter, by):
    pay(quarter, "693.75")
    line = Charge.objects.get(account=quarter, fee_item__name="物业服务费")
    waive(line, "100.00")
    # 5 % of 605.00
    assert (discount(quarter), stands(quarter)) == (Decimal("30.25"), (0, Decimal("95.00")))


@pytest.mark.parametrize(("paid", "back"), [("693.75", "346.88"), ("729.00", "382.13")])
def test_moving_out_pays_back_his_own_money_and_no_fen_of_discount(quarter, by, paid, back):
    pay(quarter, paid)
    clearance = moving_out.begin(account=quarter, day=MIDDLE, by=by)
    now = moving_out.position(quarter)
    # He owes half: 364.50 less 5 % of 352.50.
    assert discount(quarter) == Decimal("17.63")
    assert (now.to_pay, now.refundable, now.credit) == (0, Decimal(back), Decimal(back))
    with pytest.raises(moving_out.NotClear):
        moving_out.clear(clearance.pk, by=by)
    refunds.pay_in_cash(make_refund(quarter, back, approved=True).pk, by=by)
    note = moving_out.clear(clearance.pk, by=by).snapshot
    assert (note["owed"], note["credit"]) == ("0.00", "0.00")
    assert stands(quarter) == (0, 0)


def test_he_stays_after_all_and_has_the_whole_discount_again(quarter, by):
    pay(quarter, "693.75")
    clearance = moving_out.begin(account=quarter, day=MIDDLE, by=by)
    assert discount(quarter) == Decimal("17.63")
    moving_out.take_back(clearance.pk, by=by)
    change(quarter)
    assert (discount(quarter), stands(quarter)) == (Decimal("35.25"), (0, 0))


def test_nothing_is_cleared_while_any_credit_is_left(quarter, by):
    pay(quarter, "729.00")
    clearance = moving_out.begin(account=quarter, day=date(2026, 3, 31), by=by)
    now = moving_out.position(quarter)
    assert (now.credit, now.refundable, now.is_clear) == (Decimal("35.25"),) * 2 + (False,)
    refunds.pay_in_cash(make_refund(quarter, "35.25", approved=True).pk, by=by)
    assert moving_out.clear(clearance.pk, by=by).snapshot["credit"] == "0.00"


def test_credit_that_nobody_paid_is_in_the_way_too(client, quarter, by):
    pay(quarter, "693.75")
    clearance = moving_out.begin(account=quarter, day=date(2026, 3, 31), by=by)
    CreditEntry.objects.create(
        account=quarter, kind=CreditEntry.Kind.DISCOUNT, amount=1, value_date=MIDDLE
    )
    with pytest.raises(moving_out.NotClear) as refused:
        moving_out.clear(clearance.pk, by=by)
    now = refused.value.position
    assert (now.to_pay, now.goes_back, now.credit) == (0, 0, 1)
    manager = MembershipFactory(community=quarter.community, role=Role.MANAGER)
    client.force_login(manager.user)
    url = reverse("payments:clearance", args=[quarter.community.code, clearance.pk])
    page = client.get(url).content.decode()
    assert "data-nobody-paid" in page
    assert reverse("payments:clear", args=[quarter.community.code, clearance.pk]) not in page


def test_a_waiver_that_fell_with_its_line_settles_no_other(quarter, by):
    line = Charge.objects.get(account=quarter, fee_item__name="物业服务费")
    waive(line, "100.00")
    pay(quarter, "629.00")
    reverse_run(run=run_of(Q1), by=by, reason="单价错误")
    issue(quarter.community)
    assert stands(quarter)[1] == 0
