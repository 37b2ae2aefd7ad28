"""Notices and deliveries for tests."""

from typing import Any

import factory
from factory.django import DjangoModelFactory

from notices.models import Campaign, Delivery, Notice
from notices.services.campaign import address_chunk, announce
from tests.factories.billing import make_bill
from tests.factories.community import PartyFactory


class NoticeFactory(DjangoModelFactory[Notice]):
    """A fee notice without bills: enough for whatever only travels."""

    class Meta:
        model = Notice

    kind = Notice.Kind.FEE
    party = factory.SubFactory(PartyFactory)
    community = factory.SelfAttribute("party.community")


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """A fee notice by SMS, waiting to be sent."""

    class Meta:
        model = Delivery

    notice = factory.LazyFunction(lambda: make_fee_notice())
    channel = Delivery.Channel.SMS
    address = factory.LazyAttribute(
        lambda delivery: (
            delivery.notice.party.phone
            if delivery.channel == Delivery.Channel.SMS
            else f"owner-{delivery.notice.pk}@example.com"
        )
    )


def make_fee_notice(*amounts: str, **of_account: Any) -> Notice:
    """A fee notice of one bill, not addressed to any channel."""
    bill = make_bill(*amounts, **of_account)
    notice = NoticeFactory.create(party=bill.account.party)
    notice.bills.add(bill)
    return notice


def make_campaign(run: Any) -> Campaign:
    """The campaign of an issued run, published and addressed."""
    campaign = announce(run=run)
    while not address_chunk(campaign_id=campaign.pk):
        pass
    campaign.refresh_from_db()
    return campaign
