"""Measures and prints a table: `python -m benchmarks [--units 100000] [--rounds 5]`."""

import argparse
import os
import platform

from benchmarks.database import benchmark_database


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with benchmark_database():
        from benchmarks import billing, receipt, search, statement

        timings = billing.measure(units=options.units, rounds=options.rounds)
        found, slowest_found = search.measure()
        billing.empty_tables()
        median, slowest = receipt.measure()
        read, slowest_read = statement.measure()
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs")
    print(f"{options.units:,} units × 3 charges, medians of {options.rounds}\n")
    print("| | seconds | ratio | from – to | peak memory |")
    print("|---|---|---|---|---|")
    base = timings[0].median
    for timing in timings:
        memory = f"{timing.peak_mb:.0f} MB" if timing.peak_mb else ""
        span = f"{min(timing.seconds):.2f} – {max(timing.seconds):.2f}"
        ratio = f"{timing.median / base:.2f}"
        print(f"| {timing.name} | {timing.median:.2f} | {ratio} | {span} | {memory} |")
    print(f"\nA search at the desk: {found:.0f} ms (slowest: {slowest_found:.0f} ms)")
    print(f"A statement of 20 years: {read:.0f} ms (slowest of 40: {slowest_read:.0f} ms)")
    print(f"A warm receipt PDF: {median:.0f} ms (slowest of 30: {slowest:.0f} ms)")


if __name__ == "__main__":
    main()
