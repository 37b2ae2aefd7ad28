"""Small pieces of SQL that every room's querysets use."""

from decimal import Decimal

from django.db import models
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
