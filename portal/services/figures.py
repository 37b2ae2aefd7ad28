"""The manager's figures of today, each a few grouped rows over what the other rooms keep."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Q, QuerySet, Sum

from billing.arrears import AGES, open_by_due_date
from billing.models import (
    Adjustment,
    Allocation,
    BillingPeriod,
    BillRun,
    Charge,
    CreditEntry,
    EarlyPaymentOffer,
    RunException,
)
from billing.services.runs import late_facts
from community.models import BindingRequest, Community, VacancyRequest, today
from core.money import ZERO
from notices.models import Delivery
from payments.models import Payment, PaymentOrder
from payments.unsettled.astray import astray_messages

RUNS_NAMED = 4  # runs with exceptions that wait, the latest


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
    """What is overdue for some span of days, in yuan."""

    label: str
    amount: Decimal
    percent: int  # of all that is overdue


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
    return [_rate(run) for run in latest]


def _rate(run: BillRun) -> Rate:
    """Of the lines that stand, less what was waived or given as discount, what credit settled.

    The lines of its corrections are among them: they came in the place of lines taken back.

    Late fees are no part of what the run billed. What was written off stays billed: nobody paid it.
    """
    own = Q(bill__run=run) | Q(bill__run__corrects=run)
    lines = Charge.objects.standing().filter(own).exclude(kind=Charge.Kind.LATE_FEE)
    settled = dict(
        Allocation.objects.filter(charge__in=lines)
        .values_list("credit_entry__kind")
        .annotate(total=Sum("amount"))
    )
    kinds = CreditEntry.Kind
    lessened = sum((settled.get(kind, ZERO) for kind in (kinds.WAIVER, kinds.DISCOUNT)), ZERO)
    paid = sum((settled.get(kind, ZERO) for kind in (kinds.PAYMENT, kinds.OPENING)), ZERO)
    total = lines.aggregate(total=Sum("amount"))["total"] or ZERO
    return Rate(run, total - lessened, paid)


def arrears_by_age(community: Community) -> list[Age]:
    """What is overdue today, by how long; what is not due yet is left out."""
    sums = dict.fromkeys(AGES[1:], ZERO)
    for due, amount in open_by_due_date(community).items():
        days = (today() - due).days
        for age in sums:
            if days >= age.least and (age.most is None or days <= age.most):
                sums[age] += amount
    total = sum(sums.values())
    return [
        Age(age.label, amount, int(amount * 100 / total) if total else 0)
        for age, amount in sums.items()
    ]


def billing_exceptions(community: Community) -> QuerySet[RunException]:
    """What runs could not bill and nobody accepted: of those not issued, and of the last period.

    What an earlier period left open was decided when it was issued.
    """
    issued = BillingPeriod.objects.filter(community=community, issued_at__isnull=False)
    last = issued.order_by("-ends_on").values("pk")[:1]
    runs = BillRun.objects.filter(
        Q(state__in=BillRun.OPEN) | Q(period__in=last), period__community=community
    ).exclude(state=BillRun.State.REVERSED)
    return RunException.objects.filter(run__in=runs, accepted_at__isnull=True)


@dataclass(frozen=True)
class Unbilled:
    """What runs could not bill: the latest runs by name, and how much is in the others."""

    runs: list[tuple[BillRun, int]]
    others: int


def unbilled(community: Community) -> Unbilled:
    """How many exceptions wait in which run, the latest period first (two queries)."""
    counted = billing_exceptions(community).order_by("-run__period__starts_on", "-run_id")
    found = list(counted.values_list("run").annotate(n=Count("pk")))
    named = dict(found[:RUNS_NAMED])
    runs = BillRun.objects.select_related("period", "corrects__period").in_bulk(named)
    return Unbilled(
        [(runs[pk], waiting) for pk, waiting in named.items()],
        sum(waiting for _run, waiting in found[RUNS_NAMED:]),
    )


def _payments_to_check(community: Community) -> int:
    """Orders that do not fit, and messages about none of ours: one query, as this page has many."""
    orders = PaymentOrder.objects.filter(community=community).unsettled().values("pk")
    return orders.union(astray_messages(community).order_by().values("pk"), all=True).count()


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
        "adjustments": Adjustment.objects.filter(community=community).waiting().count()
        + EarlyPaymentOffer.objects.filter(
            community=community, state=EarlyPaymentOffer.State.REQUESTED
        ).count(),
        "vacancies": VacancyRequest.objects.filter(unit__community=community).waiting().count(),
        "payments": _payments_to_check(community),
        "corrections": late_facts.units_due(community),
        "late_runs": BillingPeriod.objects.filter(community=community).late().count(),
        "approvals": BillRun.objects.filter(period__community=community)
        .filter(
            Q(state=BillRun.State.AWAITING)
            | Q(state=BillRun.State.ISSUED, reversal_asked_at__isnull=False)
        )
        .count(),
    }
