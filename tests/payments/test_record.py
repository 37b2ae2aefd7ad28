"""Money received: posted once, receipted once, whatever is pressed twice."""

import datetime
import uuid
from decimal import Decimal
from functools import partial

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import Account, Bill, CreditEntry
from payments.models import Payment, Posting, Receipt, ReceiptSeries
from payments.services.receiving.record import (
    KeyConflict,
    Received,
    Share,
    payment_record,
    record_payments,
)
from payments.signals import payment_received
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import StaffUserFactory, UnitFactory
from tests.factories.payments import make_payment
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db


def pay(account, amount, *shares, key="k1", **more):
    return payment_record(
        community=account.community,
        method=Payment.Method.CASH,
        amount=Decimal(amount),
        shares=shares,
        value_date=datetime.date(2026, 2, 1),
        idempotency_key=key,
        **more,
    )


def still_open(bill):
    return Bill.objects.with_open().get(pk=bill.pk).open_amount


def lines_of(payment):
    return [(line.account_id, line.charge_id, line.amount) for line in payment.receipt.lines.all()]


def test_one_payment_settles_bills_of_two_units_with_one_receipt():
    first = make_bill("20.00", "5.00")
    account = AccountFactory(
        unit=UnitFactory(building=first.account.unit.building), party=first.account.party
    )
    second = make_bill("40.00", account=account)
    clerk = StaffUserFactory(name="周敏")
    payment = make_payment(first, second, received_by=clerk)

    assert [still_open(bill) for bill in (first, second)] == [0, 0]
    receipt = payment.receipt
    assert receipt.amount == payment.amount == Decimal("65.00")
    assert sorted(line.amount for line in receipt.lines.all()) == [5, 20, 40]
    assert receipt.payer_name == first.account.party.name
    assert receipt.handler_name == "周敏"
    assert len(receipt.check_token) == 43
    entries = CreditEntry.objects.filter(posting__payment=payment)
    assert {entry.account_id: entry.amount for entry in entries} == {
        first.account_id: Decimal("25.00"),
        second.account_id: Decimal("40.00"),
    }


def test_overpayment_becomes_credit_on_the_account_it_was_meant_for():
    bill = make_bill("20.00")
    other = make_bill("90.00", account=bill.account, quarter=2)
    account = bill.account
    payment = pay(account, "50.00", Share(account.pk, Decimal("50.00"), (bill.pk,)))
    assert still_open(bill) == 0
    assert still_open(other) == Decimal("90.00")
    assert Account.objects.with_balance().get(pk=account.pk).credit == Decimal("30.00")
    assert lines_of(payment) == [
        (account.pk, bill.charges.get().pk, Decimal("20.00")),
        (account.pk, None, Decimal("30.00")),
    ]


def test_without_a_choice_the_oldest_bill_is_settled_first():
    newer = make_bill("20.00", quarter=2)
    older = make_bill("30.00", account=newer.account, quarter=1)
    pay(newer.account, "35.00", Share(newer.account_id, Decimal("35.00")))
    assert [still_open(bill) for bill in (older, newer)] == [0, Decimal("15.00")]


def test_what_is_meant_for_nobody_stays_in_suspense_without_a_receipt():
    account = AccountFactory()
    payment = pay(account, "50.00")
    assert not payment.postings.exists()
    assert not Receipt.objects.filter(payment=payment).exists()


def test_the_same_key_again_is_the_same_payment():
    bill = make_bill("20.00")
    share = Share(bill.account_id, Decimal("20.00"), (bill.pk,))
    told = []

    def listen(sender, payment, **kwargs):
        told.append((payment, transaction.get_connection().in_atomic_block))

    payment_received.connect(listen)
    try:
        first = pay(bill.account, "20.00", share)
        again = pay(bill.account, "20.00", share)
    finally:
        payment_received.disconnect(listen)
    assert first == again
    assert told == [(first, True)]
    assert (Payment.objects.count(), Posting.objects.count(), Receipt.objects.count()) == (1, 1, 1)


def test_the_same_key_with_other_particulars_is_an_error():
    account = AccountFactory()
    pay(account, "20.00", Share(account.pk, Decimal("20.00")))
    with pytest.raises(KeyConflict, match="amount"):
        pay(account, "21.00", Share(account.pk, Decimal("21.00")))
    other = AccountFactory()
    with pytest.raises(KeyConflict, match="community"):
        pay(other, "20.00", Share(other.pk, Decimal("20.00")))
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    ("amount", "share"),
    [("0.00", None), ("-5.00", None), ("10.005", None), ("10.00", "10.01"), ("10.00", "0.00")],
)
def test_amounts_that_make_no_sense_are_refused(amount, share):
    account = AccountFactory()
    shares = [Share(account.pk, Decimal(share))] if share else []
    with pytest.raises(ValueError, match=r"above 0|fen"):
        pay(account, amount, *shares)
    assert not Payment.objects.exists()


def test_accounts_of_another_community_are_refused():
    with pytest.raises(ValueError, match="not of"):
        pay(AccountFactory(), "10.00", Share(AccountFactory().pk, Decimal("10.00")))


def test_receipts_are_numbered_by_community_and_year():
    first = make_payment(make_bill())
    community = first.community
    second = make_payment(make_bill(account=AccountFactory(community=community)))
    elsewhere = make_payment(make_bill())
    numbers = [payment.receipt.number for payment in (first, second, elsewhere)]
    assert numbers == [1, 2, 1]
    assert first.receipt.code == f"{first.receipt.year}00000001"


def received(account, amount, key, bill_ids=None):
    amount = Decimal(amount)
    return Received(
        Payment.Method.DEBIT,
        amount,
        [Share(account.pk, amount, bill_ids)],
        datetime.date(2026, 2, 1),
        key,
    )


class TestManyTogether:
    def test_each_finds_what_the_one_before_left_open(self):
        bill = make_bill("20.00", "5.00")
        account = bill.account
        other = make_bill("7.00", account=AccountFactory(community=account.community))
        first, second, third = record_payments(
            community=account.community,
            received=[
                received(account, "22.00", "a", (bill.pk,)),
                received(other.account, "7.00", "b"),
                received(account, "10.00", "c", (bill.pk,)),
            ],
        )
        assert [payment.receipt.number for payment in (first, second, third)] == [1, 2, 3]
        assert [line.amount for line in first.receipt.lines.order_by("pk")] == [20, 2]
        assert [line.amount for line in third.receipt.lines.order_by("pk")] == [3, 7]
        assert third.receipt.lines.order_by("pk").last().charge is None
        assert still_open(bill) == still_open(other) == 0

    def test_known_ones_are_returned_and_only_new_ones_posted(self):
        account = AccountFactory()
        batch = [received(account, "5.00", key) for key in "ab"]
        (first,) = record_payments(community=account.community, received=batch[:1])
        again = record_payments(community=account.community, received=batch)
        assert again[0] == first
        assert Payment.objects.count() == Receipt.objects.count() == 2
        assert Account.objects.with_balance().get(pk=account.pk).credit == Decimal("10.00")

    def test_one_bad_one_spoils_all(self):
        account = AccountFactory()
        wrong = received(AccountFactory(), "5.00", "b")
        with pytest.raises(ValueError, match="not of"):
            record_payments(
                community=account.community, received=[received(account, "5.00", "a"), wrong]
            )
        assert not Payment.objects.exists()

    def test_a_key_may_not_come_twice(self):
        account = AccountFactory()
        with pytest.raises(ValueError, match="twice"):
            record_payments(
                community=account.community,
                received=[received(account, amount, "a") for amount in ("5.00", "6.00")],
            )

    def test_none_at_all(self):
        community = AccountFactory().community
        assert record_payments(community=community, received=[]) == []

    def test_queries_do_not_grow_with_the_number(self, django_assert_max_num_queries):
        accounts = [AccountFactory()]
        community = accounts[0].community
        accounts += [AccountFactory(community=community) for _ in range(19)]
        for account in accounts:
            make_bill("5.00", account=account)
        receivers, payment_received.receivers = payment_received.receivers, []
        payment_received.sender_receivers_cache.clear()
        try:
            with django_assert_max_num_queries(20):
                record_payments(
                    community=community,
                    received=[received(account, "6.00", str(account.pk)) for account in accounts],
                )
        finally:
            payment_received.receivers = receivers
            payment_received.sender_receivers_cache.clear()


@pytest.mark.parametrize("table", ["payments_payment", "payments_receipt", "payments_posting"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET id = id", "TRUNCATE {} CASCADE"])
def test_what_is_recorded_cannot_be_changed_by_anybody(table, sql):
    make_payment(make_bill())
    cursor = connection.cursor()
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic():
        cursor.execute(sql.format(table))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_presses_at_one_moment_post_once(self):
        bill = make_bill("20.00")
        share = Share(bill.account_id, Decimal("20.00"), (bill.pk,))
        outcomes = together(*[partial(pay, bill.account, "20.00", share)] * 3)
        assert errors_in(outcomes) == []
        assert len({payment.pk for payment in outcomes}) == 1
        assert Payment.objects.count() == Receipt.objects.count() == 1

    def test_one_key_on_two_accounts_posts_once(self):
        """No lock in common, so only the unique key stands between them."""
        account = AccountFactory()
        other = AccountFactory(community=account.community)
        outcomes = together(
            *(
                partial(pay, one, "20.00", Share(one.pk, Decimal("20.00")))
                for one in (account, other)
            )
        )
        assert errors_in(outcomes) == []
        assert len({payment.pk for payment in outcomes}) == 1
        assert Payment.objects.count() == CreditEntry.objects.count() == 1

    def test_two_batches_with_one_key_in_common(self):
        account = AccountFactory()
        other = AccountFactory(community=account.community)
        community = account.community
        outcomes = together(
            *(
                partial(
                    record_payments,
                    community=community,
                    received=[received(one, "5.00", "common"), received(one, "1.00", f"{one.pk}")],
                )
                for one in (account, other)
            )
        )
        assert errors_in(outcomes) == []
        assert Payment.objects.count() == Receipt.objects.count() == 3
        assert sorted(Receipt.objects.values_list("number", flat=True)) == [1, 2, 3]

    def test_desk_and_online_pay_one_bill_together(self):
        bill = make_bill("80.00")
        share = Share(bill.account_id, Decimal("80.00"), (bill.pk,))
        outcomes = together(
            partial(pay, bill.account, "80.00", share, key="desk"),
            partial(pay, bill.account, "80.00", share, key="online"),
        )
        assert errors_in(outcomes) == []
        now = Account.objects.with_balance().get(pk=bill.account_id)
        assert (now.owed, now.credit) == (0, Decimal("80.00"))
        settled = [receipt.lines.get().charge_id for receipt in Receipt.objects.all()]
        assert settled.count(None) == 1

    def test_receipt_numbers_have_no_gap_and_no_double_though_some_roll_back(self):
        account = AccountFactory()
        accounts = [account, *(AccountFactory(community=account.community) for _ in range(7))]

        def take(index):
            one = accounts[index]
            with transaction.atomic():
                pay(one, "10.00", Share(one.pk, Decimal("10.00")), key=str(uuid.uuid4()))
                if index % 3 == 0:
                    raise IntegrityError("something later fails")

        outcomes = together(*(partial(take, index) for index in range(8)))
        assert len(errors_in(outcomes)) == 3
        numbers = sorted(Receipt.objects.values_list("number", flat=True))
        assert numbers == [1, 2, 3, 4, 5]
        assert ReceiptSeries.objects.get().last_number == 5
