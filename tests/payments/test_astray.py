"""Messages about orders that we do not have: seen by whoever uses the account, until dealt with."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import InternalError, transaction
from django.test import Client
from django.urls import reverse

from community.models import Community, Role
from payments.models import EventLook, ProviderEvent
from portal.services.figures import exceptions_waiting
from tests.factories.billing import make_bill
from tests.factories.community import CommunityFactory, MembershipFactory
from tests.factories.payments import make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def community(settings: Any) -> Community:
    settings.WECHATPAY = {"": settings.WECHATPAY[""], "own": settings.WECHATPAY[""]}
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


def test_queries_do_not_grow(community: Community, django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        message(f"NOBODYS{number}")
    client = signed_in(community)
    with django_assert_max_num_queries(12):
        address = reverse("payments:unsettled", args=[community.code])
        assert len(client.get(address).context["messages_astray"]) == 6
