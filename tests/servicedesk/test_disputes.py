"""A complaint about a bill stops its late fee for as long as it is open."""

import datetime
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import DisputeHold
from billing.services.accounts.late_fees import standings
from community.models import User
from servicedesk.models import TicketKind
from servicedesk.services import tickets
from tests.factories.billing import LateFeePolicyFactory, make_bill
from tests.factories.community import BindingFactory, MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bill():
    bill = make_bill("1000.00")
    LateFeePolicyFactory(community=bill.account.community)
    return bill


@pytest.fixture
def clerk(bill) -> User:
    return MembershipFactory.create(community=bill.account.community).user


def noon(bill, days):
    """Noon of the day so many days after the bill's due date."""
    day = bill.due_on + timedelta(days=days)
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time(12)))


def complain(bill, days, kind=TicketKind.COMPLAINT):
    return tickets.open_ticket(
        community=bill.account.community,
        kind=kind,
        subject="多收了",
        body="面积不对",
        form_token=uuid4(),
        bill=bill,
        now=noon(bill, days),
    )


def counted(bill, days):
    """Days that count, up to so many days after the due date."""
    found = standings(bill_ids=[bill.pk], on=noon(bill, days).date()).get(bill.pk)
    return found.fee.days if found else 0


def resolve(ticket, clerk, bill, days):
    return tickets.resolve(
        ticket=ticket, by=clerk, body="解释", finding="misunderstanding", now=noon(bill, days)
    )


def test_days_from_opening_to_settling_do_not_count(bill, clerk):
    ticket = complain(bill, 5)
    assert counted(bill, 100) == 4
    resolve(ticket, clerk, bill, 9)
    assert counted(bill, 100) == 95
    # Settled once more or closed: nothing changes.
    tickets.close(ticket=ticket, by=clerk, now=noon(bill, 20))
    assert counted(bill, 100) == 95


def test_opened_again_it_holds_again(bill, clerk):
    ticket = complain(bill, 5)
    resolve(ticket, clerk, bill, 9)
    tickets.reopen(ticket=ticket, by=clerk, now=noon(bill, 9))
    assert counted(bill, 100) == 4
    resolve(ticket, clerk, bill, 12)
    assert counted(bill, 100) == 92
    assert DisputeHold.objects.count() == 2


@pytest.mark.parametrize("kind", [k for k in TicketKind if k != TicketKind.COMPLAINT])
def test_only_complaints_hold(bill, kind):
    complain(bill, 5, kind=kind)
    assert counted(bill, 100) == 100


def test_both_pages_show_it(bill, clerk, client):
    user = BindingFactory.create(party=bill.account.party).user
    ticket = complain(bill, 5)
    ticket.reporter = user
    ticket.save()
    client.force_login(clerk)
    desk = reverse("servicedesk:ticket", args=[bill.account.community.code, ticket.pk])
    assert "data-hold" in client.get(desk).content.decode()
    client.force_login(user)
    mine = reverse("servicedesk:my_ticket", args=[ticket.pk])
    assert "data-hold" in client.get(mine).content.decode()
