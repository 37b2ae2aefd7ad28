"""One bill run in a process of its own: `python -m benchmarks.billing_once issue CODE`.

Prints what the run took (seconds by the clock and by processors, peak memory) as JSON. Expects the
community that benchmarks.billing has made.
"""

import json
import os
import sys
from datetime import date
from pathlib import Path


def main(what: str, code: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.db import connection

    from benchmarks.processor import Stopwatch
    from billing.services.runs.bill_run import issue_run, preview_run
    from community.models import Community
    from config import celery_app

    community = Community.objects.get(code=code)
    # Whoever bills has his connections: what he loads to make them is part of starting.
    connection.ensure_connection()
    with celery_app.connection_for_write() as broker:
        broker.ensure_connection()
    go = issue_run if what == "issue" else preview_run
    watch = Stopwatch()
    done = go(
        community=community,
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 3, 31),
        due_on=date(2026, 2, 15),
    )
    answer = watch.read() | {"peak_mb": peak_memory(), "summary": done.run.summary}
    print(json.dumps(answer, ensure_ascii=False))


def peak_memory() -> float:
    """The most memory this program has had, in MB. (getrusage would count its parent's.)"""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("/proc/self/status names no VmHWM")


if __name__ == "__main__":
    main(*sys.argv[1:])
