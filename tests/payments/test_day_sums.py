"""A day adds up to the fen, whatever differs in it and however that is settled."""

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from billing.models import Bill
from community.models import Role, User, today
from core.books import verify
from payments import providers
from payments.models import PaymentOrder, Reconciliation, ReconciliationLine
from payments.providers.base import BillLine, DailyBill, LineKind
from payments.reconciliation.day_sums import DaySums, sums_of
from payments.services.channels import differences, reconciling
from payments.services.online.asking import ask
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import MembershipFactory, StaffUserFactory, UnitFactory
from tests.fixtures.simulators import WeChatPaySimulator
from tests.payments.online import paid, paid_there

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
Line, Kind = ReconciliationLine, ReconciliationLine.Kind
RULE = "payments.a_day_adds_up"  # of the books; seen to break at the end of this file
DAY = datetime.timedelta(days=1)


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences are read here in the language of the source."""
    with translation.override("en"):
        yield


@pytest.fixture
def accountant() -> User:
    user: User = StaffUserFactory()
    return user


def neighbour(bill: Bill, amount: str) -> Bill:
    unit = UnitFactory(building=bill.account.unit.building)
    return make_bill(amount, account=AccountFactory(unit=unit))


def compared() -> DaySums:
    reconciling.reconcile(channel="wechat", day=today())
    return checked()


def checked() -> DaySums:
    """The sums of the day, which the books find right too."""
    sums = sums_of(Reconciliation.objects.get())
    assert sums.adds_up
    assert RULE not in {one.rule for one in verify(None).breaks}
    return sums


def figures(sums: DaySums) -> list[tuple[Decimal, ...]]:
    """Of payments, refunds and fees: the difference, what is settled of it, what is open."""
    return [(row.difference, row.settled, row.open) for row in sums.rows]


def test_it_adds_up_at_every_step_of_settling(
    open_day: WeChatPaySimulator, bill: Bill, accountant: User
) -> None:
    bills = [bill, *(neighbour(bill, "42.00") for _ in range(3))]
    orders = [paid(open_day, one).order for one in bills]
    untold = paid_there(open_day, neighbour(bill, "7.00"))
    lost, more, fee, twice = [order.out_trade_no for order in orders if order]
    open_day.faults(
        bill_today=True,
        bill_missing=[lost],
        bill_amount=[more],
        bill_fee=[fee, twice],
        bill_twice=[twice],
        bill_extra=1,
    )
    before = compared()
    stranger: Any = Line.objects.get(order=None)
    gap = stranger.theirs + 7 + 1 + 42 - bill.amount
    assert [row[0] for row in figures(before)[:2]] == [gap, 0]
    assert [row[1:] for row in figures(before)] == [(0, row[0]) for row in figures(before)]
    fees: list[Any] = list(Line.objects.filter(kind=Kind.FEE))
    assert figures(before)[2][0] == sum(line.theirs - line.ours for line in fees)

    differences.record_missing(Line.objects.get(order=untold).pk, by=accountant)
    recorded = checked()
    assert recorded.rows[0].here == before.rows[0].here + 7
    assert figures(recorded)[0] == (gap - 7, 0, gap - 7)
    assert figures(compared()) == figures(recorded), "compared anew nothing moves"

    differences.keep(stranger.pk, by=accountant)
    assert figures(checked())[0] == (gap - 7, stranger.theirs, gap - 7 - stranger.theirs)
    for line in Line.objects.filter(state=Line.State.OPEN):
        differences.explain(line.pk, by=accountant, words="问过渠道")
        checked()
    done = compared()
    assert [row[2] for row in figures(done)] == [0, 0, 0]
    assert [row[:1] for row in figures(done)] == [row[1:2] for row in figures(done)]
    ways = [(str(one.of), str(one.way), one.amount) for one in done.ways if not one.here]
    for row in done.rows:
        assert sum(amount for of, _way, amount in ways if of == str(row.label)) == row.settled
    assert ("Paid", "kept unclaimed", stranger.theirs) in ways
    assert [(str(one.way), one.amount) for one in done.ways if one.here] == [
        ("recorded after asking the provider", Decimal(7))
    ]


def test_what_was_explained_and_came_right_is_no_difference_any_more(
    open_day: WeChatPaySimulator, bill: Bill, accountant: User
) -> None:
    order = paid_there(open_day, bill)
    assert figures(compared())[0] == (bill.amount, 0, bill.amount)
    differences.explain(Line.objects.get().pk, by=accountant, words="查过")
    assert figures(checked())[0] == (bill.amount, bill.amount, 0)
    ask(order)
    assert figures(compared())[0] == (0, 0, 0)


def test_what_our_books_have_on_the_next_day_is_named(
    open_day: WeChatPaySimulator, bill: Bill
) -> None:
    """Around midnight: the channel's bill has it on one day, our books on another."""
    order: Any = paid(open_day, bill).order
    PaymentOrder.objects.filter(pk=order.pk).update(paid_at=order.paid_at + DAY)
    sums = compared()
    assert sums.elsewhere
    assert (sums.rows[0].difference, sums.rows[0].elsewhere) == (bill.amount, bill.amount)
    assert not Line.objects.exists()


def test_a_bill_that_changed_after_settling_is_seen(
    merchant: WeChatPaySimulator, bill: Bill, client: Client, monkeypatch: Any, settings: Any
) -> None:
    settings.PAYMENT_FEE_RATES = {}
    kind = providers.all_providers()["wechatpay"]
    user = MembershipFactory(community=bill.account.community, role=Role.ACCOUNTANT).user

    def listed(amount: str) -> str:
        line = BillLine(LineKind.PAYMENT, "X1", "91", Decimal(amount), Decimal(0), timezone.now())
        made = DailyBill(today() - DAY, (line,), amount.encode(), amount.rjust(64, "0"))
        monkeypatch.setattr(kind, "download_bill", lambda self, day: made)
        reconciling.reconcile(channel="wechat", day=today() - DAY)
        client.force_login(user)
        client.cookies["django_language"] = "en"
        day = Reconciliation.objects.get()
        address = reverse("payments:reconciliation", args=[day.community.code, day.pk])
        text: str = client.get(address).content.decode()
        return text

    assert "It adds up to the fen" in listed("5.00")
    differences.explain(Line.objects.get().pk, by=user, words="查过")
    text = listed("6.00")
    assert "¥1.00 is not accounted for" in text
    assert "It adds up to the fen" not in text
    assert [one.rule for one in verify(None).breaks] == [RULE]
