"""The bill run against COPY of the very same rows into the same tables and indexes.

COPY is as fast as rows get into PostgreSQL, foreign keys and indexes included; what the bill run
takes beyond it is the price of computing. Both write into emptied tables, one after the other,
several times; the ratio compares the medians.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection

from benchmarks.communities import Scenario, make_community
from benchmarks.processor import Stopwatch

TABLES = ("billing_account", "billing_bill", "billing_charge")
WRITTEN = (*TABLES, "billing_runexception", "billing_billrun", "billing_billingperiod")


class Timing(NamedTuple):
    """What each round took: seconds by the clock and by processors, the run also its memory."""

    name: str
    rounds: list[dict[str, Any]]

    def median(self, what: str = "seconds") -> float:
        return statistics.median(each[what] for each in self.rounds)

    @property
    def seconds(self) -> list[float]:
        return [each["seconds"] for each in self.rounds]

    @property
    def peak_mb(self) -> float | None:
        return max((each["peak_mb"] for each in self.rounds if "peak_mb" in each), default=None)


def measure(scenario: Scenario, *, units: int, rounds: int) -> list[Timing]:
    """COPY, bill run and preview of a community of so many units."""
    make_community(scenario, units)
    copied, previewed, issued = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            empty_tables()
            previewed.append(run_once("preview", scenario))
            empty_tables()
            issued.append(run_once("issue", scenario))
            if number == 0:
                check_rows(scenario, units)
                save_rows(Path(folder))
            empty_tables(keep_run=True)
            copied.append(copy_once(Path(folder)))
    return [
        Timing("COPY of the same rows", copied),
        Timing("run_billing", issued),
        Timing("run_billing --preview", previewed),
    ]


def empty_tables(*, keep_run: bool = False) -> None:
    """Empty what a run writes; the run itself may stay for rows that refer to it."""
    import pgtrigger

    tables = TABLES if keep_run else WRITTEN
    dependents = ("billing_allocation", "billing_creditentry")
    with pgtrigger.ignore(), connection.cursor() as cursor:
        if keep_run:
            cursor.execute(f"TRUNCATE {', '.join((*tables, *dependents))} CASCADE")
        else:
            cursor.execute(f"TRUNCATE {', '.join((*tables, *dependents))} RESTART IDENTITY CASCADE")
        cursor.execute("CHECKPOINT")


def run_once(what: str, scenario: Scenario) -> dict[str, Any]:
    """What a run in a fresh process takes: seconds, processor time, peak memory."""
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.billing_once", what, scenario.code],
        check=True,
        capture_output=True,
        text=True,
    )
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return answer


def save_rows(folder: Path) -> None:
    """Keep the rows that the run has written, as COPY takes them."""
    with connection.cursor() as cursor:
        for table in TABLES:
            with (folder / table).open("wb") as stream:
                cursor.cursor.copy_expert(
                    f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT", stream
                )


def check_rows(scenario: Scenario, units: int) -> None:
    """A benchmark of the wrong rows is worth nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT account_id) FROM billing_charge")
        lines, accounts = cursor.fetchone()
    if accounts != units or abs(lines - scenario.lines * units) > 100:
        raise SystemExit(f"{lines} lines of {accounts} units, not {scenario.lines} of each")


def copy_once(folder: Path) -> dict[str, Any]:
    """What it takes to COPY the saved rows in one transaction, foreign keys checked."""
    from django.db import transaction

    watch = Stopwatch()
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            with (folder / table).open("rb") as stream:
                cursor.cursor.copy_expert(f"COPY {table} FROM STDIN", stream, size=1 << 20)
    return watch.read()
