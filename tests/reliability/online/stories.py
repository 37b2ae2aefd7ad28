"""What people do with a bill: pay it, twice, too late, not at all, get their money back."""

import datetime
import random
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection
from django.utils import timezone

from payments.models import Payment, PaymentOrder, Refund
from payments.services import refunds
from payments.services.counter import MoreThanOwed, collect
from scripts.processes import wait_until
from tests.fixtures.simulators import ControlError
from tests.reliability.online.world import Person, World

PROVIDERS = ("wechatpay", "alipay")
# Signed by a stranger, spoilt, or stale: never accepted.
FORGERIES = ("forged", "bad_signature", "altered", "late")
OTHER_FORGERIES = {
    "wechatpay": ("probe", "unknown_serial", "wrong_key", "no_signature_type", "not_json"),
    "alipay": ("unsigned", "added", "wrong_sign_type", "not_a_form"),
}
# Signed by the provider and wrong all the same: stored, refused, and somebody is told.
LIES = ("wrong_amount", "wrong_merchant", "wrong_app", "unknown_order")
REFUND_WAITS = 60  # seconds that somebody waits to see his payment before he wants it back


class Story:
    """One bill and what its payer does with it, all of it decided by the seed."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.chance = random.Random(f"{world.seed}:{number}")
        self.bill = world.bills[number]
        self.person: Person = world.person(self.bill, self.chance)
        self.kind = self.chance.choices(
            list(KINDS), [weight for _do, weight, _n in KINDS.values()]
        )[0]

    @property
    def orders(self) -> int:
        """How many orders it opens."""
        return KINDS[self.kind][2]

    def tell(self) -> None:
        """From beginning to end, in a thread of its own."""
        try:
            KINDS[self.kind][0](self)
            self.world.count(f"story: {self.kind}")
        finally:
            connection.close()

    def open(self, provider: str = "") -> Any:
        """An order for the bill; None if there is nothing to pay any more."""
        provider = provider or self.chance.choice(PROVIDERS)
        return self.person.order(self.bill, provider=provider)

    def pay(self, order: Any) -> bool:
        """Pays, and lets the provider's message about it be lost, doubled or lied about."""
        what = self.chance.choice(
            ["", "", "", "lost", "lost", "doubled", "replay", "forgery", "lie"]
        )
        if what == "lie" and self.chance.random() < 0.5:
            self.tell_lies(order, [""])  # "paid", before it is
        paid = self.person.pay(order, callback=what != "lost")
        if what:
            self.world.count(f"callback: {what}")
        faults = {
            "doubled": [""] * 2,
            "replay": ["replay"],
            "forgery": [self.chance.choice([*FORGERIES, *OTHER_FORGERIES[order.provider]])],
            "lie": [self.chance.choice(LIES)],
        }.get(what, [])
        self.tell_lies(order, faults)
        if self.chance.random() < 0.3:
            self.person.look(order)
        return paid

    def tell_lies(self, order: Any, faults: list[str]) -> None:
        for fault in faults:
            try:
                answer = self.world.simulators[order.provider].notify(order.out_trade_no, fault)
            except ControlError:
                continue  # nothing was sent yet that could be replayed
            taken = answer["status"] == 204 or answer["body"] == "success"
            if taken and fault in (*FORGERIES, *OTHER_FORGERIES[order.provider]):
                self.world.count("forgeries accepted")

    def pays(self) -> None:
        self.pay(self.open())

    def never_pays(self) -> None:
        self.open()

    def gives_up_and_pays(self) -> None:
        order = self.open()
        self.person.cancel(order)
        self.pay(order)

    def pays_while_giving_up(self) -> None:
        order = self.open()
        together(lambda: self.pay(order), lambda: self.person.cancel(order))

    def pays_after_its_time(self) -> None:
        """Our clock is ahead of the provider's: there it may still be paid."""
        order = self.open()
        over = timezone.now() - datetime.timedelta(seconds=1)
        PaymentOrder.objects.filter(pk=order.pk).update(expires_at=over)
        self.pay(order)

    def opens_two_and_pays_both(self) -> None:
        first = self.open()
        second = self.open()
        for order in filter(None, (first, second)):
            self.pay(order)

    def pays_in_two_tabs(self) -> None:
        orders = together(lambda: self.open("wechatpay"), lambda: self.open("alipay"))
        together(*(lambda order=order: self.pay(order) for order in orders if order))

    def pays_twice_with_the_desk(self) -> None:
        order = self.open()
        together(lambda: self.pay(order), self.pays_in_cash)

    def pays_in_cash(self) -> None:
        amount = self.bill.amount
        try:
            collect(
                community=self.world.community,
                account=self.bill.account,
                bill_ids=[self.bill.pk],
                amount=amount,
                method=Payment.Method.CASH,
                token=uuid.uuid4(),
                clerk=self.world.staff[0],
                tendered=amount,
            )
        except MoreThanOwed:
            self.world.count("refused at the desk: paid already")

    def wants_it_back(self) -> None:
        order = self.open()
        if not self.pay(order):
            return
        paid = Payment.objects.filter(order=order)
        if not wait_until(paid.exists, seconds=REFUND_WAITS, every=0.5):
            self.world.count("refunds not asked for: the payment was not seen in time")
            return
        share = self.chance.choice([1, 1, 2])  # all of it, or half in each of two
        for _ in range(share):
            self.give_back(paid.get(), (order.amount / share).quantize(order.amount))

    def give_back(self, payment: Payment, amount: Any) -> None:
        asker, approver = self.world.staff
        try:
            refund = refunds.request_refund(
                account=self.bill.account,
                amount=amount,
                reason="paid by mistake",
                method=Refund.Method.ORIGINAL,
                by=asker,
                token=uuid.uuid4(),
                payment=payment,
            )
            refunds.approve(refund.pk, by=approver)
        except refunds.NotEnough:
            return
        self.world.count("refunds approved")


def together(*calls: Callable[[], Any]) -> list[Any]:
    """All calls at one moment, each on a connection of its own; raises what one of them raised."""

    def run(call: Callable[[], Any]) -> Any:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls) or 1) as pool:
        return list(pool.map(run, calls))


# What happens, how often, and how many orders it opens.
KINDS: dict[str, tuple[Callable[[Story], None], int, int]] = {
    "pays": (Story.pays, 34, 1),
    "never pays": (Story.never_pays, 8, 1),
    "gives up and pays": (Story.gives_up_and_pays, 8, 1),
    "pays while giving up": (Story.pays_while_giving_up, 8, 1),
    "pays after its time": (Story.pays_after_its_time, 6, 1),
    "opens two and pays both": (Story.opens_two_and_pays_both, 8, 2),
    "pays in two tabs": (Story.pays_in_two_tabs, 6, 2),
    "pays twice, with the desk": (Story.pays_twice_with_the_desk, 6, 1),
    "wants it back": (Story.wants_it_back, 16, 1),
}


def write_stories(world: World, orders: int) -> list[Story]:
    """Stories of so many orders, or one more."""
    stories: list[Story] = []
    while sum(story.orders for story in stories) < orders:
        stories.append(Story(world, len(stories)))
    return stories
