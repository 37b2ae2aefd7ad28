"""Triggers that make a table append-only, whatever sends the SQL.

Rows that money rests on are corrected by counter-entries, never changed. The triggers refuse
UPDATE, DELETE and TRUNCATE, so a slip in the code, in the admin or at a psql prompt fails loudly.
"""

import pgtrigger


class ProtectTruncate(pgtrigger.Trigger):
    """Refuses TRUNCATE, which `pgtrigger.Protect` lets through.

    Django's transactional tests flush by TRUNCATE: their teardown runs inside `pgtrigger.ignore()`
    (see tests/conftest.py).
    """

    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    level = pgtrigger.Statement

    def get_func(self, model: object) -> str:
        return "RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;"


def append_only() -> list[pgtrigger.Trigger]:
    """The triggers of an append-only table, for `Meta.triggers`."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ProtectTruncate(name="no_truncate"),
    ]


def frozen(*fields: str) -> pgtrigger.Trigger:
    """A trigger that refuses to change `fields` of a row once written (the rest may change)."""
    return pgtrigger.Protect(
        name="frozen_" + "_".join(fields)[:30],
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(*fields),
    )
