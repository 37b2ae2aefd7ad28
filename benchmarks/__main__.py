"""Measures and prints a table: `python -m benchmarks [--units 100000] [--rounds 5]`."""

import argparse
import os
import platform
from typing import TYPE_CHECKING

from benchmarks.database import benchmark_database

if TYPE_CHECKING:
    from benchmarks.billing import Timing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with benchmark_database():
        from benchmarks import billing, callbacks, receipt, reconcile, search
        from benchmarks.communities import ALL_METHODS, BY_DAYS

        by_days = billing.measure(BY_DAYS, units=options.units, rounds=options.rounds)
        found, slowest_found = search.measure()
        billing.empty_tables()
        median, slowest = receipt.measure()
        billing.empty_tables()
        day, slowest_day = reconcile.measure()
        providers = callbacks.measure(rounds=options.rounds)
        billing.empty_tables()
        by_all = billing.measure(ALL_METHODS, units=options.units, rounds=options.rounds)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(f"medians of {options.rounds}; processor seconds do not depend on what else runs\n")
    report(f"{options.units:,} units × 3 charges, {BY_DAYS.name}", by_days)
    report(f"{options.units:,} units × {ALL_METHODS.lines:.2f} charges, {ALL_METHODS.name}", by_all)
    print(f"A search at the desk: {found:.0f} ms (slowest: {slowest_found:.0f} ms)")
    print(f"A warm receipt PDF: {median:.0f} ms (slowest of 30: {slowest:.0f} ms)")
    print(
        f"{reconcile.LINES:,} lines of a channel's bill: {day:.2f} s (slowest: {slowest_day:.2f} s)"
    )
    for times in providers:
        print(callbacks.told(times))


def report(title: str, timings: "list[Timing]") -> None:
    """A table of timings; ratios are to the first of them."""
    print(f"{title}\n")
    print("| | seconds | ratio | from – to | processor: server | of it | own | peak memory |")
    print("|---|---|---|---|---|---|---|---|")
    base, base_server = timings[0].median(), timings[0].median("server")
    for timing in timings:
        memory = f"{timing.peak_mb:.0f} MB" if timing.peak_mb else ""
        server = timing.median("server")
        share = f"{server / base_server:.2f}" if base_server else ""
        cells = (
            timing.name,
            f"{timing.median():.2f}",
            f"{timing.median() / base:.2f}",
            f"{min(timing.seconds):.2f} – {max(timing.seconds):.2f}",
            f"{server:.2f}",
            share,
            f"{timing.median('own'):.2f}",
            memory,
        )
        print(f"| {' | '.join(cells)} |")
    print()


if __name__ == "__main__":
    main()
