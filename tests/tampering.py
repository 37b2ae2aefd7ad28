"""What somebody with the database's password, and nothing in his way, can do to the books."""

from collections.abc import Iterable

from django.db import connection


def tamper(sql: str, *, tables: Iterable[str], constraints: Iterable[tuple[str, str]] = ()) -> None:
    """Runs `sql`, which must change rows, without the triggers of `tables`.

    Of `constraints`, pairs of a table and a constraint's name, none is left for the transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        for table, constraint in constraints:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
        cursor.execute(sql)
        assert cursor.rowcount > 0
