"""Messages about orders that we do not have: seen by whoever uses the account, until dealt with."""

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import InternalError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from community.models import Community, Role, today
from notices import content
from notices.models import Notice
from notices.services import announcements
from payments.models import EventLook, ProviderEvent
from payments.services.online import events
from portal.services.figures import exceptions_waiting
from tests.factories.billing import make_bill
from tests.factories.community import CommunityFactory, MembershipFactory, StaffUserFactory
from tests.factories.payments import make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def community(settings: Any) -> Community:
    account = dict.fromkeys(settings.WECHATPAY[""], "x")  # nobody is asked with it
    settings.WECHATPAY = {"": account, "own": account}
    found: Community = CommunityFactory.create()
    return found


def signed_in(community: Community) -> Client:
    client = Client()
    client.force_login(MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user)
    return client


def message(number: str = "NOBODYS1", **fields: Any) -> ProviderEvent:
    said = {
        "out_trade_no": number,
        "trade_state": "SUCCESS",
        "amount": {"total": 4321},
        "transaction_id": "42",
        "mchid": "1",
        "appid": "2",
        "success_time": "2026-01-05T10:00:00+08:00",
    }
    return ProviderEvent.objects.create(
        **{
            "provider": "wechatpay",
            "event_id": f"E{ProviderEvent.objects.count()}",
            "out_trade_no": number,
            "payload": {"event_type": "TRANSACTION.SUCCESS", "resource": said},
            "state": ProviderEvent.State.REFUSED,
            "outcome": f"unknown order {number}",
        }
        | fields
    )


def listed(community: Community, query: str = "") -> list[tuple[ProviderEvent, Decimal | None]]:
    address = reverse("payments:unsettled", args=[community.code])
    found = signed_in(community).get(address + query).context["messages_astray"]
    return [(entry.event, entry.amount) for entry in found]


def test_it_is_listed_where_its_account_is_used(community: Community) -> None:
    other, own = CommunityFactory.create(), CommunityFactory.create(code="own")
    shared = message()
    senseless = message("NOBODYS2", merchant="own", payload={"event_type": "OTHER"})
    message("NOBODYS3", state=ProviderEvent.State.PROCESSED)
    message(make_order(make_bill()).out_trade_no)
    for one in (community, other):
        assert listed(one) == [(shared, Decimal("43.21"))]
        assert exceptions_waiting(one)["payments"] == 1
    assert listed(own) == [(senseless, None)]
    address = reverse("payments:unsettled", args=[community.code])
    text = signed_in(community).get(address).content.decode()
    for part in ("NOBODYS1", "¥43.21"):
        assert part in text


def test_who_dealt_with_it_takes_it_off_for_all(community: Community) -> None:
    other, own = CommunityFactory.create(), CommunityFactory.create(code="own")
    event = message()
    sent = {"words": "已退还付款人"}

    def press(by: Community, **typed: str) -> int:
        address = reverse("payments:look_message", args=[by.code, event.pk])
        return signed_in(by).post(address, sent | typed).status_code

    assert press(own) == 404, "it is of another account"
    press(community, words=" ")
    assert not EventLook.objects.exists()
    for by in (community, other):
        assert press(by) == 302
    assert EventLook.objects.get().words == sent["words"]
    for one in (community, other):
        assert listed(one) == []
        assert exceptions_waiting(one)["payments"] == 0
        assert listed(one, "?looked") == [(event, Decimal("43.21"))]
    with pytest.raises(InternalError), transaction.atomic():
        EventLook.objects.update(words="x")


def test_all_of_them_are_on_pages(community: Community, django_assert_max_num_queries: Any) -> None:
    for number in range(53):
        message(f"NOBODYS{number:02}")
    client = signed_in(community)
    few = reverse("payments:unsettled", args=[community.code])
    everything = reverse("payments:astray", args=[community.code])
    with django_assert_max_num_queries(13):
        page = client.get(few)
    assert [len(page.context["messages_astray"]), page.context["astray_count"]] == [5, 53]
    assert everything in page.content.decode()
    with django_assert_max_num_queries(12):
        first = client.get(everything)
    assert [len(first.context["messages_astray"]), "page=2" in first.content.decode()] == [50, True]
    last = client.get(everything, {"page": 2}).context["messages_astray"]
    assert [entry.event.out_trade_no for entry in last] == ["NOBODYS02", "NOBODYS01", "NOBODYS00"]
    address = reverse("payments:look_message", args=[community.code, last[0].event.pk])
    assert client.post(address, {"words": "已退", "own_page": "yes"}).url == everything
    looked = client.get(everything, {"looked": ""}).context["messages_astray"]
    assert [entry.event for entry in looked] == [last[0].event]


def test_accountants_are_told_of_the_first_each_day(
    community: Community, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SMS and mail, once a day for each account however many come; clerks are not."""
    other, own = CommunityFactory.create(), CommunityFactory.create(code="own")
    people = {role: MembershipFactory.create(community=community, role=role).user for role in Role}
    neighbour = MembershipFactory.create(community=other, role=Role.ACCOUNTANT).user
    MembershipFactory.create(community=own, role=Role.ACCOUNTANT)
    told = {people[Role.ACCOUNTANT].pk, people[Role.MANAGER].pk, neighbour.pk}
    for number in range(3):
        event = message(f"NOBODYS{number}", state=ProviderEvent.State.RECEIVED)
        assert events.process(event.pk).state == ProviderEvent.State.REFUSED
    alerts = Notice.objects.filter(kind=Notice.Kind.PAYMENT_ALERT)
    assert {notice.user_id for notice in alerts} == told
    assert len(alerts) == len(told)
    monkeypatch.setattr(announcements, "today", lambda: today() + datetime.timedelta(days=1))
    events.process(message("NOBODYS9", state=ProviderEvent.State.RECEIVED).pk)
    assert alerts.all().count() == 2 * len(told)


def test_the_alert_says_what_it_is_about(community: Community) -> None:
    user = MembershipFactory.create(
        community=community,
        role=Role.ACCOUNTANT,
        user=StaffUserFactory(phone="13912345678", email="fang@example.com"),
    ).user
    events.process(message(state=ProviderEvent.State.RECEIVED).pk)
    notice = Notice.objects.get(user=user)
    with translation.override("en"):
        subject, page = content.page_of(notice)
        assert "an order that we do not have" in subject
        assert "NOBODYS1" in page
        assert "¥43.21" in page
    for delivery in notice.deliveries.all():
        said = content.message_of(delivery)
        if delivery.channel == "sms":
            assert (said.template, said.params["order"]) == ("message_alert", "NOBODYS1")
        else:
            assert reverse("payments:astray", args=[community.code]) in said.text
    assert {one.channel for one in notice.deliveries.all()} == {"sms", "email"}
