"""Facts that somebody is recording just now: saved, but not committed yet.

The triggers that note a late fact (`billing.models.noting`) see the runs that are committed. A fact
that was recorded before its run was, and committed after the run had read its facts, would be
neither billed nor noted: a run waits for those few first.
"""

import time

from django.db import connection
from django.utils.translation import gettext as _

from billing.models import MeterReading, SharedCost, Tariff, TariffUnit
from billing.services.runs.run_states import RunRefused
from community.models import Occupancy, Unit, Vacancy

FACTS = (Occupancy, Vacancy, Unit, MeterReading, Tariff, TariffUnit, SharedCost)
PATIENCE = 300  # seconds; a large file takes some
PAUSE = 0.02

# A transaction that writes into a table holds its lock on it until it ends.
_WRITING = """
    SELECT DISTINCT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND relation = ANY(%s::regclass[]) AND pid <> pg_backend_pid()
"""


def wait_until_recorded() -> None:
    """Returns once all facts are committed that were being recorded when it was called.

    Nobody waits for it: it takes no lock. Raises RunRefused after `PATIENCE`.
    """
    end = time.monotonic() + PATIENCE
    writing = _writing()
    while writing:
        if time.monotonic() > end:
            raise RunRefused(_("facts are being recorded just now: please try again"))
        time.sleep(PAUSE)
        writing &= _writing()


def _writing() -> set[str]:
    """The transactions of others that have written facts and not ended."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITING, [[model._meta.db_table for model in FACTS]])
        return {row[0] for row in cursor.fetchall()}
