"""Set-wise writing: PostgreSQL's COPY, and ids reserved from a sequence before the rows exist."""

import io
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def sequence_of(model: type[models.Model]) -> str:
    """The name of the sequence that a model's primary keys come from."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
        (name,) = cursor.fetchone()
        return str(name)


def reserve_ids(model: type[models.Model], count: int) -> list[int]:
    """So many fresh primary keys of a model, from its sequence; unused ones are lost, no harm."""
    if not count:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(%s::regclass) FROM generate_series(1, %s)", [sequence_of(model), count]
        )
        return [row[0] for row in cursor.fetchall()]


def copy_rows(
    model: type[models.Model], fields: Sequence[str], rows: Iterable[Sequence[object]]
) -> int:
    """Append rows to a model's table; their values stand in the order of ``fields``.

    Only for tables that nothing but their constraints and triggers watches: no `save()`, no
    signals, no Python defaults. Returns how many rows were written.
    """
    lines = ["\t".join(_as_text(value) for value in row) for row in rows]
    if lines:
        with connection.cursor() as cursor:
            copy_text(cursor, model, fields, "\n".join(lines) + "\n")
    return len(lines)


def copy_text(
    cursor: CursorWrapper, model: type[models.Model], fields: Sequence[str], text: str
) -> None:
    """Append rows that are written in COPY's own text format already.

    The text goes to the server in one piece, without Python's lock: another thread may compute.
    """
    meta = model._meta
    column_of = {field.name: field.column for field in meta.concrete_fields}
    columns = ", ".join(f'"{column_of[field]}"' for field in fields)
    with cursor.db.wrap_database_errors:
        cursor.cursor.copy_expert(
            f'COPY "{meta.db_table}" ({columns}) FROM STDIN', io.StringIO(text), size=len(text) + 1
        )


def refresh_statistics(*models: type[models.Model]) -> None:
    """Tell the planner how many rows there are now; a small sample, 30 ms a table.

    An autoanalyze that comes by while a long COPY is still uncommitted sees full pages without a
    row, and until it comes again the planner takes a table of 300,000 rows for empty: the first
    payment then scans it once for every account. The lock that ANALYZE holds until the transaction
    ends keeps autoanalyze away.
    """
    tables = ", ".join(f'"{model._meta.db_table}"' for model in models)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL default_statistics_target = 10")
        cursor.execute(f"ANALYZE {tables}")
        cursor.execute("SET LOCAL default_statistics_target TO DEFAULT")


def _as_text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, int | Decimal | date):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be copied")
