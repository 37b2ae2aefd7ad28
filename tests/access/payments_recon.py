"""Reconciliation."""

from typing import Any

from django.utils import timezone

from community.models import today
from payments.models import Reconciliation, ReconciliationLine
from tests.access.rows import Row
from tests.access.world import Side


def a_day(side: Side) -> dict[str, Any]:
    return {"pk": a_reconciliation(side).pk}


def a_reconciliation(side: Side) -> Reconciliation:
    return Reconciliation.objects.create(
        community=side.community,
        provider="wechatpay",
        day=today(),
        digest="0" * 64,
        their_lines=1,
        compared_at=timezone.now(),
    )


def a_difference(side: Side) -> dict[str, Any]:
    line = ReconciliationLine.objects.create(
        reconciliation=a_reconciliation(side),
        kind=ReconciliationLine.Kind.NOT_HERE,
        flow=ReconciliationLine.Flow.PAYMENT,
        out_trade_no="X1",
        theirs="5.00",
    )
    return {"pk": line.pk}


ROWS = [
    Row("payments:reconciliations"),
    Row("payments:reconciliation", a_day),
    Row("payments:close_reconciliation", a_day, post=True),
    Row("payments:difference", a_difference),
    Row(
        "payments:settle_difference",
        a_difference,
        post=True,
        data=lambda side: {"way": "explain", "words": "查过"},
    ),
]
