"""A bill run's fee notices: one campaign row when it is issued, addressed later in chunks."""

import datetime
import time
from collections import defaultdict

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from billing.models import Bill, BillRun
from community.models import Party
from core import outbox
from notices import doorbell
from notices.models import Campaign, Delivery, Notice

CHUNK = 500  # parties in one transaction
LEASE = datetime.timedelta(seconds=60)
# Seconds after which a job hands over to a fresh one: well under the tasks' time limit.
BUDGET = 20.0


def announce(*, run: BillRun) -> Campaign:
    """The campaign of an issued run, on the bulletin at once; the same run gives the same one."""
    campaign, _created = Campaign.objects.get_or_create(
        run=run,
        defaults={"community": run.period.community, "published_at": timezone.now()},
    )
    doorbell.after_commit(doorbell.ring_fan_out, campaign.pk)
    return campaign


def fan_out_campaign(*, campaign_id: int, budget: float = BUDGET) -> bool:
    """Addresses a campaign until it is done (True) or `budget` seconds are over (False).

    The place reached is written in the transaction that writes the notices, under the campaign's
    row lock: a job killed at any point is gone on with exactly there, and two jobs at once only
    take turns. The lease merely keeps a second one from standing in line.
    """
    mine = Campaign.objects.filter(pk=campaign_id).exclude(state=Campaign.State.ADDRESSED)
    if not outbox.claim(mine, limit=1, lease=LEASE):
        return True  # done, or somebody is at it; if he dies, the reconciler rings again
    until = time.monotonic() + budget
    while True:
        done = address_chunk(campaign_id=campaign_id)
        if done or time.monotonic() > until:
            outbox.release(Campaign.objects.filter(pk=campaign_id))
            return done


@transaction.atomic
def address_chunk(*, campaign_id: int) -> bool:
    """Writes the notices of the next CHUNK payers; returns whether the campaign is done.

    Bills of 0.00 were settled at issue and are not announced.
    """
    campaign = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign_id)
    if campaign.state == Campaign.State.ADDRESSED:
        return True
    party_ids = _next_parties(campaign, CHUNK)
    if party_ids:
        _write_notices(campaign, party_ids)
        campaign.reached_party_id = party_ids[-1]
    done = len(party_ids) < CHUNK
    campaign.state = Campaign.State.ADDRESSED if done else Campaign.State.FANNING_OUT
    campaign.leased_until = Now() + LEASE
    campaign.save(update_fields=["reached_party_id", "state", "leased_until"])
    doorbell.after_commit(doorbell.ring_dispatcher)
    return done


def _next_parties(campaign: Campaign, size: int) -> list[int]:
    parties = (
        Bill.objects.filter(
            run_id=campaign.run_id, amount__gt=0, account__party__gt=campaign.reached_party_id
        )
        .order_by("account__party_id")
        .values_list("account__party_id", flat=True)
        .distinct()
    )
    return list(parties[:size])


def _write_notices(campaign: Campaign, party_ids: list[int]) -> None:
    bills = defaultdict(list)
    for bill in Bill.objects.filter(
        run_id=campaign.run_id, amount__gt=0, account__party__in=party_ids
    ).select_related("account__unit"):
        bills[bill.account.party_id].append(bill)
    parties = Party.objects.in_bulk(party_ids)
    notices = Notice.objects.bulk_create(
        Notice(
            kind=Notice.Kind.FEE,
            community_id=campaign.community_id,
            campaign=campaign,
            party_id=party_id,
        )
        for party_id in party_ids
    )
    notice_of = dict(zip(party_ids, notices, strict=True))
    told = Notice.bills.through
    told.objects.bulk_create(
        told(notice_id=notice_of[party_id].pk, bill_id=bill.pk)
        for party_id in party_ids
        for bill in bills[party_id]
    )
    Delivery.objects.bulk_create(
        delivery
        for party_id in party_ids
        for delivery in _deliveries(notice_of[party_id], parties[party_id], bills[party_id])
    )


def _deliveries(notice: Notice, party: Party, bills: list[Bill]) -> list[Delivery]:
    """By every way that reaches the payer, and at the door of each of his units."""
    deliveries = []
    if party.phone:
        deliveries.append(Delivery(notice=notice, channel="sms", address=party.phone))
    if party.email:
        deliveries.append(Delivery(notice=notice, channel="email", address=party.email))
    for unit in {bill.account.unit_id: bill.account.unit for bill in bills}.values():
        deliveries.append(Delivery(notice=notice, channel="door", address=unit.code, unit=unit))
    return deliveries
