"""A correction's bill says what it corrects wherever bills are listed: it is no second bill."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Account, Bill, BillRun
from billing.services.runs.corrections import preview_correction
from billing.services.runs.periods import close_run
from billing.services.runs.run_approval import issue_previewed
from community.models import Community, Party, Role, Unit
from notices.content.fee import context as fee_context
from notices.models import Notice
from payments.statement.loading import load_statement
from tests.billing.office import resident_of
from tests.billing.small import Q2, issue, small_community
from tests.factories.community import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

Looks = Callable[[Client, Community, Unit, Bill], str]


def corrected(units: int = 1) -> tuple[Community, Bill]:
    """The first quarter is closed and its area was wrong: the correction stands in the second."""
    community = small_community(units=units)
    first = issue(community).run
    second = issue(community, **Q2).run
    close_run(run=first)
    Unit.objects.update(area=150)
    correction = preview_correction(run=first)
    assert correction is not None
    issue_previewed(run=correction, by=UserFactory.create())
    assert correction.period == second.period
    bill = Bill.objects.filter(run=correction).select_related("account__unit").earliest("pk")
    return community, bill


def test_a_run_says_what_its_bills_are_for() -> None:
    _community, bill = corrected()
    regular = BillRun.objects.get(kind="regular", period__starts_on=Q2["starts_on"])
    assert regular.title == str(regular.period)
    assert str(bill.run.corrects and bill.run.corrects.period) in bill.run.title
    assert str(regular.period) not in bill.run.title
    early = BillRun(period=regular.period, kind=BillRun.Kind.FINAL)
    assert early.title.startswith(str(regular.period))
    assert early.title != regular.title


RESIDENT = ("portal:home", "billing:bills", "payments:pay")


@pytest.mark.parametrize("name", RESIDENT)
def test_residents_tell_it_from_the_periods_bill(name: str) -> None:
    _community, bill = corrected()
    page = resident_of(bill.account.unit).get(reverse(name)).content.decode()
    assert page.count(bill.run.title) == 1


def test_the_bill_is_headed_by_it() -> None:
    _community, bill = corrected()
    page = resident_of(bill.account.unit).get(reverse("billing:bill", args=[bill.pk]))
    assert bill.run.title in page.content.decode()


@pytest.mark.parametrize("name", ["portal:unit", "payments:collect", "billing:desk_bill"])
def test_the_desk_tells_it_from_the_periods_bill(client: Client, name: str) -> None:
    community, bill = corrected()
    client.force_login(MembershipFactory.create(community=community, role=Role.CLERK).user)
    pk = bill.pk if name == "billing:desk_bill" else bill.account.unit_id
    page = client.get(reverse(name, args=[community.code, pk])).content.decode()
    assert bill.run.title in page


def test_notice_and_statement_name_it() -> None:
    community, bill = corrected()
    party: Party = bill.account.party
    notice = Notice.objects.create(community=community, party=party, kind="fee")
    notice.bills.add(bill)
    assert fee_context(notice)["period"] == bill.run.title
    account = Account.objects.get()
    assert any(bill.run.title in line.title for line in load_statement(account).lines)


def test_many_corrections_cost_no_more_questions(django_assert_max_num_queries: Any) -> None:
    community, bill = corrected(units=12)
    client = Client()
    client.force_login(MembershipFactory.create(community=community, role=Role.CLERK).user)
    url = reverse("portal:unit", args=[community.code, bill.account.unit_id])
    with django_assert_max_num_queries(25):
        client.get(url)
