"""What is added to a bill that is paid late (违约金), and the days that do not count."""

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.bill import Bill
from community.models import Community, DateRange
from core.append_only import frozen


class LateFeePolicy(models.Model):
    """The rule for bills that fall due between two days, both inclusive.

    The policy in force on a bill's due date holds for that bill to its end: a new rate does not
    reach back to what was due before.
    """

    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="late_fee_policies",
        verbose_name=_("community"),
    )
    # 0.0005 is 0.05 % a day.
    daily_rate = models.DecimalField(_("rate a day"), max_digits=8, decimal_places=6)
    grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=0)
    cap = models.DecimalField(
        _("at most this share of the principal"),
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Empty: no cap."),
    )
    legal_basis = models.CharField(_("legal basis"), max_length=500, blank=True)
    starts_on = models.DateField(_("for bills due from"))
    ends_on = models.DateField(_("for bills due to"), null=True, blank=True)

    class Meta:
        verbose_name = _("late fee policy")
        verbose_name_plural = _("late fee policies")
        ordering = ["-starts_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="late_fee_dates_in_order",
            ),
            models.CheckConstraint(
                condition=Q(daily_rate__gte=0, daily_rate__lte=Decimal("0.01")),
                name="late_fee_rate_sane",
            ),
            models.CheckConstraint(
                condition=Q(cap__isnull=True) | Q(cap__gte=0), name="late_fee_cap_not_negative"
            ),
            ExclusionConstraint(
                name="late_fee_one_policy_a_day",
                expressions=[
                    ("community", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        triggers = [frozen("community", "daily_rate", "grace_days", "cap", "starts_on")]

    def __str__(self) -> str:
        return f"{self.daily_rate} {self.starts_on}"

    @property
    def daily_percent(self) -> str:
        """The rate as people say it: 0.05 for 0.0005."""
        return format((self.daily_rate * 100).normalize(), "f")

    @property
    def cap_percent(self) -> str | None:
        return None if self.cap is None else format((self.cap * 100).normalize(), "f")


class DisputeHold(models.Model):
    """Days on which a bill is in dispute: they never count for its late fee."""

    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, related_name="holds", verbose_name=_("bill")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"), null=True, blank=True)
    # What opened it, in the words of the room that did: "ticket 12".
    source = models.CharField(max_length=100)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("opened by"),
    )

    class Meta:
        verbose_name = _("dispute hold")
        verbose_name_plural = _("dispute holds")
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "source"],
                condition=Q(ends_on__isnull=True),
                name="hold_open_once_a_source",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="hold_dates_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bill} {self.starts_on}"
