"""Orders paid at simulators that misbehave, while all processes, the simulators' too, are killed.

`make soak` runs the same with 1,000 orders and a seed of its own.
"""

import pytest

from scripts.stack import Stack
from tests.reliability.online.run import run

pytestmark = [
    pytest.mark.reliability,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.mark.parametrize("seed", [20261123])
def test_no_payment_is_lost_or_doubled(stack: Stack, stack_db: None, seed: int) -> None:
    outcome = run(stack, orders=40, seed=seed, kill_every=4, hurried=True)
    assert not outcome.differences, "\n".join(outcome.lines())
