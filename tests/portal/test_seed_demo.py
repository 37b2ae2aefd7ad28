"""The demo: something to show on each page, books that are right, and once is enough."""

import datetime
from collections.abc import Iterator
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Max
from django.utils.timezone import localdate
from pytest_django import DjangoDbBlocker

from billing.models import Bill
from community.models import Binding, BindingRequest, Community, Membership, Role, User, today
from notices.models import Delivery
from payments.models import Payment, Receipt, ReceiptSeries
from portal.demo.build import FIRST, SECOND
from portal.demo.calendar import quarters_before
from portal.demo.files import LI, WANG, Office, Owner
from servicedesk.models import Ticket, TicketBreach

pytestmark = pytest.mark.django_db
UNITS = 40


def seed(**options: object) -> str:
    out = StringIO()
    call_command("seed_demo", units=UNITS, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def said(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The demo, made once for this module; what the command said."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield seed()
        transaction.set_rollback(True)


@pytest.fixture
def first(said: str) -> Community:
    return Community.objects.get(code=FIRST)


class TestTheDemo:
    @pytest.mark.parametrize("role", [Role.ACCOUNTANT, Role.MANAGER])
    def test_whoever_is_alerted_can_be_reached(self, first: Community, role: Role) -> None:
        user = Membership.objects.get(community=first, role=role).user
        assert user.phone
        assert user.email

    def test_says_who_can_sign_in(self, said: str) -> None:
        assert {"clerk", "accountant", "manager", WANG.phone} <= set(said.split())

    def test_has_bills_of_every_kind(self, first: Community) -> None:
        assert first.units.count() == UNITS
        bills = list(Bill.objects.filter(account__community=first).with_open())
        assert any(bill.open_amount == 0 for bill in bills)
        assert any(0 < bill.open_amount < bill.amount for bill in bills)
        assert any(bill.open_amount == bill.amount > 0 and bill.is_past_due for bill in bills)
        assert any(bill.open_amount > 0 and not bill.is_past_due for bill in bills)

    def test_has_tickets_in_every_state_and_one_breached(self, first: Community) -> None:
        states = Ticket.objects.filter(community=first).values_list("state", flat=True)
        assert set(states) == set(Ticket.State.values)
        assert TicketBreach.objects.filter(ticket__first_responded_at=None).exists()

    def test_has_somebody_who_waits_for_his_unit(self, first: Community) -> None:
        waiting = BindingRequest.objects.filter(unit__community=first)
        assert [request.state for request in waiting] == [BindingRequest.State.PENDING]

    def test_sends_no_old_bills_to_anybody(self, first: Community) -> None:
        told = Delivery.objects.filter(notice__community=first, notice__kind="fee")
        assert not told.outgoing().filter(state=Delivery.State.QUEUED).exists()
        assert told.door().filter(state=Delivery.State.QUEUED).exists()

    def test_has_books_that_are_right(self, first: Community) -> None:
        call_command("verify_books", stdout=StringIO())

    def test_has_its_past_in_the_past(self, first: Community) -> None:
        assert not Payment.objects.filter(value_date__gt=today()).exists()
        for payment in Payment.objects.select_related("receipt"):
            assert localdate(payment.received_at) == localdate(payment.receipt.issued_at)
            assert payment.receipt.year == payment.value_date.year

    def test_has_receipts_without_gaps(self, first: Community) -> None:
        for series in ReceiptSeries.objects.all():
            own = Receipt.objects.filter(community=series.community, year=series.year)
            assert own.count() == own.aggregate(Max("number"))["number__max"] == series.last_number

    def test_is_made_once(self, first: Community) -> None:
        before = {model: model.objects.count() for model in (User, Bill, Payment, Ticket)}
        seed()
        assert before == {model: model.objects.count() for model in before}

    def test_has_roles_per_community(self, first: Community) -> None:
        clerk = Membership.objects.filter(user__username="clerk")
        assert dict(clerk.values_list("community__code", "role")) == {
            FIRST: Role.CLERK,
            SECOND: Role.MANAGER,
        }

    @pytest.mark.parametrize("owner", [WANG, LI])
    def test_has_residents_who_stand_for_their_parties(
        self, first: Community, owner: Owner
    ) -> None:
        assert Binding.objects.filter(user__phone=owner.phone, party__name=owner.name).exists()


def test_only_the_sign_ins_are_printed_when_asked_for() -> None:
    before = Community.objects.count()
    assert "manager" in seed(sign_ins=True).split()
    assert Community.objects.count() == before


def test_never_in_production(settings: LazySettings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError):
        seed()


def test_a_demo_of_nobody_is_refused() -> None:
    with pytest.raises(CommandError):
        call_command("seed_demo", units=3, stdout=StringIO())


def test_the_same_seed_makes_the_same_files() -> None:
    quarters = quarters_before(datetime.date(2026, 5, 17), 6)
    first, second = (Office(units=400, quarters=quarters, seed=1) for _ in range(2))
    for name in ("register", "transfers", "vacancies", "tariffs", "readings", "shared_costs"):
        assert getattr(first, name)() == getattr(second, name)()
    assert Office(units=400, quarters=quarters, seed=2).register() != first.register()


@pytest.mark.parametrize(
    ("day", "starts"),
    [
        (datetime.date(2026, 1, 1), [(2025, 7), (2025, 10)]),
        (datetime.date(2026, 3, 31), [(2025, 7), (2025, 10)]),
        (datetime.date(2026, 4, 1), [(2025, 10), (2026, 1)]),
        (datetime.date(2026, 11, 23), [(2026, 4), (2026, 7)]),
    ],
)
def test_quarters(day: datetime.date, starts: list[tuple[int, int]]) -> None:
    quarters = quarters_before(day, 2)
    assert [(one.starts_on.year, one.starts_on.month) for one in quarters] == starts
    assert all(one.ends_on < day and one.issued_on <= day for one in quarters)
    assert quarters[-1].due_on > day
    assert quarters[0].ends_on + datetime.timedelta(days=1) == quarters[1].starts_on
