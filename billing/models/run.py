"""Bill runs, what they could not bill, and what a correction changes."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from billing.models.period import BillingPeriod
from billing.models.tariff import FeeItem
from community.models import Building, Community, Party, Unit

if TYPE_CHECKING:
    from community.models import User


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
        FINAL = "final", _("final bill of somebody who moves out")

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
    #   in_arrears     the ids of the fee items that were billed for the period before
    #   taken_back     {lines, amount}: what a run took back of what stood before, if anything
    #   asked          the ids of the units that a correction is about; absent: all
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
    # Where the community wants a second person, one asks for the reversal and another does it.
    reversal_asked_at = models.DateTimeField(_("reversal asked at"), null=True, blank=True)
    reversal_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("reversal asked by"),
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
                condition=Q(kind__in=["regular", "final"], corrects__isnull=True)
                | Q(kind="correction", corrects__isnull=False),
                name="run_correction_names_what",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("issued_by")),
                name="run_approved_by_another",
            ),
            models.CheckConstraint(
                condition=Q(reversal_asked_by__isnull=True)
                | Q(reversed_by__isnull=True)
                | ~Q(reversal_asked_by=F("reversed_by")),
                name="run_reversed_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="reversed") | Q(reversed_at__isnull=False),
                name="run_reversed_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period} {self.get_state_display()}"

    @property
    def title(self) -> str:
        """What its bills are for, so that a correction does not look like the period's own bill."""
        if self.corrects:
            return gettext("%(period)s (correction)") % {"period": self.corrects.period}
        if self.kind == self.Kind.FINAL:
            return gettext("%(period)s (final bill)") % {"period": self.period}
        return str(self.period)

    @property
    def amount(self) -> Decimal | None:
        """What the run came to, in yuan; None before it was computed."""
        return Decimal(self.summary["amount"]) if "amount" in self.summary else None

    @property
    def is_open(self) -> bool:
        """Whether the run may still change: none of its bills is issued."""
        return self.state in self.OPEN


class RunException(models.Model):
    """A unit that a run could not bill for an item, or billed oddly, and why.

    Before a run is issued from its page somebody mends each, or accepts it.
    """

    class Reason(models.TextChoices):
        NO_READING = "no_reading", _("reading missing")
        BACKWARD_METER = "backward_meter", _("meter ran backwards")
        NOBODY_IN_SCOPE = "nobody_in_scope", _("shared cost with no unit in scope")
        NO_COST = "no_cost", _("no shared cost recorded")
        NO_PAYER = "no_payer", _("no payer")
        NO_TARIFF = "no_tariff", _("no tariff")
        CANNOT_COMPUTE = "cannot_compute", _("the tariff cannot be computed")
        HIGH_USAGE = "high_usage", _("usage over three times its average")

    run = models.ForeignKey(
        BillRun, on_delete=models.CASCADE, related_name="exceptions", verbose_name=_("run")
    )
    # A shared cost with nobody in scope, or that nobody recorded, belongs to no unit.
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("unit")
    )
    # Of a cost that nobody recorded: the building that lacks it, none if all that share it do.
    building = models.ForeignKey(
        Building,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("building"),
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


class RunChange(models.Model):
    """What a correction changes for one payer at one unit, before and after, in yuan, and why."""

    class Why(models.TextChoices):
        PAYER = "payer", _("another payer")
        DAYS = "days", _("other days")
        AREA = "area", _("another area")
        VACANCY = "vacancy", _("vacancy")
        PRICE = "price", _("another price")
        USAGE = "usage", _("another reading")
        SHARE = "share", _("another share of a common cost")
        POOL_AREA = "pool_m2", _("because the m² that share a common cost changed")
        POOL_UNITS = "pool_n", _("because the number of units that share a common cost changed")

    run = models.ForeignKey(
        BillRun, on_delete=models.CASCADE, related_name="changes", verbose_name=_("run")
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="+", verbose_name=_("unit")
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="+", verbose_name=_("payer")
    )
    before = models.DecimalField(_("billed before, yuan"), max_digits=12, decimal_places=2)
    after = models.DecimalField(_("by the facts of now, yuan"), max_digits=12, decimal_places=2)
    # Codes of `Why`, comma-separated.
    why = models.CharField(_("why"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("change by a correction")
        verbose_name_plural = _("changes by a correction")

    def __str__(self) -> str:
        return f"{self.unit} {self.before} → {self.after}"

    @property
    def difference(self) -> Decimal:
        """What the payer owes more (+) or less (−), in yuan."""
        return self.after - self.before

    @property
    def reasons(self) -> list[str]:
        """Why, in words."""
        return [str(self.Why(code).label) for code in self.why.split(",") if code]
