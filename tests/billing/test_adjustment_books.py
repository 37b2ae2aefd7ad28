"""`verify_books` sees what somebody does to late fees, adjustments and discounts."""

import uuid
from datetime import timedelta
from decimal import Decimal

import pytest

from billing.models import Adjustment, BillingPeriod
from billing.services.accounts.adjustment_requests import request_adjustment, request_extra_charge
from billing.services.accounts.adjustments import approve
from community.models import today
from tests.factories.billing import (
    FeeItemFactory,
    LateFeePolicyFactory,
    OfferFactory,
    make_bill,
)
from tests.factories.community import StaffUserFactory
from tests.factories.payments import make_payment

from .test_books import tamper, verify

pytestmark = pytest.mark.django_db

ON_A_BILL = "billing.a_late_fee_stands_on_a_bill_with_a_rule"
POSTED = "billing.an_approved_adjustment_is_what_it_posted"
ANOTHER = "billing.an_adjustment_was_decided_by_another_person"
EXTRA = "billing.an_extra_charge_was_approved"
APPROVED = "billing.what_is_waived_or_given_up_was_approved"
EARNED = "billing.a_discount_was_approved_or_earned"
IN_TIME = "billing.an_offer_was_earned_in_time"
WHAT_STANDS = "billing.a_discount_is_what_its_offer_gives_for_what_stands"
NO_OTHER = "billing.what_lessens_a_charge_settles_no_other"
ONLY_LATE = "billing.only_late_fee_is_taken_back_as_such"
WITHIN_RULE = "billing.late_fees_never_exceed_their_rule"

WAIVER = "(SELECT MIN(id) FROM billing_creditentry WHERE kind = 'waiver')"
LATE = "(SELECT MIN(id) FROM billing_charge WHERE kind = 'late_fee')"
PRINCIPAL = "(SELECT MIN(id) FROM billing_charge WHERE kind = 'fee')"

ADJUSTMENT_TAMPERING = [
    (
        "a fen more of late fee",
        f"UPDATE billing_charge SET amount = amount + 0.01 WHERE id = {LATE}",
        WITHIN_RULE,
    ),
    (
        "money of an earlier day than was reckoned",
        "UPDATE billing_creditentry SET value_date = value_date - 20 WHERE kind = 'payment'",
        WITHIN_RULE,
    ),
    (
        "a late fee beside its bill",
        f"UPDATE billing_charge SET bill_id = NULL WHERE id = {LATE}",
        ON_A_BILL,
    ),
    ("the rule taken away", "DELETE FROM billing_latefeepolicy", ON_A_BILL),
    (
        "a waiver made larger",
        f"UPDATE billing_creditentry SET amount = amount + 1 WHERE id = {WAIVER}",
        POSTED,
    ),
    (
        "a waiver moved to another line",
        f"UPDATE billing_creditentry SET charge_id = {LATE} WHERE id = {WAIVER}",
        POSTED,
    ),
    (
        "an approval taken back after it was posted",
        "UPDATE billing_adjustment SET state = 'withdrawn' WHERE kind = 'waiver'",
        POSTED,
    ),
    (
        "decided by who asked",
        """ALTER TABLE billing_adjustment DROP CONSTRAINT adjustment_decided_by_another;
        UPDATE billing_adjustment SET requested_by_id = decided_by_id""",
        ANOTHER,
    ),
    (
        "an extra charge nobody approved",
        "UPDATE billing_adjustment SET charge_id = NULL, state = 'requested' WHERE kind = 'extra'",
        EXTRA,
    ),
    (
        "a waiver nobody approved",
        f"UPDATE billing_creditentry SET adjustment_id = NULL WHERE id = {WAIVER}",
        APPROVED,
    ),
    ("a discount nobody earned", "DELETE FROM billing_offeruse", EARNED),
    (
        "an offer that was over",
        "UPDATE billing_earlypaymentoffer SET pay_by = DATE '2020-01-01'",
        IN_TIME,
    ),
    (
        "a discount of more than the offer gives",
        "UPDATE billing_earlypaymentoffer SET percent = percent - 0.01",
        WHAT_STANDS,
    ),
    (
        "a discount left whole though its line was taken back",
        """INSERT INTO billing_creditentry
            (account_id, kind, amount, value_date, charge_id, created_at)
        SELECT k.account_id, 'reversal', k.amount, CURRENT_DATE, k.id, now()
        FROM billing_charge k
        JOIN billing_allocation l ON l.charge_id = k.id
        JOIN billing_offeruse o ON o.credit_entry_id = l.credit_entry_id""",
        WHAT_STANDS,
    ),
    (
        "a discount that is credit",
        """DELETE FROM billing_allocation
        WHERE credit_entry_id = (SELECT credit_entry_id FROM billing_offeruse)""",
        WHAT_STANDS,
    ),
    (
        "a waiver that settles another line",
        f"UPDATE billing_allocation SET charge_id = {LATE} WHERE credit_entry_id = {WAIVER}",
        NO_OTHER,
    ),
    (
        "principal taken back as if it were late fee",
        f"UPDATE billing_creditentry SET kind = 'late_back' WHERE id = {WAIVER}",
        ONLY_LATE,
    ),
]


@pytest.fixture
def books():
    """A bill paid late in part with a waiver, an extra charge, and an offer that was earned."""
    clerk, manager = StaffUserFactory(), StaffUserFactory()
    late = make_bill("1000.00", "200.00")
    account = late.account
    LateFeePolicyFactory(community=account.community, ends_on=late.due_on)

    def pay(yuan, day, bill):
        make_payment(bill, amount=yuan, value_date=day)

    pay("300.00", late.due_on + timedelta(days=30), late)
    asked = request_adjustment(
        kind=Adjustment.Kind.WAIVER,
        charge=late.charges.get(fee_item__position=2),
        amount=Decimal("150.00"),
        reason="电梯停运",
        by=clerk,
        form_token=uuid.uuid4(),
        evidence_note="档案 2026-14",
    )
    approve(adjustment=asked, by=manager)
    extra = request_extra_charge(
        account=account,
        fee_item=FeeItemFactory(community=account.community, name="门禁卡补办"),
        amount=Decimal("25.00"),
        due_on=today(),
        reason="补办",
        by=clerk,
        form_token=uuid.uuid4(),
        evidence_note="档案 2026-15",
    )
    approve(adjustment=extra, by=manager)
    early = make_bill("500.00", account=account, quarter=2)
    OfferFactory(
        community=account.community,
        starts_on=early.charges.get().starts_on,
        ends_on=early.charges.get().ends_on,
        pay_by=early.due_on,
        items=[early.charges.get().fee_item],
        created_by=clerk,
        approved_by=manager,
    )
    pay("475.00", early.due_on, early)
    # What `make_bill` leaves out of its runs, so that only our rules speak.
    for period in BillingPeriod.objects.all():
        run = period.runs.get()
        bills = list(run.bills.all())
        run.summary = {"bills": len(bills), "amount": str(sum(bill.amount for bill in bills))}
        run.save()
    return late


def test_the_books_hold(books):
    assert verify() == (0, set())


@pytest.mark.parametrize(
    ("sql", "rule"),
    [case[1:] for case in ADJUSTMENT_TAMPERING],
    ids=[case[0] for case in ADJUSTMENT_TAMPERING],
)
def test_tampering_is_seen(books, sql, rule):
    tamper(sql)
    code, broken = verify()
    assert code == 1
    assert rule in broken
