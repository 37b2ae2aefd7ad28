"""Claim and lease: how workers share rows of work without doing any of it twice.

A claim marks due rows with `leased_until` in one statement; rows that another claim holds at that
moment are skipped, not waited for. A lease that has run out is as good as none, so what a worker
lost by dying comes back by itself. Every comparison is made with the database's clock: workers'
clocks differ, and a difference would look like a lease that ended early.
"""

import datetime
from typing import TypeVar

from django.db import connections, models, router, transaction
from django.db.models import Q
from django.db.models.functions import Now

Row = TypeVar("Row", bound=models.Model)


def claim(queryset: models.QuerySet[Row], *, limit: int, lease: datetime.timedelta) -> list[int]:
    """Leases up to `limit` rows of `queryset`, in its order, and returns their ids in that order.

    The model has a nullable `leased_until`. Rows under a live lease, and rows locked by somebody
    else right now, are left out. The lease stands when this returns (or when the caller's
    transaction commits), so a worker may begin at once.
    """
    if limit < 1:
        return []
    using = router.db_for_write(queryset.model)
    table = connections[using].ops.quote_name(queryset.model._meta.db_table)
    free = queryset.using(using).filter(Q(leased_until__isnull=True) | Q(leased_until__lt=Now()))
    with transaction.atomic(using=using):
        picked = free.select_for_update(skip_locked=True, of=("self",)).values("pk")[:limit]
        # MATERIALIZED: inside IN (…) the planner may run the subselect again for every row, and
        # would then lock more rows than `limit`.
        sql, params = picked.query.sql_with_params()
        with connections[using].cursor() as cursor:
            cursor.execute(
                f"WITH picked AS MATERIALIZED ({sql}) "
                f"UPDATE {table} SET leased_until = statement_timestamp() + %s * interval '1 s' "
                f"WHERE id IN (SELECT picked.pk FROM picked) RETURNING id",
                [*params, lease.total_seconds()],
            )
            claimed = {row[0] for row in cursor.fetchall()}
        in_order = queryset.using(using).filter(pk__in=claimed).values_list("pk", flat=True)
        return list(in_order)


def release(queryset: models.QuerySet[Row]) -> int:
    """Gives the leases of `queryset` back, as when the work could not be handed out."""
    return queryset.update(leased_until=None)


def lapsed(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Rows whose lease ran out before the work was recorded: the worker died or hangs."""
    return queryset.filter(leased_until__lt=Now())


def reconcile(queryset: models.QuerySet[Row], **back_to: object) -> int:
    """Sets rows with a lapsed lease `back_to` where a claim finds them; returns how many.

    One statement, so a row that its worker records at the same moment is either recorded or put
    back, never both: the UPDATE waits for the worker's lock and then checks the condition again.
    """
    return lapsed(queryset).update(leased_until=None, **back_to)
