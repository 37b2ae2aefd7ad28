"""The manager's figures of today, each a few grouped rows over what the other rooms keep."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, Sum

from billing.models import Allocation, Bill, BillingPeriod, BillRun, Charge, RunException
from community.models import BindingRequest, Community, today
from core.money import ZERO
from notices.models import Delivery
from payments.models import Payment, PaymentOrder


@dataclass(frozen=True)
class Channel:
    """Money of one method on one day, in yuan."""

    label: str
    count: int
    amount: Decimal


@dataclass(frozen=True)
class Rate:
    """How much of what a run billed is paid, in yuan and as a share of 100."""

    run: BillRun
    billed: Decimal
    settled: Decimal

    @property
    def percent(self) -> int:
        return int(self.settled * 100 / self.billed) if self.billed else 0


@dataclass(frozen=True)
class Age:
    """What is overdue for between `least` and `most` days, in yuan (`most` None: and longer)."""

    least: int
    most: int | None
    amount: Decimal
    percent: int  # of all that is overdue


AGES = ((1, 30), (31, 90), (91, 180), (181, 365), (366, None))


def collected_on(community: Community, day: datetime.date) -> list[Channel]:
    """What came in on `day` by each method, the largest first."""
    rows = (
        Payment.objects.filter(community=community, value_date=day)
        .values("method")
        .annotate(count=Count("pk"), total=Sum("amount"))
        .order_by("-total")
    )
    return [
        Channel(str(Payment.Method(row["method"]).label), row["count"], row["total"])
        for row in rows
    ]


def collection_rates(community: Community, runs: int = 2) -> list[Rate]:
    """The collection rate of the latest issued runs, the newest first."""
    latest = (
        BillRun.objects.filter(
            period__community=community,
            kind=BillRun.Kind.REGULAR,
            state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED),
        )
        .select_related("period")
        .order_by("-period__starts_on")[:runs]
    )
    return [
        Rate(
            run,
            Bill.objects.filter(run=run).aggregate(total=Sum("amount"))["total"] or ZERO,
            # Late fees are no part of what the run billed.
            Allocation.objects.filter(charge__bill__run=run)
            .exclude(charge__kind=Charge.Kind.LATE_FEE)
            .aggregate(total=Sum("amount"))["total"]
            or ZERO,
        )
        for run in latest
    ]


def arrears_by_age(community: Community, day: datetime.date | None = None) -> list[Age]:
    """What is overdue on `day` (today), by how long. Charges without a bill are due at once."""
    day = day or today()
    bills = Bill.objects.filter(account__community=community)
    charges = Charge.objects.filter(account__community=community, bill=None)
    late = Charge.objects.filter(account__community=community, kind=Charge.Kind.LATE_FEE)
    settled = Allocation.objects.filter(charge__account__community=community)
    # A run has few due dates: grouped sums instead of one sum per bill.
    sums = (
        (1, bills.values_list("due_on")),
        (1, late.values_list("bill__due_on")),
        (1, charges.values_list("starts_on")),
        (-1, settled.filter(charge__bill__isnull=False).values_list("charge__bill__due_on")),
        (-1, settled.filter(charge__bill=None).values_list("charge__starts_on")),
    )
    open_by_due: dict[datetime.date, Decimal] = defaultdict(Decimal)
    for sign, rows in sums:
        for due, total in rows.order_by().annotate(Sum("amount")):
            open_by_due[due] += sign * total
    return _aged(((day - due).days, amount) for due, amount in open_by_due.items())


def _aged(overdue: Iterable[tuple[int, Decimal]]) -> list[Age]:
    sums = dict.fromkeys(AGES, ZERO)
    for days, amount in overdue:
        for least, most in AGES:
            if days >= least and (most is None or days <= most):
                sums[least, most] += amount
    total = sum(sums.values())
    return [
        Age(least, most, amount, int(amount * 100 / total) if total else 0)
        for (least, most), amount in sums.items()
    ]


def exceptions_waiting(community: Community) -> dict[str, int]:
    """What a machine could not settle and somebody has to look at, by kind."""
    return {
        "bindings": BindingRequest.objects.filter(
            unit__community=community, state=BindingRequest.State.PENDING
        ).count(),
        "deliveries": Delivery.objects.filter(
            Q(state=Delivery.State.FAILED) | Q(state=Delivery.State.UNKNOWN),
            notice__community=community,
        ).count(),
        "payments": PaymentOrder.objects.filter(community=community).unsettled().count(),
        "billing": RunException.objects.filter(
            run__period__community=community, accepted_at__isnull=True
        )
        .exclude(run__state=BillRun.State.REVERSED)
        .count(),
        "late_runs": BillingPeriod.objects.filter(community=community).late().count(),
        "approvals": BillRun.objects.filter(period__community=community)
        .filter(
            Q(state=BillRun.State.AWAITING)
            | Q(state=BillRun.State.ISSUED, reversal_asked_at__isnull=False)
        )
        .count(),
    }
