"""All of it: stories in many threads, trouble meanwhile, then silence until both ledgers agree."""

import datetime
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import product

from django.db.models.functions import Now
from django.test import override_settings
from django.utils import timezone

from community.models import Community
from notices.models import Delivery
from notices.services.dispatch import put_back
from payments.models import PaymentOrder, Refund
from payments.services.channels.reconciling import reconcile
from scripts.processes import wait_until
from scripts.stack import Stack
from tests.reliability.online.agreement import (
    broken_books,
    differences,
    look,
    unreconciled,
    untold,
)
from tests.reliability.online.chaos import Chaos
from tests.reliability.online.mix import missing, write_stories
from tests.reliability.online.oracle import Ledgers
from tests.reliability.online.people import Office
from tests.reliability.online.world import World, make_world

AGREES_WITHIN = 120.0  # seconds after the last fault
# A worker that was killed while it sent a text holds its lease for two minutes; then the operator
# is asked, a minute later, whether it came.
TOLD_WITHIN = 300.0
DEAD_AFTER = datetime.timedelta(seconds=20)  # no text takes so long
PEOPLE = 8  # at one moment


@dataclass
class Outcome:
    """What a run came to."""

    seed: int
    orders: int = 0
    seconds: float = 0.0
    until_agreement: float = 0.0
    differences: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people."""
        told = [f"{what}: {number}" for what, number in sorted(self.counted.items())]
        return [
            f"seed {self.seed}: {self.orders} orders in {self.seconds:.0f} s, both ledgers agree"
            f" {self.until_agreement:.1f} s after the last fault"
            if not self.differences
            else f"seed {self.seed}: {len(self.differences)} things are wrong",
            *(f"  {line}" for line in told),
            *(f"  ! {line}" for line in self.differences),
        ]


def run(stack: Stack, *, orders: int, seed: int, kill_every: int, hurried: bool = False) -> Outcome:
    """So many orders, a fault after every story and a kill after each `kill_every`th.

    `hurried` lets the hours pass at the end that the sweeps, and leases of the dead, wait for.
    """
    began = time.monotonic()
    world = make_world(stack, seed=seed)
    chaos = Chaos(world)
    stories = write_stories(world, orders)
    with ThreadPoolExecutor(PEOPLE) as people:
        told = [people.submit(story.tell) for story in stories]
        for number, done in enumerate(as_completed(told)):
            done.result()
            chaos.strike(number=number, every=kill_every)
            decide(world)
    chaos.calm()
    outcome = Outcome(seed)
    found = _wait_for(world, differences, AGREES_WITHIN, hurried=hurried)
    outcome.until_agreement = time.monotonic() - chaos.last
    if not differences(found):
        _wait_for(world, untold, TOLD_WITHIN, hurried=hurried)
    reconcile_days(world)
    found = look(world)
    _count(world, found)
    outcome.differences = [
        *(differences(found) + untold(found) + unreconciled(found)),
        *broken_books(world),
        *missing(world.counted),
    ]
    if world.counted["forgeries accepted"]:
        outcome.differences.append("a forged callback was accepted")
    outcome.orders = len(found.orders)
    outcome.seconds = time.monotonic() - began
    outcome.counted = dict(world.counted)
    return outcome


def decide(world: World) -> None:
    """The accountants approve what a rule asked for; nobody else does anything."""
    for place in world.places.values():
        asked = Refund.objects.filter(community=place.community, state="requested")
        for refund in asked.filter(requested_by=None).values_list("pk", flat=True):
            Office(world, place.accountant, place.community).approve(refund)


def _wait_for(
    world: World, wrong: Callable[[Ledgers], list[str]], seconds: float, *, hurried: bool
) -> Ledgers:
    """Both sides once nothing is wrong, or as they are after so many seconds."""
    found = look(world)

    def well() -> bool:
        nonlocal found
        if hurried:
            time_passes(world)
        decide(world)
        found = look(world)
        return not wrong(found)

    wait_until(well, seconds=seconds, every=1.0)
    return found


def time_passes(world: World) -> None:
    """Whatever waits for its next time is due now; nothing is done about it here."""
    now, mine = timezone.now(), {"community__in": world.communities}
    PaymentOrder.objects.watched().filter(**mine, check_at__gt=now).update(check_at=now)
    Refund.objects.filter(**mine, check_at__gt=now).update(check_at=now)
    texts = Delivery.objects.filter(notice__community__in=world.communities)
    texts.filter(state="queued", due_at__gt=now).update(due_at=Now(), leased_until=None)
    lease = datetime.timedelta(seconds=120)
    dead = texts.filter(state="sending", leased_until__lt=now + lease - DEAD_AFTER)
    if dead.update(leased_until=now):
        put_back()


def reconcile_days(world: World) -> None:
    """The days on which money moved, of every channel and community, with the channels' bills."""
    for name in world.simulators:
        world.at(name, lambda there: there.faults(bill_today=True))
    with override_settings(**world.merchants()):
        for channel, place in product(world.simulators, world.places.values()):
            for day in _days(channel, place.community):
                reconcile(channel=channel, day=day, community=place.community)
    for name in world.simulators:
        world.at(name, lambda there: there.faults(bill_today=False))


def _days(channel: str, community: Community) -> set[datetime.date]:
    """A run may last past midnight; of a day without money the channel has no bill yet."""
    orders = PaymentOrder.objects.filter(community=community, provider=channel, state="paid")
    refunds = Refund.objects.filter(payment__order__in=orders, paid_on__isnull=False)
    paid = {timezone.localdate(moment) for moment in orders.values_list("paid_at", flat=True)}
    return paid | {day for day in refunds.values_list("paid_on", flat=True) if day}


def _count(world: World, found: Ledgers) -> None:
    """What happened, as it lies in the rows."""
    for order in found.orders:
        world.count(f"ended {order.state}")
        if order.state != "paid":
            continue
        world.count(f"paid by {order.provider} {order.scene}")
        for what, so in {
            "paid by a link": order.share_id is not None,
            "paid ahead": order.ahead > 0,
            "paid for several bills": order.bills > 1,
            "paid after it was closed": order.problem == "paid after it was closed",
            "paid twice, kept": order.problem.endswith("kept as credit"),
            "paid twice, to go back": order.problem.endswith("is asked for"),
        }.items():
            world.count(what, so)
    for refund in found.refunds:
        if refund.state != "paid":
            world.count(f"refunds {refund.state}")
            continue
        whole = "a whole payment" if refund.amount == refund.whole else "a part"
        world.count(f"refunds of {whole}, paid out")
        world.count("refunds by rule, paid out", refund.requested_by_id is None)
        world.count(f"refunds by {refund.provider}, paid out")
    phones = {order.phone for order in found.orders} | {part.phone for part in found.parts}
    for (phone, what), number in found.texts.items():
        if phone in phones:
            world.count(f"texts: {what}", number)
    for day in found.days:
        world.count(f"lines reconciled with {day.provider}", day.our_lines)
