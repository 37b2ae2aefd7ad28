"""Notices: what residents read, the bulletin, and what staff see of deliveries."""

from typing import Any

from django.conf import settings

from notices.models import Campaign, Delivery, Notice
from tests.access.rows import ANY_ANSWER, Row
from tests.access.world import Side, Visitor
from tests.factories.billing import make_bill
from tests.factories.notices import DeliveryFactory, NoticeFactory, make_campaign


def a_notice(side: Side) -> dict[str, Any]:
    notice: Notice = NoticeFactory.create(party=side.party)
    notice.bills.add(make_bill(unit=side.unit, party=side.party))
    return {"pk": notice.pk}


def a_campaign(side: Side) -> dict[str, Any]:
    """Addressed, published, with a door notice for the side's unit."""
    campaign = make_campaign(make_bill(unit=side.unit, party=side.party).run)
    return {"pk": campaign.pk}


def a_failure(side: Side) -> dict[str, Any]:
    notice = NoticeFactory.create(party=side.party)
    return {"pk": DeliveryFactory.create(notice=notice, state=Delivery.State.FAILED).pk}


def a_bulletin(side: Side) -> dict[str, Any]:
    found = a_campaign(side)
    assert Campaign.objects.get(**found).published_at
    return found


ROWS = [
    Row("notices:notices"),
    Row("notices:notice", a_notice),
    Row("notices:bulletins"),
    Row("notices:bulletin", a_bulletin),
    Row("notices:poster", a_bulletin),
    Row("notices:door_campaigns"),
    Row("notices:door_walk", a_campaign),
    Row("notices:door_pdf", a_campaign),
    Row("notices:print_doors", a_campaign, post=True),
    Row(
        "notices:doors_posted",
        a_campaign,
        post=True,
        data=lambda side: {"building": side.building.pk, "entrance": side.unit.entrance},
    ),
    Row("notices:campaigns"),
    Row("notices:campaign", a_campaign),
    Row("notices:campaign_progress", a_campaign),
    Row("notices:retry_campaign", a_campaign, post=True),
    Row("notices:failures"),
    Row("notices:retry", a_failure, post=True),
    # The token in the address is the key. An empty form is no report: 400, tested with the view.
    Row(
        "notices:sms_report",
        lambda side: {"token": settings.SMS_REPORT_TOKEN},
        post=True,
        expect=dict.fromkeys(Visitor, ANY_ANSWER),
    ),
]
