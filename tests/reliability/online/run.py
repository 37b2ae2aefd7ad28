"""All of it: stories in many threads, trouble meanwhile, then silence until both ledgers agree."""

import random
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from scripts.processes import wait_until
from scripts.stack import Stack
from tests.reliability.online.agreement import broken_books, differences
from tests.reliability.online.chaos import Chaos
from tests.reliability.online.stories import write_stories
from tests.reliability.online.world import make_world

AGREES_WITHIN = 120.0  # seconds after the last fault
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
            else f"seed {self.seed}: no agreement {AGREES_WITHIN:.0f} s after the last fault",
            *(f"  {line}" for line in told),
            *(f"  ! {line}" for line in self.differences),
        ]


def run(stack: Stack, *, orders: int, seed: int, kill_every: int) -> Outcome:
    """So many orders, a fault after every story and a kill after each `kill_every`th."""
    world = make_world(stack, seed=seed, bills=orders)
    stories, chaos = write_stories(world, orders), Chaos(world)
    random.Random(seed).shuffle(stories)
    began = time.monotonic()
    with ThreadPoolExecutor(PEOPLE) as people:
        told = [people.submit(story.tell) for story in stories]
        for number, done in enumerate(as_completed(told)):
            done.result()
            chaos.strike(number=number, every=kill_every)
    chaos.calm()
    outcome = Outcome(seed, orders=sum(story.orders for story in stories))
    wait_until(lambda: not differences(world), seconds=AGREES_WITHIN, every=1.0)
    outcome.until_agreement = time.monotonic() - chaos.last
    outcome.differences = [*differences(world), *broken_books(world)]
    if world.counted["forgeries accepted"]:
        outcome.differences.append("a forged callback was accepted")
    outcome.seconds = time.monotonic() - began
    outcome.counted = dict(world.counted)
    return outcome
