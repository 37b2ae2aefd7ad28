"""Small pieces of SQL that every room's querysets use."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, models
from django.db.backends.utils import CursorWrapper
from django.db.models import Subquery, Sum, Value
from django.db.models.functions import Coalesce

YUAN = models.DecimalField(max_digits=14, decimal_places=2)
ZERO = Value(Decimal("0.00"), output_field=YUAN)


def total_of(queryset: models.QuerySet, field: str = "amount") -> Coalesce:
    """Σ `field` over a correlated `queryset` as a subquery, 0.00 when it is empty, in yuan.

    Two sums over two joins would multiply each other's rows; two subqueries do not.
    """
    summed = (
        queryset.order_by()
        .annotate(_one=Value(1))
        .values("_one")
        .annotate(total=Sum(field))
        .values("total")
    )
    return Coalesce(Subquery(summed, output_field=YUAN), ZERO)


def id_array(ids: Iterable[int]) -> str:
    """Ids as PostgreSQL writes an array, for `= ANY(%s::bigint[])`.

    A list as a parameter becomes an ARRAY[…] of as many expressions, each parsed and planned: five
    times the work for thousands of ids.
    """
    return "{" + ",".join(map(str, ids)) + "}"


def ask(sql: str, parameters: Sequence[Any]) -> CursorWrapper:
    """Run a query; its rows wait in this process until `answer` turns them into Python values.

    For a thread that wants the connection for something else meanwhile.
    """
    cursor = connection.cursor()
    cursor.execute(sql, parameters)
    return cursor


def answer(asked: CursorWrapper) -> list[tuple[Any, ...]]:
    """The rows of a query that `ask` has run; once."""
    with asked as cursor:
        return cursor.fetchall()
