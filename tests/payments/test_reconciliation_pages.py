"""The pages of reconciliation, from the difference to the signature."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from community.models import Role, today
from payments.models import Reconciliation, ReconciliationLine
from payments.reconciliation.difference_words import meaning
from payments.services.channels.reconciling import reconcile
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import MembershipFactory, UnitFactory
from tests.payments.online import paid_there

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def test_the_pages_from_the_difference_to_the_signature(open_day, bill, client):
    order = paid_there(open_day, bill)
    unit = UnitFactory(building=bill.account.unit.building)
    strange = paid_there(open_day, make_bill("8.00", account=AccountFactory(unit=unit)))
    open_day.faults(bill_today=True, bill_extra=1)
    reconcile(channel="wechat", day=today())
    community = bill.account.community
    client.force_login(MembershipFactory(community=community, role=Role.ACCOUNTANT).user)
    day = Reconciliation.objects.get(community=community)

    def url(name, *args):
        return reverse(f"payments:{name}", args=[community.code, *args])

    assert url("reconciliation", day.pk) in client.get(url("reconciliations")).content.decode()
    page = client.get(url("reconciliation", day.pk)).content.decode()
    assert order.out_trade_no in page
    assert url("close_reconciliation", day.pk) not in page
    recorded = day.lines.get(order=order)
    assert 'value="record"' in client.get(url("difference", recorded.pk)).content.decode()

    def settle(line, **data):
        return client.post(url("settle_difference", line.pk), data)

    assert settle(recorded, way="record").url == url("reconciliation", day.pk)
    stranger = day.lines.get(order=None)
    explaining = client.get(url("difference", stranger.pk)).context["words"]
    assert explaining.fields["words"].required, "it is not called optional"
    assert settle(stranger, way="keep", unit="9-9-999").status_code == 422
    assert settle(stranger, way="explain", words=" ").url == url("difference", stranger.pk)
    assert settle(stranger, way="nonsense").url == url("difference", stranger.pk)
    assert settle(stranger, way="keep", unit="").status_code == 302
    rest = day.lines.get(order=strange)
    client.post(url("close_reconciliation", day.pk))
    day.refresh_from_db()
    assert day.state == "open"
    settle(rest, way="explain", words="已退")
    settle(rest, way="explain", words="再说")
    rest.refresh_from_db()
    assert rest.words == "已退"
    Reconciliation.objects.update(day=today() - datetime.timedelta(days=1))
    assert (
        url("close_reconciliation", day.pk)
        in client.get(url("reconciliation", day.pk)).content.decode()
    )
    client.post(url("close_reconciliation", day.pk))
    day.refresh_from_db()
    assert day.state == "closed"
    assert "已退" in client.get(url("reconciliation", day.pk)).content.decode()


def test_pages_ask_the_database_a_fixed_number_of_times(
    client, bill, django_assert_max_num_queries
):
    community = bill.account.community
    client.force_login(MembershipFactory(community=community, role=Role.ACCOUNTANT).user)
    for back in range(1, 31):
        day = Reconciliation.objects.create(
            community=community,
            provider="wechatpay",
            day=today() - datetime.timedelta(days=back),
            digest="0" * 64,
            their_lines=40,
            compared_at=timezone.now(),
        )
        ReconciliationLine.objects.bulk_create(
            ReconciliationLine(
                reconciliation=day,
                kind=ReconciliationLine.Kind.NOT_HERE,
                flow="payment",
                out_trade_no=f"X{number}",
                theirs=5,
            )
            for number in range(40)
        )
    with django_assert_max_num_queries(12):
        client.get(reverse("payments:reconciliations", args=[community.code]))
    with django_assert_max_num_queries(12):
        client.get(reverse("payments:reconciliation", args=[community.code, day.pk]))
    with django_assert_max_num_queries(12):
        line = day.lines.first()
        client.get(reverse("payments:difference", args=[community.code, line.pk]))


def test_every_difference_says_what_it_means():
    for kind in ReconciliationLine.Kind:
        for flow in ReconciliationLine.Flow:
            assert str(meaning(ReconciliationLine(kind=kind, flow=flow)))
