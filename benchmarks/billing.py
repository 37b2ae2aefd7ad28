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
import time
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection

TABLES = ("billing_account", "billing_bill", "billing_charge")
WRITTEN = (*TABLES, "billing_runexception", "billing_billrun", "billing_billingperiod")
AREAS = ("62.35", "78.40", "89.37", "93.16", "104.58", "117.02", "130.70", "141.90", "154.78")


class Timing(NamedTuple):
    """Seconds of each round, and the most memory a round took in MB."""

    name: str
    seconds: list[float]
    peak_mb: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure(*, units: int, rounds: int) -> list[Timing]:
    """COPY, preview and bill run of a community of so many units × 3 charges."""
    make_community(units)
    copied, previewed, issued = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            empty_tables()
            previewed.append(run_once("preview"))
            empty_tables()
            issued.append(run_once("issue"))
            if number == 0:
                save_rows(Path(folder))
                check_rows(units)
            empty_tables(keep_run=True)
            copied.append(copy_once(Path(folder)))
    return [
        Timing("COPY of the same rows", copied),
        Timing("run_billing", [r["seconds"] for r in issued], max(r["peak_mb"] for r in issued)),
        Timing(
            "run_billing --preview",
            [r["seconds"] for r in previewed],
            max(r["peak_mb"] for r in previewed),
        ),
    ]


def make_community(units: int) -> None:
    """Flats in buildings of 100, three charges each: two by area, one by household."""
    from billing.services.tariffs import import_tariffs
    from community.models import Community
    from community.services.register import import_register

    register = ["楼栋,单元,房号,类型,建筑面积,交付日期,业主姓名,手机号,邮箱"] + [
        f"{n // 100 + 1},1,{n % 100 // 4 + 1}{n % 4 + 1:02},住宅,{AREAS[n % len(AREAS)]},"
        f"2020-01-01,业主{n},1{n:010},"
        for n in range(units)
    ]
    import_register(source=BytesIO("\n".join(register).encode()), community_code="bench")
    tariffs = """费目,适用类型,楼栋,计费方式,单价,空置系数,生效日期,失效日期,取整
物业服务费,住宅,,面积,2.35,0.7,2020-01-01,,整期
电梯运行费,住宅,,面积,0.45,1,2020-01-01,,逐月
生活垃圾清运费,住宅,,户,8,0,2020-01-01,,整期"""
    community = Community.objects.get(code="bench")
    import_tariffs(source=BytesIO(tariffs.encode()), community=community)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


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


def run_once(what: str) -> dict[str, Any]:
    """Seconds and peak memory of a run in a fresh process."""
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.billing_once", what],
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


def check_rows(units: int) -> None:
    """A benchmark of the wrong rows is worth nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), COUNT(DISTINCT account_id) FROM billing_charge")
        if cursor.fetchone() != (3 * units, units):
            raise SystemExit("the bill run has not written three charges a unit")


def copy_once(folder: Path) -> float:
    """Seconds to COPY the saved rows in one transaction, foreign keys checked."""
    from django.db import transaction

    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for table in TABLES:
            with (folder / table).open("rb") as stream:
                cursor.cursor.copy_expert(f"COPY {table} FROM STDIN", stream, size=1 << 20)
    return time.perf_counter() - started
