"""What people do with a bill: pay it, twice, too late, not at all, get their money back."""

import datetime
import random
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import Any

from django.utils import timezone

from payments.models import Payment, PaymentOrder
from payments.services.receiving.counter import MoreThanOwed, collect
from scripts.processes import wait_until
from tests.fixtures.simulators import ControlError, PaymentSimulator
from tests.reliability.online.people import WAYS, Office, Payer
from tests.reliability.online.world import Rule, World, in_thread

# Signed by a stranger, spoilt, or stale: never accepted.
FORGERIES = ("forged", "bad_signature", "altered", "late")
OTHER_FORGERIES = {
    "wechatpay": ("probe", "unknown_serial", "wrong_key", "no_signature_type", "not_json"),
    "alipay": ("unsigned", "added", "wrong_sign_type", "not_a_form"),
}
# Signed by the provider and wrong all the same: stored, refused, and somebody is told.
LIES = ("wrong_amount", "wrong_merchant", "wrong_app", "unknown_order")
CALLBACKS = ("", "", "", "lost", "lost", "doubled", "replay", "forgery", "lie")
REFUND_WAITS = 60  # seconds that somebody waits to see his payment before he wants it back


class Story(ABC):
    """A household and what it does, all of it decided by the seed."""

    bills = 1
    rule = ""  # of the community; '' for one or the other
    ways = tuple(WAYS)

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.chance = random.Random(f"{world.seed}:{number}")
        rule = self.rule or Rule.values[number % 2]
        self.home = world.household(rule, bills=self.bills)
        self.way = self.ways[number % len(self.ways)]

    def tell(self) -> None:
        """From beginning to end, in a thread of its own."""
        in_thread(self.happen)
        self.world.count(f"story: {self.title()}")

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").partition(".")[0]

    @abstractmethod
    def happen(self) -> None:
        """What they do, by themselves and against the clock of the others."""

    @property
    def bill(self) -> Any:
        return self.home.bills[0]

    def payer(self, way: tuple[str, str] | None = None) -> Payer:
        """The resident, with the browser in which that way to pay is offered."""
        return Payer(self.world, way or self.way, user=self.home.user)

    def relative(self) -> Payer:
        """Somebody who was sent the link to the bill, and is not signed in."""
        # The link offers no page: a code, an app.
        way = self.chance.choice([way for way in WAYS if way[1] != "page"])
        return Payer(self.world, way, link=self.home.link)

    def other_way(self) -> tuple[str, str]:
        return self.chance.choice([way for way in WAYS if way != self.way])

    def pay(self, payer: Payer, order: Any) -> bool:
        """Pays, and lets the provider's message about it be lost, doubled or lied about."""
        if order is None:
            return False
        what = self.world.deal("callbacks", CALLBACKS)
        if what == "lie" and self.chance.random() < 0.5:
            self._tell(order, [""])  # "paid", before it is
        paid = payer.pay(order, callback=what != "lost")
        if what:
            self.world.count(f"callback: {what}")
        faults = {
            "doubled": [""] * 2,
            "replay": ["replay"],
            "forgery": [self.chance.choice([*FORGERIES, *OTHER_FORGERIES[order.provider]])],
            "lie": [self.chance.choice(LIES)],
        }.get(what, [])
        self._tell(order, faults)
        if self.chance.random() < 0.3:
            payer.look(order)
        return paid

    def _tell(self, order: Any, faults: list[str]) -> None:
        for fault in faults:
            try:
                answer = self.world.at(
                    order.provider,
                    partial(PaymentSimulator.notify, out_trade_no=order.out_trade_no, fault=fault),
                )
            except ControlError:
                continue  # nothing was sent yet that could be replayed
            taken = answer["status"] == 204 or answer["body"] == "success"
            if taken and fault in (*FORGERIES, *OTHER_FORGERIES[order.provider]):
                self.world.count("forgeries accepted")

    def pay_in_cash(self) -> None:
        try:
            collect(
                community=self.home.place.community,
                account=self.bill.account,
                bill_ids=[self.bill.pk],
                amount=self.bill.amount,
                method=Payment.Method.CASH,
                token=uuid.uuid4(),
                clerk=self.home.place.clerk,
                tendered=self.bill.amount,
            )
        except MoreThanOwed:
            self.world.count("refused at the desk: paid already")


class Pays(Story):
    """pays"""

    def happen(self) -> None:
        payer = self.payer()
        self.pay(payer, payer.order(self.bill))


class NeverPays(Story):
    """never pays"""

    def happen(self) -> None:
        self.payer().order(self.bill)


class PaysAhead(Story):
    """pays months ahead"""

    bills = 0

    def happen(self) -> None:
        payer = self.payer()
        months = self.chance.choice([3, 6, 12])
        self.pay(payer, payer.order(ahead=self.home.empty, months=months))


class PaysSeveral(Story):
    """pays the bills of three homes at once"""

    bills = 3

    def happen(self) -> None:
        payer = self.payer()
        self.pay(payer, payer.order(*self.home.bills))


class RelativePays(Story):
    """a relative pays by the link"""

    def happen(self) -> None:
        relative = self.relative()
        self.pay(relative, relative.order(self.bill))


class BothPay(Story):
    """resident and relative pay at once"""

    def happen(self) -> None:
        both = [self.payer(), self.relative()]
        orders = together(*(lambda one=one: one.order(self.bill) for one in both))
        together(
            *(
                lambda one=one, order=order: self.pay(one, order)
                for one, order in zip(both, orders, strict=True)
            )
        )


class PaysAfterGivingUp(Story):
    """pays after giving up"""

    def happen(self) -> None:
        payer = self.payer()
        if order := payer.order(self.bill):
            payer.cancel(order)
            self.pay(payer, order)


class PaysClosed(PaysAfterGivingUp):
    """pays what could not be closed"""

    # What nobody scanned or opened, Alipay does not know and cannot close.
    ways = (("alipay", "native"), ("alipay", "h5"), ("alipay", "page"))


class PaysWhileGivingUp(Story):
    """pays while giving up"""

    def happen(self) -> None:
        payer = self.payer()
        if order := payer.order(self.bill):
            together(lambda: self.pay(payer, order), lambda: payer.cancel(order))


class OrdersAgainWhileGivingUp(Story):
    """gives up, orders again and pays the first, all at once"""

    bills = 2

    def happen(self) -> None:
        payer, other = self.payer(), self.payer(self.other_way())
        first = payer.order(*self.home.bills)
        if first is None:
            return
        _given_up, second, _paid = together(
            lambda: payer.cancel(first),
            lambda: other.order(*reversed(self.home.bills)),
            lambda: self.pay(payer, first),
        )
        self.pay(other, second)


class PaysTooLate(Story):
    """pays after its time"""

    def happen(self) -> None:
        """Our clock is ahead of the provider's: there it may still be paid."""
        payer = self.payer()
        if order := payer.order(self.bill):
            over = timezone.now() - datetime.timedelta(seconds=1)
            PaymentOrder.objects.filter(pk=order.pk).update(expires_at=over)
            self.pay(payer, order)


class OpensTwo(Story):
    """opens two one after the other and pays both"""

    def happen(self) -> None:
        both = [self.payer(), self.payer(self.other_way())]
        orders = [one.order(self.bill) for one in both]
        for one, order in zip(both, orders, strict=True):
            self.pay(one, order)


class TwoTabs(Story):
    """pays in two tabs at once"""

    def happen(self) -> None:
        both = [self.payer(), self.payer(self.other_way())]
        orders = together(*(lambda one=one: one.order(self.bill) for one in both))
        together(
            *(
                lambda one=one, order=order: self.pay(one, order)
                for one, order in zip(both, orders, strict=True)
            )
        )


class DeskMeanwhile(Story):
    """pays online and at the desk at once"""

    def happen(self) -> None:
        payer = self.payer()
        order = payer.order(self.bill)
        together(lambda: self.pay(payer, order), self.pay_in_cash)


class PaidTwiceKept(Story):
    """paid twice where it is kept"""

    rule = Rule.CREDIT.value

    def happen(self) -> None:
        """Online first, of which we do not hear, then at the desk."""
        payer = self.payer()
        order = payer.order(self.bill)
        if order is not None:
            payer.pay(order, callback=False)
            self.pay_in_cash()


class PaidTwiceRefunded(PaidTwiceKept):
    """paid twice where it goes back"""

    rule = Rule.REFUND.value


class WantsAllBack(Story):
    """wants all of it back"""

    shares: tuple[Decimal, ...] = (Decimal(1),)

    def happen(self) -> None:
        payer = self.payer()
        order = payer.order(self.bill)
        if not self.pay(payer, order):
            return
        paid = Payment.objects.filter(order=order)

        def seen() -> bool:
            """The page that waits asks every few seconds."""
            payer.look(order)
            return paid.exists()

        if not wait_until(seen, seconds=REFUND_WAITS, every=1.0):
            self.world.count("refunds not asked for: the payment was not seen in time")
            return
        for share in self.shares:
            self.give_back(paid.get(), (order.amount * share).quantize(order.amount))

    def give_back(self, payment: Payment, amount: Decimal) -> None:
        place = self.home.place
        clerk = Office(self.world, place.clerk, place.community)
        refund = clerk.ask_back(payment, self.bill.account, amount)
        if refund is not None:
            Office(self.world, place.accountant, place.community).approve(refund)


class WantsPartBack(WantsAllBack):
    """wants a third of it back"""

    shares = (Decimal(1) / 3,)


class WantsBothHalvesBack(WantsAllBack):
    """wants one half back, then another"""

    shares = (Decimal(1) / 2, Decimal(1) / 2)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """All calls at one moment, each on a connection of its own; raises what one of them raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(in_thread, calls))
