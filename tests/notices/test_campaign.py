"""A bill run's fee notices: one row at issue, addressed later, each payer once."""

import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import IntegrityError
from django.utils import timezone

from billing.models import BillRun
from billing.signals import bills_issued
from notices import doorbell
from notices.models import Campaign, Delivery, Notice
from notices.services import campaign as campaign_module
from notices.services import dispatch
from notices.services.campaign import address_chunk, fan_out_campaign
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import CommunityFactory, PartyFactory, UnitFactory
from tests.races import errors_in, together


def make_bills(payers: int, community: Any = None) -> BillRun:
    """An issued run with one bill for each of so many payers."""
    community = community or CommunityFactory.create()
    bills = [
        make_bill(account=AccountFactory.create(community=community)) for _payer in range(payers)
    ]
    return bills[0].run


def issue(run: BillRun) -> Campaign:
    bills_issued.send(sender=BillRun, run=run)
    return Campaign.objects.get(run=run)


def told(campaign: Campaign) -> list[tuple[int | None, list[int]]]:
    """Each payer with the bills that his notice names."""
    return sorted(
        (notice.party_id, sorted(notice.bills.values_list("pk", flat=True)))
        for notice in campaign.notices.all()
    )


def expected(run: BillRun) -> list[tuple[int | None, list[int]]]:
    payers: dict[int | None, list[int]] = {}
    for bill in run.bills.filter(amount__gt=0).select_related("account").order_by("pk"):
        payers.setdefault(bill.account.party_id, []).append(bill.pk)
    return sorted(payers.items())


@pytest.mark.django_db
def test_issuing_writes_one_row_and_no_more() -> None:
    run = make_bills(3)
    campaign = issue(run)
    assert campaign.state == Campaign.State.WAITING
    assert campaign.published_at
    assert (Notice.objects.count(), Delivery.objects.count()) == (0, 0)
    assert issue(run) == campaign


@pytest.mark.django_db
def test_one_notice_a_payer_with_all_his_bills() -> None:
    community = CommunityFactory.create()
    owner = PartyFactory.create(community=community, email="owner@example.com")
    units = [UnitFactory.create(community=community, room=room) for room in ("0101", "0102")]
    bills = [make_bill(unit=unit, party=owner) for unit in units]
    make_bill(account=AccountFactory.create(community=community))
    campaign = issue(bills[0].run)
    assert fan_out_campaign(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.leased_until) == (Campaign.State.ADDRESSED, None)
    assert told(campaign) == expected(campaign.run)
    deliveries = Delivery.objects.filter(notice__party=owner).order_by("channel", "address")
    assert [(delivery.channel, delivery.address) for delivery in deliveries] == [
        ("door", units[0].code),
        ("door", units[1].code),
        ("email", "owner@example.com"),
        ("sms", owner.phone),
    ]


@pytest.mark.django_db
def test_nobody_without_phone_or_address_is_left_out() -> None:
    community = CommunityFactory.create()
    silent = PartyFactory.create(community=community, phone="", email="")
    bill = make_bill(party=silent)
    campaign = issue(bill.run)
    fan_out_campaign(campaign_id=campaign.pk)
    assert [delivery.channel for delivery in Delivery.objects.all()] == ["door"]


@pytest.mark.django_db
def test_bill_of_nothing_is_not_announced() -> None:
    account = AccountFactory.create()
    nothing = make_bill("0.00", account=account)
    campaign = issue(nothing.run)
    fan_out_campaign(campaign_id=campaign.pk)
    assert not Notice.objects.exists()


@pytest.fixture
def small_chunks() -> Iterator[None]:
    with patch.object(campaign_module, "CHUNK", 2):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("payers", [4, 5, 6])
def test_chunks_meet_without_gap_or_overlap(payers: int) -> None:
    run = make_bills(payers)
    campaign = issue(run)
    chunks = 0
    while not address_chunk(campaign_id=campaign.pk):
        chunks += 1
    assert chunks == payers // 2
    assert told(campaign) == expected(run)
    assert Delivery.objects.filter(channel="sms").count() == payers
    assert address_chunk(campaign_id=campaign.pk)
    assert told(campaign) == expected(run)


@pytest.mark.django_db
@pytest.mark.usefixtures("small_chunks")
def test_job_hands_over_when_its_time_is_over() -> None:
    run = make_bills(5)
    campaign = issue(run)
    assert not fan_out_campaign(campaign_id=campaign.pk, budget=-1)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.leased_until) == (Campaign.State.FANNING_OUT, None)
    assert not fan_out_campaign(campaign_id=campaign.pk, budget=-1)
    assert fan_out_campaign(campaign_id=campaign.pk, budget=-1)
    assert told(campaign) == expected(run)


@pytest.mark.django_db
def test_second_job_leaves_it_to_the_first() -> None:
    run = make_bills(1)
    campaign = issue(run)
    later = timezone.now() + campaign_module.LEASE
    Campaign.objects.update(leased_until=later)
    assert fan_out_campaign(campaign_id=campaign.pk)
    assert not Notice.objects.exists()


@pytest.mark.django_db
def test_reconciler_rings_for_campaigns_that_nobody_is_at() -> None:
    fresh, held, died, done = (issue(make_bills(1)) for _campaign in range(4))
    now = timezone.now()
    Campaign.objects.filter(pk=held.pk).update(leased_until=now + campaign_module.LEASE)
    Campaign.objects.filter(pk=died.pk).update(
        state=Campaign.State.FANNING_OUT, leased_until=now - campaign_module.LEASE
    )
    fan_out_campaign(campaign_id=done.pk)
    with patch.object(doorbell, "ring_fan_out") as ring:
        dispatch.reconcile()
    assert sorted(call.args[0] for call in ring.call_args_list) == [fresh.pk, died.pk]


@pytest.mark.django_db
def test_queries_do_not_grow_with_the_payers(django_assert_max_num_queries: Any) -> None:
    run = make_bills(12)
    campaign = issue(run)
    with django_assert_max_num_queries(12):
        assert address_chunk(campaign_id=campaign.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_chunks")
def test_jobs_at_one_moment_double_nothing() -> None:
    run = make_bills(9)
    campaign = issue(run)

    def job() -> None:
        while not address_chunk(campaign_id=campaign.pk):
            continue

    assert errors_in(together(job, job, job)) == []
    assert told(campaign) == expected(run)
    assert Delivery.objects.filter(channel="door").count() == 9


@pytest.mark.django_db(transaction=True)
def test_without_the_campaigns_lock_jobs_would_collide() -> None:
    """The race that the lock is for: both read the same place and address the same payers."""
    run = make_bills(2)
    campaign = issue(run)
    both_have_looked = threading.Barrier(2)

    def naive() -> None:
        party_ids = campaign_module._next_parties(Campaign.objects.get(pk=campaign.pk), 2)
        both_have_looked.wait(20)
        campaign_module._write_notices(campaign, party_ids)

    outcomes = together(naive, naive)
    assert [type(error) for error in errors_in(outcomes)] == [IntegrityError], "the database's no"
