"""The manager's figures, each against sums made by hand."""

import datetime
import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from billing.models import BillRun, Charge, CreditEntry
from billing.services.accounts.lessening import lessen
from billing.services.accounts.posting import allocate, post_credit
from billing.services.runs.reversal import reverse_charges
from community.models import Community, Role, Unit, today
from payments.models import Payment
from portal.services import figures
from tests.billing.small import Q2, issue, preview, small_community
from tests.factories.billing import AccountFactory, ChargeFactory, make_bill
from tests.factories.community import MembershipFactory
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db
Q3 = {
    "starts_on": datetime.date(2026, 7, 1),
    "ends_on": datetime.date(2026, 9, 30),
    "due_on": datetime.date(2026, 8, 15),
}


def test_money_of_the_day_by_method() -> None:
    account = AccountFactory.create()
    bill = make_bill("100.00", "50.00", account=account)
    make_payment(bill, amount="30.00")
    make_payment(bill, amount="20.00")
    make_payment(bill, amount="60.00", method=Payment.Method.WECHAT)
    make_payment(bill, amount="5.00", value_date=today() - datetime.timedelta(days=1))
    make_payment(make_bill("70.00"))  # another community
    found = figures.collected_on(account.community, today())
    assert [(row.count, row.amount) for row in found] == [
        (1, Decimal("60.00")),
        (2, Decimal("50.00")),
    ]


def test_collection_rate_of_the_latest_runs_newest_first() -> None:
    account = AccountFactory.create()
    for quarter, paid in ((1, "100.00"), (2, "75.00"), (3, "10.00")):
        make_payment(make_bill("100.00", account=account, quarter=quarter), amount=paid)
    rates = figures.collection_rates(account.community)
    assert [rate.percent for rate in rates] == [10, 75]
    assert rates[0].billed == Decimal("100.00")


def test_what_was_taken_back_or_waived_is_neither_billed_nor_collected() -> None:
    bill = make_bill("100.00", "40.00", "60.00")
    _paid, waived, wrong = bill.charges.order_by("pk")
    make_payment(bill, amount="100.00")
    with transaction.atomic():
        reverse_charges(charges=[wrong.pk], run=bill.run, value_date=today())
        lessen(
            charge=waived,
            amount=Decimal("30.00"),
            kind=CreditEntry.Kind.WAIVER,
            value_date=today(),
        )
    [rate] = figures.collection_rates(bill.account.community)
    assert (rate.billed, rate.settled) == (Decimal("110.00"), Decimal("100.00"))


def test_what_a_correction_bills_counts_where_it_belongs() -> None:
    bill = make_bill("100.00")
    anew = make_bill("80.00", account=bill.account, quarter=2)
    type(anew.run).objects.filter(pk=anew.run_id).update(kind="correction", corrects=bill.run)
    make_payment(bill, amount="100.00")
    [rate] = figures.collection_rates(bill.account.community)
    assert (rate.billed, rate.settled) == (Decimal("180.00"), Decimal("100.00"))


def test_arrears_by_age_leave_out_what_is_paid_or_not_yet_due() -> None:
    account = AccountFactory.create()
    for amount, late in (("140.00", 365), ("30.00", 0), ("37.00", 1), ("5.00", -9)):
        ChargeFactory.create(
            account=account,
            kind=Charge.Kind.OPENING,
            amount=Decimal(amount),
            due_on=today() - datetime.timedelta(days=late),
        )
    with transaction.atomic():
        entry = post_credit(
            account=account,
            kind=CreditEntry.Kind.PAYMENT,
            amount=Decimal("60.00"),
            value_date=today(),
        )
        allocate(credit_entry=entry)
    ages = figures.arrears_by_age(account.community)
    assert [age.amount for age in ages] == [Decimal("37.00"), 0, 0, 0, Decimal("80.00"), 0]
    assert [age.percent for age in ages] == [31, 0, 0, 0, 68, 0]


def test_nothing_yet() -> None:
    community = AccountFactory.create().community
    assert figures.collected_on(community, today()) == []
    assert figures.collection_rates(community) == []
    assert sum(age.amount for age in figures.arrears_by_age(community)) == 0
    assert set(figures.exceptions_waiting(community).values()) == {0}
    assert figures.unbilled(community) == figures.Unbilled([], 0)


def unbilled(community: Community) -> list[tuple[int, int]]:
    return [(run.pk, count) for run, count in figures.unbilled(community).runs]


def test_what_runs_could_not_bill_is_of_those_not_issued_and_of_the_last_period() -> None:
    community = small_community(units=3)
    Unit.objects.filter(room__in=["101", "102"]).update(area=0)
    first = issue(community).run
    assert unbilled(community) == [(first.pk, 2)]
    Unit.objects.filter(room="101").update(area=100)
    second = issue(community, **Q2).run
    # What the first quarter left open was decided when it was issued.
    assert unbilled(community) == [(second.pk, 1)]
    draft = preview(community, **Q3).run
    draft.exceptions.create(reason="no_cost")
    assert unbilled(community) == [(draft.pk, 2), (second.pk, 1)]
    second.exceptions.update(accepted_at=draft.created_at)
    assert unbilled(community) == [(draft.pk, 2)]


def test_today_leads_to_each_run_with_exceptions(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    community = small_community(units=3)
    user = MembershipFactory.create(community=community, role=Role.MANAGER).user
    client.force_login(user)

    def links() -> list[tuple[str, str, str]]:
        """The page and the mark of each row, and how many wait."""
        with django_assert_max_num_queries(25):
            page = client.get(reverse("portal:manager", args=[community.code])).content.decode()
        row = r'href="([^"]*)" data-exceptions(?:="(.*?)")?>.*?<strong class="num">(.*?)</strong>'
        return re.findall(row, page)

    everywhere = reverse("billing:runs", args=[community.code])
    assert links() == [(everywhere, "", "0")]
    Unit.objects.filter(room__in=["101", "102"]).update(area=0)
    issued = issue(community).run
    Unit.objects.filter(room="103").update(area=0)
    draft = preview(community, **Q2).run

    def page_of(run: BillRun) -> str:
        page = reverse("billing:run", args=[community.code, run.pk])
        return f"{page}?show=waiting#exceptions"

    assert links() == [
        (page_of(draft), str(draft.pk), "3"),
        (page_of(issued), str(issued.pk), "2"),
    ]
    shown = client.get(page_of(draft))
    assert shown.context["exceptions"].paginator.count == 3
    monkeypatch.setattr(figures, "RUNS_NAMED", 1)
    assert links() == [(page_of(draft), str(draft.pk), "3"), (everywhere, "others", "2")]
