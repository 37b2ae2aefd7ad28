"""What takes too long for every day: `make soak`, or `python -m benchmarks.soak`.

A million units × 3 charges once, against the time of a tenth of them; and 10,000 random communities
against the oracle. Exits 1 if the million takes more than 12 times as long, or 600 MB.
"""

import argparse
import os
import subprocess
import sys

from benchmarks.database import benchmark_database

MOST_TIMES, MOST_MB = 12, 600


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--units", type=int, default=1_000_000)
    parser.add_argument("--examples", type=int, default=10_000)
    options = parser.parse_args()
    if options.units:
        soak_billing(options.units)
    if options.examples:
        soak_oracle(options.examples)


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
