"""Payments that do not fit: all that wait are listed, each with words and both amounts."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from community.models import Community, Role
from payments.models import PaymentOrder, ProviderEvent
from payments.providers.base import PermanentError, ProviderOrder, TradeState
from payments.services.online import hanging, orders
from payments.services.online.orders import WrongFacts
from payments.unsettled import orders as unsettled
from payments.unsettled import reasons
from portal.services.figures import exceptions_waiting
from tests.factories.billing import AccountFactory, make_bill
from tests.factories.community import CommunityFactory, MembershipFactory
from tests.factories.payments import make_order, make_payment

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    found: Community = CommunityFactory.create()
    return found


@pytest.fixture
def accountant(community: Community, client: Client) -> Client:
    client.force_login(MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user)
    return client


def an_order(community: Community, **fields: Any) -> PaymentOrder:
    bill = make_bill("100.00", account=AccountFactory.create(community=community))
    return make_order(bill, **fields)


def refused(order: PaymentOrder, outcome: str) -> None:
    ProviderEvent.objects.create(
        provider="wechatpay",
        event_id=f"E{ProviderEvent.objects.count()}",
        out_trade_no=order.out_trade_no,
        payload={},
        state=ProviderEvent.State.REFUSED,
        outcome=outcome,
    )


def page_of(client: Client, community: Community) -> Any:
    return client.get(reverse("payments:unsettled", args=[community.code]))


def test_what_waits_is_listed_and_counted(community: Community, accountant: Client) -> None:
    an_order(community)
    an_order(CommunityFactory.create(), problem="paid after it was closed")
    bill = make_bill("80.00", account=AccountFactory.create(community=community))
    late = make_order(bill, state="paid", problem="paid after it was closed")
    receipt = make_payment(bill, order=late).receipt
    other = an_order(community)
    refused(other, "it says paid, 60.00 yuan; asked 100.00")
    refused(other, "it says paid, 60.00 yuan; asked 100.00")
    page = page_of(accountant, community)
    first, second = page.context["found"]
    assert (first.order, first.theirs) == (other, Decimal("60.00"))
    assert (second.order, second.theirs) == (late, Decimal("80.00"))
    assert len(first.reasons) == 1, "the same twice is said once"
    assert exceptions_waiting(community)["payments"] == 2
    text = page.content.decode()
    for part in (
        "¥60.00",
        "¥100.00",
        other.out_trade_no,
        other.lines.get().bill.account.unit.code,
        reverse("payments:receipt", args=[receipt.pk]),
    ):
        assert part in text
    assert "<table" not in text, "a phone would show half of it"


def test_nothing_waits(community: Community, accountant: Client) -> None:
    an_order(community)
    page = page_of(accountant, community)
    assert page.context["found"] == []
    assert "data-rows" not in page.content.decode()


def test_queries_do_not_grow(
    community: Community, accountant: Client, django_assert_max_num_queries: Any
) -> None:
    for _order in range(6):
        refused(an_order(community, problem="whatever"), "whatever else")
    with django_assert_max_num_queries(16):
        assert len(page_of(accountant, community).context["found"]) == 6


def test_every_reason_that_the_services_give_has_its_own_words(
    community: Community, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WECHATPAY = {"": settings.WECHATPAY[""] | {"MCHID": "1", "APPID": "2"}}
    order = an_order(community)
    fits = {
        "out_trade_no": order.out_trade_no,
        "state": TradeState.PAID,
        "amount": order.amount,
        "transaction_id": "42",
        "merchant": "1",
        "app": "2",
    }
    said = set()
    for wrong in (
        {"out_trade_no": "other"},
        {"amount": Decimal("1.00")},
        {"merchant": "9"},
        {"transaction_id": ""},
    ):
        with pytest.raises(WrongFacts) as error:
            orders.settle(order.pk, ProviderOrder(**(fits | wrong)))  # type: ignore[arg-type]
        said.add(str(error.value))

    def refuse(_order: PaymentOrder) -> PaymentOrder:
        raise PermanentError("ORDER_NOT_EXIST")

    monkeypatch.setattr(hanging, "ask", refuse)
    PaymentOrder.objects.filter(pk=order.pk).update(check_at=order.created_at)
    hanging.ask_by_id(order.pk)
    order.refresh_from_db()
    said.add(order.problem)
    assert len(said) == 5
    for reason in said:
        assert reasons.plain_reason(reason) is not reasons.OTHER.plain, reason
    kept = {
        "it says paid, but asked the provider calls it unpaid",
        "it says paid, 60.00 yuan; asked 100.00",
        "it says refunded, None yuan; asked 100.00",
    }
    assert len({str(reasons.plain_reason(reason)) for reason in kept}) == len(kept)
    assert reasons.plain_reason("something new") is reasons.OTHER.plain


def test_an_order_that_was_not_accepted_says_that_nothing_was_taken(community: Community) -> None:
    order = an_order(community, state="failed", problem="NOT_ENOUGH: 余额不足")
    (found,) = unsettled.explain([order])
    assert found.theirs is None
    assert [(reason.plain, reason.codes) for reason in found.reasons] == [
        (reasons.REFUSED.plain, ["NOT_ENOUGH: 余额不足"])
    ]


def test_a_paid_order_says_what_it_is_booked_with(community: Community, accountant: Client) -> None:
    bill = make_bill("80.00", account=AccountFactory.create(community=community))
    paid = make_order(bill, state="paid")
    make_payment(bill, order=paid)
    waiting = an_order(community)
    for order in (paid, waiting):
        refused(order, f"it says paid, 60.00 yuan; asked {order.amount}")
        refused(order, f"it says paid, 60.00 yuan; asked {order.amount} again")
    refused(paid, "merchant 9 and app 9 are not ours")
    with translation.override("en"):
        still, booked = (unsettled.explain([order])[0].reasons for order in (waiting, paid))
        assert "Nothing is recorded" in str(still[0].plain)
        (told,) = booked
        assert "booked with ¥80.00" in str(told.plain)
        assert "Nothing is recorded" not in str(told.plain)
        # What a machine kept is there for whoever supports, folded away.
        assert (len(still), len(still[0].codes), len(told.codes)) == (1, 2, 3)
    text = page_of(accountant, community).content.decode()
    folded = re.findall(r'<details class="support">.*?</details>', text, re.DOTALL)
    assert sum("yuan; asked" in part for part in folded) == 2
    for part in folded:
        text = text.replace(part, "")
    assert not re.search("yuan; asked|not ours", text)


def press(client: Client, community: Community, order: PaymentOrder, **typed: str) -> Any:
    shown = page_of(client, community).context
    sent = {"words": "已退款", "problem": order.problem, "seen_at": shown["seen_at"]} | typed
    return client.post(reverse("payments:look", args=[community.code, order.pk]), sent)


def listed(client: Client, community: Community, *, looked: bool = False) -> list[PaymentOrder]:
    address = reverse("payments:unsettled", args=[community.code])
    found = client.get(address, {"looked": ""} if looked else {}).context["found"]
    return [entry.order for entry in found]


def test_what_somebody_dealt_with_leaves_the_list_until_something_comes_up(
    community: Community, accountant: Client
) -> None:
    order = an_order(community, problem="paid after it was closed")
    refused(order, "it says paid, 60.00 yuan; asked 100.00")
    for _press in range(2):
        assert press(accountant, community, order).status_code == 302
    assert listed(accountant, community) == []
    assert listed(accountant, community, looked=True) == [order]
    assert exceptions_waiting(community)["payments"] == 0
    assert {look.words for look in order.looks.all()} == {"已退款"}
    refused(order, "it says paid, 70.00 yuan; asked 100.00")
    assert listed(accountant, community) == [order]
    press(accountant, community, order)
    assert listed(accountant, community) == []
    PaymentOrder.objects.filter(pk=order.pk).update(problem="another one")
    assert listed(accountant, community) == [order]
    assert listed(accountant, community, looked=True) == []


def test_what_came_up_after_his_page_stays_on_the_list(
    community: Community, accountant: Client
) -> None:
    order = an_order(community, problem="paid after it was closed")
    seen_at = page_of(accountant, community).context["seen_at"]
    refused(order, "whatever")
    press(accountant, community, order, seen_at=seen_at)
    assert listed(accountant, community) == [order]


@pytest.mark.parametrize(
    "wrong", [{"words": " "}, {"seen_at": "2999-01-01T00:00"}, {"seen_at": ""}]
)
def test_nothing_leaves_the_list_without_words(
    community: Community, accountant: Client, wrong: dict[str, str]
) -> None:
    order = an_order(community, problem="paid after it was closed")
    press(accountant, community, order, **wrong)
    assert listed(accountant, community) == [order]
    assert not order.looks.exists()


@pytest.mark.parametrize("name", ["payments:unsettled", "payments:astray"])
def test_the_chosen_tab_is_seen(community: Community, accountant: Client, name: str) -> None:
    """A plain and an outlined secondary button look the same here."""
    for query, href in (("", "?"), ("?looked", "?looked")):
        page = accountant.get(reverse(name, args=[community.code]) + query).content.decode()
        (tab,) = re.findall(r'<a class="([^"]*)" href="([^"]*)" aria-current="page">', page)[-1:]
        assert tab == ("btn btn-sm btn-primary", href)
