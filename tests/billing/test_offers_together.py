"""Offers over the same months add up: whoever asks and whoever approves is told, with the sum."""

import datetime
import threading
import uuid
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import CreditEntry, EarlyPaymentOffer, FeeItem, OfferUse
from billing.services.accounts import offers
from billing.services.accounts.offers_together import Terms, counting, most_together, overlaps
from community.models import Community, Role
from tests.factories.billing import AccountFactory, FeeItemFactory, OfferFactory
from tests.factories.community import CommunityFactory, MembershipFactory, StaffUserFactory
from tests.races import errors_in, together

pytestmark = pytest.mark.django_db
State = EarlyPaymentOffer.State


def month(number: int, *, last: bool = False) -> datetime.date:
    first = datetime.date(2026, number, 1)
    return (first + datetime.timedelta(days=31)).replace(day=1) - DAY if last else first


DAY = datetime.timedelta(days=1)


@pytest.fixture
def community() -> Community:
    return CommunityFactory.create()


@pytest.fixture
def item(community: Community) -> FeeItem:
    return FeeItemFactory.create(community=community, name="物业服务费")


def offer(
    item: FeeItem, first: int, last: int, percent: str = "5", **more: Any
) -> EarlyPaymentOffer:
    """An approved offer for months of 2026, unless it is said to be in another state."""
    if more.get("state", State.APPROVED) == State.REQUESTED:
        more |= {"approved_by": None}
    return OfferFactory.create(
        community=item.community,
        items=[item],
        starts_on=month(first),
        ends_on=month(last, last=True),
        percent=Decimal(percent),
        **more,
    )


def terms(item: FeeItem, first: int, last: int, percent: str = "5") -> Terms:
    return Terms(month(first), month(last, last=True), frozenset({item.pk}), Decimal(percent))


def found(wanted: Terms, community: Community) -> list[tuple[str, int, int, Decimal]]:
    return [
        (each.other.name, each.starts_on.month, each.ends_on.month, each.together)
        for each in overlaps(wanted, counting(community))
    ]


def test_the_others_are_named_with_the_months_in_both_and_the_sum(
    community: Community, item: FeeItem
) -> None:
    offer(item, 1, 12, "5", name="全年")
    offer(item, 1, 3, "2", name="春季")
    offer(item, 6, 6, "1.5", name="六月", state=State.REQUESTED)
    offer(FeeItemFactory.create(community=community, name="水费"), 1, 12, name="别的费目")
    offer(FeeItemFactory.create(), 1, 12, name="别的小区")
    assert found(terms(item, 4, 6, "3"), community) == [
        ("全年", 4, 6, Decimal(8)),
        ("六月", 6, 6, Decimal("4.5")),
    ]
    assert found(terms(item, 3, 3, "3"), community)[1:] == [("春季", 3, 3, Decimal(5))]
    assert (
        found(terms(FeeItemFactory.create(community=community, name="车位费"), 1, 12), community)
        == []
    )


def test_an_ended_offer_counts_only_where_somebody_keeps_its_discount(
    community: Community, item: FeeItem
) -> None:
    ended = offer(item, 1, 12, state=State.WITHDRAWN)
    assert found(terms(item, 1, 3), community) == []
    account = AccountFactory.create()
    entry = CreditEntry.objects.create(
        account=account, kind=CreditEntry.Kind.DISCOUNT, amount=1, value_date=month(1)
    )
    OfferUse.objects.create(offer=ended, account=account, credit_entry=entry)
    assert len(found(terms(item, 1, 3), community)) == 1


@pytest.mark.parametrize(
    ("others", "most"),
    [
        ([], "5"),
        ([(1, 3, "2")], "7"),
        ([(1, 3, "2"), (4, 6, "3")], "8"),
        ([(1, 3, "2"), (3, 6, "3")], "10"),
        ([(1, 12, "2"), (3, 6, "3"), (6, 6, "1"), (7, 12, "3.5")], "11"),
    ],
)
def test_the_most_that_all_of_them_give_off_one_fee(
    community: Community, item: FeeItem, others: list[tuple[int, int, str]], most: str
) -> None:
    for each in others:
        offer(item, *each)
    wanted = terms(item, 1, 12)
    assert most_together(wanted, overlaps(wanted, counting(community))) == Decimal(most)


def test_of_two_fees_the_sums_are_kept_apart(community: Community, item: FeeItem) -> None:
    other = FeeItemFactory.create(community=community, name="水费")
    offer(item, 1, 12, "20")
    offer(other, 1, 12, "30")
    wanted = Terms(month(1), month(12, last=True), frozenset({item.pk, other.pk}), Decimal(5))
    assert most_together(wanted, overlaps(wanted, counting(community))) == 35


def ask(item: FeeItem, percent: str, **changed: Any) -> EarlyPaymentOffer:
    wanted = {
        "community": item.community,
        "name": "优惠",
        "fee_items": [item],
        "starts_on": month(1),
        "ends_on": month(12, last=True),
        "pay_by": month(3, last=True),
        "percent": Decimal(percent),
        "by": StaffUserFactory.create(),
        "form_token": uuid.uuid4(),
    }
    return offers.make_offer(**(wanted | changed))


def test_together_they_give_no_more_than_one_may(item: FeeItem) -> None:
    first, second = ask(item, "30"), ask(item, "20.01")
    by = StaffUserFactory.create()
    offers.approve(offer=first, by=by)
    with pytest.raises(offers.TooMuchTogether) as refused:
        offers.approve(offer=second, by=by)
    assert refused.value.together == Decimal("50.01")
    with pytest.raises(offers.TooMuchTogether):
        ask(item, "20.01")
    offers.approve(offer=ask(item, "20"), by=by)
    assert EarlyPaymentOffer.objects.filter(state=State.APPROVED).count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_approved_at_one_moment_do_not_pass_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without the lock both look, meet, and approve."""
    meeting = threading.Barrier(2, timeout=1)
    check_together = offers.check_together

    def check_and_meet(*arguments: Any) -> None:
        check_together(*arguments)
        with suppress(threading.BrokenBarrierError):
            meeting.wait()

    item = FeeItemFactory.create()
    asked = [ask(item, "30") for _ in range(2)]
    by = StaffUserFactory.create()
    monkeypatch.setattr(offers, "check_together", check_and_meet)
    outcomes = together(*(lambda each=each: offers.approve(offer=each, by=by) for each in asked))
    assert [type(error) for error in errors_in(outcomes)] == [offers.TooMuchTogether]
    assert EarlyPaymentOffer.objects.filter(state=State.APPROVED).count() == 1


class TestPages:
    @pytest.fixture
    def url(self, community: Community) -> str:
        return reverse("billing:offers", args=[community.code])

    @pytest.fixture
    def desk(self, client: Client, community: Community) -> Client:
        user = MembershipFactory.create(community=community, role=Role.ACCOUNTANT).user
        client.force_login(user)
        return client

    def form(self, item: FeeItem, **changed: str) -> dict[str, Any]:
        wanted = {
            "form_token": str(uuid.uuid4()),
            "name": "全年",
            "fee_items": [item.pk],
            "first_month": "2026-01",
            "last_month": "2026-12",
            "pay_by": "2026-03-31",
            "percent": "5",
        }
        return wanted | changed

    def test_who_asks_is_told_and_says_that_both_are_meant(
        self, desk: Client, url: str, item: FeeItem
    ) -> None:
        offer(item, 1, 3, "3", name="春季优惠")
        form = self.form(item)
        told = desk.post(url, form)
        assert told.status_code == 422
        (words, *_rest) = told.context["form"].errors["again"]
        for part in ("春季优惠", "2026-01", "2026-03", item.name, "8 %"):
            assert part in words
        assert EarlyPaymentOffer.objects.count() == 1
        for _twice in range(2):
            assert desk.post(url, form | {"again": "on"}).status_code == 302
        assert EarlyPaymentOffer.objects.count() == 2

    def test_nobody_else_is_asked(self, desk: Client, url: str, item: FeeItem) -> None:
        offer(item, 1, 3)
        assert desk.post(url, self.form(item, first_month="2026-04")).status_code == 302

    def test_too_much_is_refused_at_once(self, desk: Client, url: str, item: FeeItem) -> None:
        offer(item, 1, 3, "30", name="春季优惠")
        for again in ({}, {"again": "on"}):
            answer = desk.post(url, self.form(item, percent="20.5") | again)
            assert answer.status_code == 422
            assert any("50.5" in words for words in answer.context["form"].errors["percent"])
        assert EarlyPaymentOffer.objects.count() == 1

    def test_who_approves_is_told(self, desk: Client, url: str, item: FeeItem) -> None:
        offer(item, 1, 3, "3", name="春季优惠")
        assert "data-together" not in desk.get(url).content.decode()
        waits = offer(item, 2, 12, "5", state=State.REQUESTED)
        (words,) = [each.words for each in overlaps(Terms.of(waits), counting(item.community))][:1]
        shown = desk.get(url).content.decode()
        assert shown.count("data-together") == 1
        assert words in shown
        assert "8 %" in words
        offer(item, 3, 3, "2.5", name="三月")
        assert 'data-together="10.50"' in desk.get(url).content.decode()

    def test_what_has_changed_since_he_was_told_is_looked_at_again(
        self, desk: Client, community: Community, item: FeeItem
    ) -> None:
        waits = offer(item, 1, 12, "5", state=State.REQUESTED)
        decide = reverse("billing:decide_offer", args=[community.code, waits.pk])
        offer(item, 1, 3, "3")
        desk.post(decide, {"do": "approve", "together": "5.00"})
        waits.refresh_from_db()
        assert waits.state == State.REQUESTED
        desk.post(decide, {"do": "approve", "together": "8.00"})
        waits.refresh_from_db()
        assert waits.state == State.APPROVED

    def test_what_gives_too_much_is_not_approved(
        self, desk: Client, community: Community, item: FeeItem
    ) -> None:
        waits = offer(item, 1, 12, "25", state=State.REQUESTED)
        offer(item, 1, 3, "30", name="春季优惠")
        decide = reverse("billing:decide_offer", args=[community.code, waits.pk])
        answer = desk.post(decide, {"do": "approve", "together": "sNaN"}, follow=True)
        assert "春季优惠" in "".join(str(each) for each in answer.context["messages"])
        waits.refresh_from_db()
        assert waits.state == State.REQUESTED

    def test_many_offers_ask_no_more_often(
        self, desk: Client, url: str, item: FeeItem, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(1, 9):
            offer(item, number, 12, state=State.REQUESTED if number % 2 else State.APPROVED)
        with django_assert_max_num_queries(14):
            desk.get(url)
