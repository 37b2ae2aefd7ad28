"""What takes too long for every day: `make soak`, or `python -m benchmarks.soak`.

1,000 orders paid online while providers misbehave and processes are killed; a million units × 3
charges once, against the time of a tenth of them; and 10,000 random communities against the oracle.
Exits 1 if a payment is lost, doubled or in doubt two minutes after the last fault, if a payer was
not told of something exactly once, or if the million takes more than 12 times as long, or 600 MB.
"""

import argparse
import os
import random
import subprocess
import sys

from benchmarks.database import benchmark_database
from scripts.services import Instance, passing
from scripts.stack import Stack

MOST_TIMES, MOST_MB = 12, 600


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--orders", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--examples", type=int, default=10_000)
    options = parser.parse_args()
    if options.orders:
        soak_online(options.orders, seed=options.seed)
    if options.units:
        soak_billing(options.units)
    if options.examples:
        soak_oracle(options.examples)


def soak_online(orders: int, *, seed: int) -> None:
    """So many orders at the simulators, as tests/reliability/test_online.py has them, and more."""
    print(f"{orders:,} orders, seed {seed}", flush=True)
    with benchmark_database() as database:
        from tests.reliability.online.run import run

        instance = Instance(
            f"soak-{os.getpid()}", database_url=database, redis_url=os.environ["REDIS_URL"]
        )
        with passing(instance):
            stack = Stack(instance, isolated=True, extra={"SIM_CALLBACK_TIME_SCALE": "0.001"})
            stack.start()
            # In a small run, too, each program has to die.
            kill_every = min(20, max(4, orders // 20))
            outcome = run(stack, orders=orders, seed=seed, kill_every=kill_every)
            stack.stop_processes()
    print("\n".join(outcome.lines()), flush=True)
    if outcome.differences:
        raise SystemExit(1)


def soak_billing(units: int) -> None:
    """So many units once, and a tenth of them once."""
    with benchmark_database():
        from benchmarks import billing
        from benchmarks.communities import BY_DAYS, make_community

        small, large = BY_DAYS._replace(code="small"), BY_DAYS._replace(code="large")
        make_community(small, units // 10)
        make_community(large, units)
        took = []
        for scenario in (small, large):
            billing.empty_tables()
            took.append(billing.run_once("issue", scenario))
    times = took[1]["seconds"] / took[0]["seconds"]
    for count, each in zip((units // 10, units), took, strict=True):
        print(
            f"{count:,} units × 3: {each['seconds']:.1f} s, processor {each['server']:.1f} s of the"
            f" server and {each['own']:.1f} s of its own, {each['peak_mb']:.0f} MB"
        )
    print(f"{times:.1f} times as long for ten times as many")
    if times > MOST_TIMES or took[1]["peak_mb"] > MOST_MB:
        raise SystemExit(1)


def soak_oracle(examples: int) -> None:
    """So many random communities, by the calculation and by the oracle."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "tests/oracle"],
        env=os.environ | {"ORACLE_EXAMPLES": str(examples)},
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
