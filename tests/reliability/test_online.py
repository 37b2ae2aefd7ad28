"""Orders paid at simulators that misbehave, while web, worker and beat are killed (SIGKILL).

`make soak` runs the same with 1,000 orders and a seed of its own.
"""

import pytest

from scripts.stack import Stack
from tests.reliability.online.run import run

pytestmark = pytest.mark.reliability


@pytest.mark.parametrize("seed", [20261123])
def test_no_payment_is_lost_or_doubled(stack: Stack, stack_db: None, seed: int) -> None:
    outcome = run(stack, orders=60, seed=seed, kill_every=10)
    assert not outcome.differences, "\n".join(outcome.lines())
    assert any(what.startswith("killed") for what in outcome.counted), outcome.counted
