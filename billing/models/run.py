"""Periods, bill runs and bills."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, OuterRef, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from billing.models.account import Account
from billing.models.charge import Charge
from billing.models.credit import Allocation
from billing.models.tariff import FeeItem
from community.models import Community, DateRange, Unit, today
from core.append_only import append_only
from core.sql import total_of

if TYPE_CHECKING:
    from community.models import User


class BillingPeriod(models.Model):
    """A span of whole months, both ends inclusive, for which a community is billed (账期)."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="periods", verbose_name=_("community")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    # A period that was only previewed may be dropped for another; an issued one stands.
    # The day by which its bills should be out; empty for a period nobody planned.
    issue_on = models.DateField(_("to be issued on"), null=True, blank=True)
    reminded_at = models.DateTimeField(_("reminded at"), null=True, blank=True)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("billing period")
        verbose_name_plural = _("billing periods")
        ordering = ["starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="period_dates_in_order"
            ),
            models.UniqueConstraint(
                fields=["community", "starts_on", "ends_on"], name="period_unique"
            ),
            ExclusionConstraint(
                name="period_no_overlap_once_issued",
                expressions=[
                    ("community", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(issued_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        """The months as people say them: Jan–Mar 2026, 2026年1–3月."""
        first, last = self.starts_on, self.ends_on
        month = date_format(last, "YEAR_MONTH_FORMAT")
        if (first.year, first.month) == (last.year, last.month):
            return month
        if first.year != last.year:
            return f"{date_format(first, 'YEAR_MONTH_FORMAT')} – {month}"
        # Translators: how Django's date filter writes the first month of "Jan–Mar 2026".
        begins = pgettext("first month of a period", "M")
        # Translators: ... and the last month, with the year where it stands.
        ends = pgettext("last month of a period", "M Y")
        return f"{date_format(first, begins)}–{date_format(last, ends)}"


class BillRunQuerySet(models.QuerySet["BillRun"]):
    def visible_to(self, user: "User") -> "BillRunQuerySet":
        return self.filter(period__community__in=Community.objects.visible_to(user))


class BillRun(models.Model):
    """One computation of a period's bills (出账): previewed as often as wanted, issued once.

    A wrong run is reversed by counter-entries, and the period billed by a new one. A correction run
    bills what late facts changed about an earlier run; it stands in the period that was open then.
    """

    class Kind(models.TextChoices):
        REGULAR = "regular", _("the period's bills")
        CORRECTION = "correction", _("correction of an earlier run")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PREVIEWED = "previewed", _("previewed")
        AWAITING = "awaiting", _("waiting for approval")
        ISSUED = "issued", _("issued")
        CLOSED = "closed", _("closed")
        REVERSED = "reversed", _("reversed")

    TRANSITIONS = {
        State.DRAFT: {State.PREVIEWED, State.ISSUED},
        State.PREVIEWED: {State.PREVIEWED, State.AWAITING, State.ISSUED},
        State.AWAITING: {State.PREVIEWED, State.ISSUED},
        State.ISSUED: {State.CLOSED, State.REVERSED},
        State.CLOSED: set(),
        State.REVERSED: set(),
    }
    # The states of a run whose bills were issued, and of one that may still change.
    WITH_BILLS = (State.ISSUED, State.CLOSED, State.REVERSED)
    OPEN = (State.DRAFT, State.PREVIEWED, State.AWAITING)

    period = models.ForeignKey(
        BillingPeriod, on_delete=models.PROTECT, related_name="runs", verbose_name=_("period")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.REGULAR)
    corrects = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="corrections",
        verbose_name=_("corrects"),
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    due_on = models.DateField(_("due on"))
    # What the run computed; amounts are yuan as text ("1234.50"):
    #   bills, lines, amount
    #   items          [{id, item, amount, before}]  by fee item
    #   buildings      [{building, amount}]  in natural order
    #   compared_with  {run, from, to, amount}: the latest issued run before it for as many months,
    #                  where "before" comes from; null if there is none, and so is every "before"
    #   odd            [{unit, code, amount, before, usual, reason}]  the ten oddest units, the
    #                  oddest first: more, less, new, gone against "before"; or, without a run
    #                  before, above or below the "usual" (median per m² of the type of unit)
    #   pools          [{cost, amount, whole}]  the m² or units that each cost was shared over
    summary = models.JSONField(_("summary"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    # Who asked for it to be issued; where the community wants it, another one approves.
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("issued by"),
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("approved by"),
    )
    reversed_at = models.DateTimeField(_("reversed at"), null=True, blank=True)
    reversed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reversed by"),
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    objects = BillRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("bill run")
        verbose_name_plural = _("bill runs")
        ordering = ["-period__starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["draft", "previewed", "awaiting"], issued_at__isnull=True)
                | Q(state__in=["issued", "closed", "reversed"], issued_at__isnull=False),
                name="run_issued_has_time",
            ),
            models.UniqueConstraint(
                fields=["period"],
                condition=Q(kind="regular") & ~Q(state="reversed"),
                name="run_one_standing_a_period",
            ),
            models.CheckConstraint(
                condition=Q(kind="regular", corrects__isnull=True)
                | Q(kind="correction", corrects__isnull=False),
                name="run_correction_names_what",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("issued_by")),
                name="run_approved_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="reversed") | Q(reversed_at__isnull=False),
                name="run_reversed_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.get_state_display()}"

    @property
    def amount(self) -> Decimal | None:
        """What the run came to, in yuan; None before it was computed."""
        return Decimal(self.summary["amount"]) if self.summary else None


class RunException(models.Model):
    """A unit that a run could not bill for an item, or billed oddly, and why.

    Before a run is issued from its page somebody mends each, or accepts it.
    """

    class Reason(models.TextChoices):
        NO_READING = "no_reading", _("reading missing")
        BACKWARD_METER = "backward_meter", _("meter ran backwards")
        NOBODY_IN_SCOPE = "nobody_in_scope", _("shared cost with no unit in scope")
        NO_PAYER = "no_payer", _("no payer")
        NO_TARIFF = "no_tariff", _("no tariff")
        CANNOT_COMPUTE = "cannot_compute", _("the tariff cannot be computed")
        HIGH_USAGE = "high_usage", _("usage over three times its average")

    run = models.ForeignKey(
        BillRun, on_delete=models.CASCADE, related_name="exceptions", verbose_name=_("run")
    )
    # A shared cost with nobody in scope belongs to no unit.
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("unit")
    )
    # A unit without any tariff has no item either.
    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("fee item")
    )
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    detail = models.CharField(_("detail"), max_length=200, blank=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("accepted by"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True, db_default="")

    class Meta:
        verbose_name = _("run exception")
        verbose_name_plural = _("run exceptions")

    def __str__(self) -> str:
        return f"{self.unit} {self.fee_item} {self.get_reason_display()}"


class BillQuerySet(models.QuerySet["Bill"]):
    def visible_to(self, user: "User") -> "BillQuerySet":
        return self.filter(account__in=Account.objects.visible_to(user))

    def of_resident(self, user: "User") -> "BillQuerySet":
        return self.filter(account__in=Account.objects.of_resident(user))

    def with_open(self) -> "BillQuerySet":
        """Annotates `late_posted`, `settled` and `open_amount`, in yuan.

        `open_amount` is of all lines, the late fees that were posted included. What of a late fee
        is not posted yet, `late_fees.accrued` tells.
        """
        late = Charge.objects.filter(bill=OuterRef("pk"), kind=Charge.Kind.LATE_FEE)
        return self.annotate(
            late_posted=total_of(late),
            settled=total_of(Allocation.objects.filter(charge__bill=OuterRef("pk"))),
        ).annotate(open_amount=F("amount") + F("late_posted") - F("settled"))

    def open(self) -> "BillQuerySet":
        """Bills of which something is still owed."""
        return self.with_open().filter(Q(open_amount__gt=0))

    def overdue(self) -> "BillQuerySet":
        return self.open().filter(due_on__lt=today())


class Bill(models.Model):
    """What one payer owes for one unit and one period (账单); its amount is Σ of its charges."""

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="bills",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("account"),
    )
    run = models.ForeignKey(
        BillRun, on_delete=models.PROTECT, related_name="bills", verbose_name=_("run")
    )
    due_on = models.DateField(_("due on"))
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    issued_at = models.DateTimeField(_("issued at"))

    objects = BillQuerySet.as_manager()

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        constraints = [
            models.UniqueConstraint(fields=["account", "run"], name="bill_once_a_run"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="bill_not_negative"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"

    @property
    def is_past_due(self) -> bool:
        """Whether the due date has passed; says nothing on whether the bill is paid."""
        return self.due_on < today()
