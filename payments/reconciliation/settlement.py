"""Reading what channels owe and what came: a month of days, and the sum that ties it together.

in transit at its start + net of its days − arrived in it − explained = in transit at its end
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import DecimalField, F, Prefetch, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from community.models import Community, today
from core.money import ZERO
from payments.models import BankLine, Reconciliation, SettlementEntry, SettlementMonth
from payments.reconciliation.payouts import working_days_after

_YUAN: "DecimalField[Any, Any]" = DecimalField(max_digits=14, decimal_places=2)
_NET = F("their_paid") - F("their_refunded") - F("fees")
STANDING = Q(entries__undone_at=None)


def _sum(expression: str, **condition: Any) -> Any:
    return Coalesce(Sum(expression, **condition), Value(ZERO), output_field=_YUAN)


def net_and_entries(days: QuerySet[Reconciliation]) -> Any:
    """Annotates `net`, what of it `arrived` and is `explained`, and what is `outstanding`."""
    from_bank = STANDING & Q(entries__line__isnull=False)
    in_words = STANDING & Q(entries__line=None)
    return days.annotate(
        net=_NET,
        arrived=_sum("entries__amount", filter=from_bank),
        explained=_sum("entries__amount", filter=in_words),
        outstanding=_NET - F("arrived") - F("explained"),
    )


def next_month(month: datetime.date, back: bool = False) -> datetime.date:
    """The first day of the month after `month`, or of the one before it."""
    step = -1 if back else 31
    return (month.replace(day=1) + datetime.timedelta(days=step)).replace(day=1)


@dataclass(frozen=True)
class Sums:
    """The sums of a month's days, in yuan."""

    paid: Decimal
    refunded: Decimal
    fees: Decimal
    fee_difference: Decimal
    net: Decimal
    arrived: Decimal  # of these days, whenever it came
    explained: Decimal

    @property
    def outstanding(self) -> Decimal:
        return self.net - self.arrived - self.explained


def is_late(day: datetime.date) -> bool:
    """Whether the money of a day should have come by now."""
    return today() > working_days_after(day, settings.PAYOUT_LATE_AFTER)


class Month:
    """A community's month of settlement: its days, its sums, what is in the way of signing it."""

    def __init__(self, community: Community, month: datetime.date) -> None:
        self.community = community
        self.first = month.replace(day=1)
        self.end = next_month(self.first)  # the first day that is not in it
        self.all = Reconciliation.objects.filter(community=community)

    @cached_property
    def rows(self) -> list[Any]:
        """Its days with what was paid there or here, each with `standing` entries and `late`."""
        standing = SettlementEntry.objects.filter(undone_at=None).select_related("line")
        days = self.all.filter(day__gte=self.first, day__lt=self.end)
        found = (
            net_and_entries(days.exclude(their_lines=0, our_lines=0))
            .prefetch_related(Prefetch("entries", queryset=standing, to_attr="standing"))
            .order_by("day", "provider", "pk")
        )
        rows = list(found)
        for row in rows:
            row.late = row.outstanding > 0 and is_late(row.day)
        return rows

    @cached_property
    def sums(self) -> Sums:
        def total(name: str) -> Decimal:
            return sum((getattr(row, name) for row in self.rows), ZERO)

        return Sums(
            paid=total("their_paid"),
            refunded=total("their_refunded"),
            fees=total("fees"),
            fee_difference=total("fee_difference"),
            net=total("net"),
            arrived=total("arrived"),
            explained=total("explained"),
        )

    @cached_property
    def opening(self) -> Decimal:
        """What was on its way when the month began: of days before it, what had not come."""
        before = SettlementEntry.objects.filter(
            Q(line__booked_on__lt=self.first) | Q(line=None),
            reconciliation__community=self.community,
            reconciliation__day__lt=self.first,
            undone_at=None,
        )
        net: Decimal = self.all.filter(day__lt=self.first).aggregate(net=_total(_NET))["net"]
        came: Decimal = before.aggregate(came=_total(F("amount")))["came"]
        return net - came

    @cached_property
    def received(self) -> Decimal:
        """What of its own and of earlier days came to the bank within the month."""
        came = SettlementEntry.objects.filter(
            reconciliation__community=self.community,
            line__booked_on__gte=self.first,
            line__booked_on__lt=self.end,
            undone_at=None,
        )
        found: Decimal = came.aggregate(came=_total(F("amount")))["came"]
        return found

    @property
    def closing(self) -> Decimal:
        """What is on its way when the month ends."""
        return self.opening + self.sums.net - self.received - self.sums.explained

    @cached_property
    def waiting(self) -> QuerySet[BankLine]:
        """Payouts booked in the month that no day accounts for."""
        lines = self.community.bank_lines.waiting()
        return lines.filter(booked_on__gte=self.first, booked_on__lt=self.end)

    @cached_property
    def aside(self) -> QuerySet[BankLine]:
        """What came through a channel in the month and was taken for payers' own transfers."""
        lines = self.community.bank_lines.exclude(provider="").filter(use=BankLine.Use.PAYER)
        booked = lines.filter(booked_on__gte=self.first, booked_on__lt=self.end)
        return booked.order_by("booked_on", "pk")

    @cached_property
    def waiting_sum(self) -> Decimal:
        found: Decimal = self.waiting.aggregate(came=_total(F("amount")))["came"]
        return found

    @cached_property
    def signed_off(self) -> SettlementMonth | None:
        found = SettlementMonth.objects.select_related("closed_by")
        return found.filter(community=self.community, month=self.first).first()

    def obstacles(self) -> list[str]:
        """What is in the way of signing it off."""
        found = {
            "nothing": not self.rows,
            "not_over": today() < self.end,
            "days_open": any(row.state == Reconciliation.State.OPEN for row in self.rows),
            "outstanding": any(row.outstanding for row in self.rows),
            "lines": bool(self.waiting_sum),
        }
        return [name for name, true in found.items() if true]


def _total(expression: Any) -> Any:
    return Coalesce(Sum(expression), Value(ZERO), output_field=_YUAN)
