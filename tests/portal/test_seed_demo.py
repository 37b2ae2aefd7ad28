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

from billing.models import (
    Account,
    Adjustment,
    Bill,
    BillingPeriod,
    BillingSettings,
    BillRun,
    DisputeHold,
    EarlyPaymentOffer,
    LateFeePolicy,
    MeterReading,
    MeterReplacement,
    OpeningBalance,
    SharedCost,
    Tariff,
    TariffProposal,
)
from billing.services.accounts.amounts_due import with_late_fees
from billing.services.accounts.early_payment import chances
from community.models import (
    Binding,
    BindingRequest,
    Community,
    Membership,
    Role,
    User,
    VacancyRequest,
    today,
)
from notices.models import Delivery
from payments.models import Clearance, Deposit, Payment, Receipt, ReceiptSeries, Refund
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


class TestEveryPageHasSomethingToShow:
    def test_adjustments_of_each_fate(self, first: Community) -> None:
        found = Adjustment.objects.filter(community=first).values_list("kind", "state")
        kind, state = Adjustment.Kind, Adjustment.State
        assert sorted(found) == sorted(
            [
                (kind.WAIVER, state.REQUESTED),
                (kind.WAIVER, state.APPROVED),
                (kind.DISCOUNT, state.REJECTED),
                (kind.EXTRA, state.APPROVED),
            ]
        )

    def test_late_fees_of_the_last_periods_only(self, first: Community) -> None:
        policy = LateFeePolicy.objects.get(community=first)
        bills = Bill.objects.filter(account__community=first).with_open()
        late = [bill for bill in with_late_fees(bills, on=today()) if bill.all_lines > bill.amount]
        assert late
        assert all(bill.due_on >= policy.starts_on for bill in late)
        # Whoever paid late paid the fee too: what is settled bears no fee that nobody asked for.
        for bill in with_late_fees(bills, on=today()):
            assert bill.open_amount or not bill.late_fee

    def test_a_bill_in_dispute(self, first: Community) -> None:
        assert DisputeHold.objects.filter(bill__account__community=first, ends_on=None).exists()

    def test_offers_in_force_and_waiting(self, first: Community) -> None:
        states = EarlyPaymentOffer.objects.filter(community=first).values_list("state", flat=True)
        assert sorted(states) == ["approved", "requested"]

    def test_proposals_open_and_adopted(self, first: Community) -> None:
        opened = TariffProposal.objects.get(community=first, state=TariffProposal.State.OPEN)
        assert sorted(bool(each.answer) for each in opened.comments.all()) == [False, True]
        adopted = TariffProposal.objects.get(community=first, state=TariffProposal.State.ADOPTED)
        assert adopted.tariff
        assert adopted.comments_until
        assert adopted.comments_until < today() < adopted.starts_on

    def test_standards_disclosed(self, first: Community) -> None:
        tariffs = Tariff.objects.filter(fee_item__community=first)
        for text in ("service_standard", "legal_basis", "pricing_form"):
            assert not tariffs.filter(**{text: ""}).exists()

    def test_periods_planned_by_quarters(self, first: Community) -> None:
        assert BillingSettings.objects.get(community=first).cycle == 3
        planned = BillingPeriod.objects.filter(community=first, issued_at=None)
        assert planned.filter(issue_on__isnull=False, starts_on__gt=today()).count() == 2
        waiting = BillRun.objects.filter(period__in=planned, kind=BillRun.Kind.REGULAR)
        assert [run.state for run in waiting] == [BillRun.State.PREVIEWED]

    def test_meters_to_which_something_happened(self, first: Community) -> None:
        replaced = MeterReplacement.objects.filter(meter__unit__community=first)
        assert sorted(replaced.values_list("kind", flat=True)) == ["replaced", "rolled_over"]
        estimated = MeterReading.objects.filter(meter__unit__community=first, is_estimated=True)
        assert estimated.count() == 1
        assert SharedCost.objects.filter(fee_item__community=first).exists()

    def test_vacancies_asked_for_and_granted(self, first: Community) -> None:
        asked = VacancyRequest.objects.filter(unit__community=first).select_related("evidence")
        assert sorted(each.state for each in asked) == ["approved", "requested"]
        assert all(bytes(each.evidence.content).startswith(b"\x89PNG") for each in asked)

    def test_money_held_and_given_back(self, first: Community) -> None:
        deposits = Deposit.objects.filter(community=first)
        assert (deposits.count(), deposits.held().count()) == (2, 1)
        asked = Refund.objects.filter(community=first)
        returned = asked.get(deposit__isnull=False)
        assert (returned.state, returned.voucher.amount) == (Refund.State.PAID, returned.amount)
        waiting = asked.get(state=Refund.State.REQUESTED)
        assert waiting.deposit is None

    def test_what_was_brought_along(self, first: Community) -> None:
        brought = OpeningBalance.objects.filter(account__community=first)
        assert sorted(each.amount > 0 for each in brought) == [False, True]

    def test_somebody_who_has_moved_out(self, first: Community) -> None:
        clearance = Clearance.objects.get(community=first)
        assert clearance.state == Clearance.State.CLEARED
        assert clearance.account.party.phone not in {WANG.phone, LI.phone}
        last = clearance.snapshot["last_receipt"]
        own = Receipt.objects.filter(lines__account=clearance.account)
        assert last in {receipt.code for receipt in own}

    def test_the_resident_sees_some_of_it(self, first: Community) -> None:
        user = User.objects.get(phone=WANG.phone)
        accounts = Account.objects.of_resident(user).with_balance()
        assert any(account.credit > 0 for account in accounts)
        bills = Bill.objects.filter(account__in=accounts).with_open()
        late = [bill for bill in with_late_fees(bills, on=today()) if bill.late_fee]
        assert late
        assert Adjustment.objects.filter(account__in=accounts, state="approved").exists()
        assert TariffProposal.objects.open_for(user).exists()
        ids = [account.pk for account in accounts]
        assert chances(account_ids=ids, on=today())


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
