"""A day of a channel against our books: with real bills of the simulators, settled by hand."""

import datetime
import json
import re
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, transaction
from django.utils import timezone, translation

from billing.services.accounts.posting import credit_of
from community.models import today
from core.books import verify
from payments import providers
from payments.models import Payment, PaymentOrder, Reconciliation, ReconciliationLine
from payments.providers.base import BillLine, DailyBill, LineKind
from payments.services.channels import differences, reconciling
from payments.services.channels.storing_days import ReconcileRefused
from payments.services.online.asking import ask
from tests.factories.billing import make_bill
from tests.factories.community import (
    StaffUserFactory,
)
from tests.payments.online import paid, paid_there
from tests.races import errors_in, together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
Kind, Way = ReconciliationLine.Kind, ReconciliationLine.Way
Open, Settled, Gone = ReconciliationLine.State.values


def run(**options):
    out = StringIO()
    call_command("reconcile", channel="wechat", date=today().isoformat(), json=True, stdout=out)
    return json.loads(out.getvalue())


def lines(**wanted):
    found = ReconciliationLine.objects.filter(**wanted).order_by("kind")
    return [(line.kind, line.out_trade_no, line.theirs, line.ours) for line in found]


@pytest.fixture(autouse=True)
def in_english():
    """Refusals are read here in the language of the source."""
    with translation.override("en"):
        yield


@pytest.fixture
def accountant():
    return StaffUserFactory()


def test_a_day_that_agrees_has_no_difference_and_its_sums(open_day, bill):
    paid(open_day, bill)
    answer = run()
    (one,) = answer["reconciliations"]
    assert answer["status"] == "done"
    assert answer["changed"]
    assert (one["lines"], one["ours"], one["open"], one["differences"]) == (1, 1, 0, {})
    assert (one["paid"], one["fees"], one["settlement"]) == ("344.12", "2.06", "342.06")
    assert not run()["changed"]
    assert not verify(None).breaks


def test_every_kind_of_difference_is_found_once(open_day, bill):
    bills = [bill, *(make_bill("42.00") for _ in range(4))]
    orders = [paid(open_day, one).order for one in bills]
    untold = paid_there(open_day, make_bill("7.00"))
    lost, more, fee, twice, _good = [order.out_trade_no for order in orders]
    open_day.faults(
        bill_today=True,
        bill_missing=[lost],
        bill_amount=[more],
        bill_fee=[fee],
        bill_twice=[twice],
        bill_extra=1,
    )
    run()
    found = lines()
    assert (Kind.NOT_THERE, lost, None, bill.amount) in found
    assert (Kind.AMOUNT, more, Decimal("43.00"), Decimal("42.00")) in found
    assert (Kind.FEE, fee, Decimal("0.35"), Decimal("0.25")) in found
    assert (Kind.TWICE, twice, Decimal("42.00"), None) in found
    assert (Kind.NOT_HERE, untold.out_trade_no, Decimal("7.00"), None) in found
    # The stranger, and the fee of the amount that is one yuan too much.
    assert sorted(kind for kind, *_ in found) == sorted([*Kind.values, Kind.NOT_HERE, Kind.FEE])


def test_the_missing_payment_is_recorded_by_asking_the_provider(open_day, bill, accountant):
    order = paid_there(open_day, bill)
    run()
    line = ReconciliationLine.objects.get()
    settled = differences.record_missing(line.pk, by=accountant)
    order.refresh_from_db()
    assert (settled.state, settled.way, order.state) == (Settled, Way.RECORDED, "paid")
    assert settled.payment == order.payment
    assert not bill.charges.open().exists()
    assert not run()["reconciliations"][0]["open"]
    assert differences.record_missing(line.pk, by=accountant).settled_at == settled.settled_at
    assert not verify(None).breaks


def test_what_was_made_good_meanwhile_is_gone_by_itself(open_day, bill):
    order = paid_there(open_day, bill)
    run()
    ask(order)
    assert run()["changed"]
    assert ReconciliationLine.objects.get().state == Gone
    assert not run()["changed"]


def test_money_of_a_stranger_is_kept_as_credit_or_unclaimed(open_day, bill, accountant):
    paid(open_day, bill)
    open_day.faults(bill_today=True, bill_extra=2)
    run()
    first, second = ReconciliationLine.objects.order_by("pk")
    with pytest.raises(differences.CannotSettle):
        differences.record_missing(first.pk, by=accountant)
    kept = differences.keep(first.pk, by=accountant, account=bill.account)
    again = differences.keep(first.pk, by=accountant, account=bill.account)
    assert (kept.way, kept.payment, again.payment) == (
        Way.KEPT,
        Payment.objects.last(),
        kept.payment,
    )
    assert credit_of([bill.account_id]) == {bill.account_id: first.theirs}
    unclaimed = differences.keep(second.pk, by=accountant)
    assert (unclaimed.way, unclaimed.payment.postings.count()) == (Way.SUSPENSE, 0)
    assert not verify(None).breaks


def test_another_amount_pays_what_its_order_was_for(open_day, bill, accountant):
    order = paid_there(open_day, bill)
    open_day.faults(bill_today=True, bill_amount=[order.out_trade_no])
    run()
    line = ReconciliationLine.objects.get(kind=Kind.NOT_HERE)
    assert not differences.can_record(line)
    kept = differences.keep(line.pk, by=accountant)
    assert kept.payment.amount == bill.amount + 1
    assert not bill.charges.open().exists()
    assert credit_of([bill.account_id]) == {bill.account_id: Decimal("1.00")}


def test_a_day_is_signed_off_when_nothing_is_open_and_then_never_changes(
    open_day, bill, accountant
):
    order = paid(open_day, bill).order
    open_day.faults(bill_today=True, bill_missing=[order.out_trade_no])
    run()
    day = Reconciliation.objects.get()
    # As if it were yesterday's: a day that is not over cannot be signed off.
    with pytest.raises(differences.DifferencesOpen):
        differences.sign_off(day.pk, by=accountant)
    line = day.lines.get()
    with pytest.raises(ValueError, match="words"):
        differences.explain(line.pk, by=accountant, words="  ")
    differences.explain(line.pk, by=accountant, words="次日账单")
    with pytest.raises(differences.CannotSettle):
        differences.sign_off(day.pk, by=accountant)
    Reconciliation.objects.update(day=today() - datetime.timedelta(days=1))
    assert differences.sign_off(day.pk, by=accountant).closed_by == accountant
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic():
        Reconciliation.objects.update(fees=1)


def bill_of(*amounts, day=None):
    day = day or today() - datetime.timedelta(days=1)
    moment = timezone.now() - datetime.timedelta(days=1)
    made = tuple(
        BillLine(LineKind.PAYMENT, f"X{i}", f"9{i}", Decimal(a), Decimal("0.00"), moment)
        for i, a in enumerate(amounts)
    )
    return DailyBill(day, made, repr(made).encode(), f"{hash(made):064x}"[-64:])


def test_a_signed_off_day_whose_bill_is_another_now_is_refused(
    merchant, bill, accountant, monkeypatch, settings
):
    settings.PAYMENT_FEE_RATES = {}
    kind = providers.all_providers()["wechatpay"]
    yesterday = today() - datetime.timedelta(days=1)
    monkeypatch.setattr(kind, "download_bill", lambda self, day: bill_of("5.00", day=day))
    (done,) = reconciling.reconcile(channel="wechat", day=yesterday)
    line = done.reconciliation.lines.get()
    differences.keep(line.pk, by=accountant)
    differences.sign_off(done.reconciliation.pk, by=accountant)
    (again,) = reconciling.reconcile(channel="wechat", day=yesterday)
    assert not again.changed
    monkeypatch.setattr(kind, "download_bill", lambda self, day: bill_of("6.00", day=day))
    with pytest.raises(ReconcileRefused, match="signed off"):
        reconciling.reconcile(channel="wechat", day=yesterday)


def test_two_who_compare_and_two_who_keep_do_it_once(merchant, bill, accountant, monkeypatch):
    kind = providers.all_providers()["wechatpay"]
    monkeypatch.setattr(kind, "download_bill", lambda self, day: bill_of("5.00", day=day))
    yesterday = today() - datetime.timedelta(days=1)
    both = [lambda: reconciling.reconcile(channel="wechat", day=yesterday)] * 2
    assert not errors_in(together(*both))
    line = ReconciliationLine.objects.get(kind=Kind.NOT_HERE)
    assert not errors_in(
        together(*[lambda: differences.keep(line.pk, by=accountant, account=bill.account)] * 2)
    )
    assert Payment.objects.count() == 1


def test_communities_of_one_account_see_their_own_lines_only(open_day, bill):
    paid(open_day, bill)
    other = make_bill("9.00")
    paid_there(open_day, other)
    assert other.account.community != bill.account.community
    run()
    assert [line.reconciliation.community for line in ReconciliationLine.objects.all()] == [
        other.account.community
    ]
    mine = Reconciliation.objects.get(community=bill.account.community)
    assert (mine.their_lines, mine.their_paid) == (1, bill.amount)


def test_every_transition_of_a_difference(open_day, bill, accountant):
    paid_there(open_day, bill)
    run()
    line = ReconciliationLine.objects.get()
    for state in ReconciliationLine.State:
        allowed = ReconciliationLine.TRANSITIONS[state]
        if state == Settled:
            assert not allowed
    differences.explain(line.pk, by=accountant, words="查过")
    ask(PaymentOrder.objects.get())
    run()
    line.refresh_from_db()
    assert (line.state, line.way) == (Settled, Way.EXPLAINED)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"channel": "carrier-pigeon"}, "no channel"),
        ({"date": "2026-13-01"}, "2026-13-01"),
        ({"date": "2199-01-01"}, "not come"),
        ({"community": "nowhere"}, "nowhere"),
    ],
)
def test_the_command_refuses_with_a_reason(merchant, bill, options, why):
    wanted = {"channel": "wechat", "date": "2026-01-05", "json": True}
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("reconcile", **(wanted | options), stdout=out)
    answer = json.loads(out.getvalue())
    assert answer["status"] == "refused"
    assert why in answer["reason"]


def test_a_damaged_file_changes_nothing(open_day, bill):
    paid(open_day, bill)
    open_day.faults(bill_today=True, bill_damaged=True)
    out = StringIO()
    with translation.override("en"), pytest.raises(CommandError) as refusal:
        call_command("reconcile", channel="wechat", date=today().isoformat(), json=True, stdout=out)
    sentence, support = str(refusal.value).split("\n")
    answer = json.loads(out.getvalue())
    assert sentence == answer["reason"]
    assert "came from the channel is damaged" in sentence
    assert support == f"For support: {answer['details']}"
    assert not re.search("Error|the bill's file", sentence), "those are words for support"
    assert not Reconciliation.objects.exists()


def test_without_an_account_and_before_the_bill_is_made_it_is_refused(bill, merchant, settings):
    with pytest.raises(ReconcileRefused, match="account"):
        reconciling.reconcile(channel="alipay", day=today())
    kind = providers.all_providers()["wechatpay"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "download_bill", lambda self, day: DailyBill(day, (), b"", "0" * 64))
        with pytest.raises(ReconcileRefused, match="10:00"):
            reconciling.reconcile(channel="wechat", day=today())
