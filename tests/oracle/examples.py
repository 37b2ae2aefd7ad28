"""How many random communities are tried: few in CI, 10,000 by `make soak`."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "300"))


def examples(share: float = 1):
    """Settings for so large a share of the examples."""
    return settings(
        max_examples=max(1, int(EXAMPLES * share)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
