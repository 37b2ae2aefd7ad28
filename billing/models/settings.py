"""How a community bills: how often, when, and who has to agree."""

import datetime

from django.core.validators import BaseValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models import Community, today

# Whoever is billed late gets at least this long to pay.
LEAST_DAYS_TO_PAY = 15
# The days that a community may ask for: the least and the most, for its form and for the database.
ISSUE_DAYS, DUE_DAYS, PROPOSAL_DAYS = (0, 90), (1, 365), (1, 180)


def _within(limits: tuple[int, int]) -> list[BaseValidator]:
    return [MinValueValidator(limits[0]), MaxValueValidator(limits[1])]


class BillingSettings(models.Model):
    """One row a community; without one the defaults below hold."""

    class Cycle(models.IntegerChoices):
        MONTHLY = 1, _("every month")
        QUARTERLY = 3, _("every quarter")
        HALF_YEARLY = 6, _("every half year")
        YEARLY = 12, _("every year")

    community = models.OneToOneField(
        Community,
        on_delete=models.PROTECT,
        related_name="billing_settings",
        verbose_name=_("community"),
    )
    cycle = models.PositiveSmallIntegerField(
        _("bills are issued"), choices=Cycle, default=Cycle.QUARTERLY
    )
    # So that notices reach the payers before the period begins.
    issue_days_before = models.PositiveSmallIntegerField(
        _("days from issue to the period's start"),
        default=10,
        validators=_within(ISSUE_DAYS),
    )
    due_days = models.PositiveSmallIntegerField(
        _("days from the period's start to the due date"),
        default=45,
        validators=_within(DUE_DAYS),
    )
    needs_approval = models.BooleanField(_("a second person approves each bill run"), default=False)
    # docs/domain.md: within a bill principal before late fee; a community may turn that round.
    late_fee_first = models.BooleanField(_("money settles late fees first"), default=False)
    proposal_days = models.PositiveSmallIntegerField(
        _("days for comments on a new fee standard"),
        default=15,
        validators=_within(PROPOSAL_DAYS),
    )

    class Meta:
        verbose_name = _("billing settings")
        verbose_name_plural = _("billing settings")
        constraints = [
            models.CheckConstraint(
                condition=Q(cycle__in=[1, 3, 6, 12]), name="settings_cycle_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    issue_days_before__range=ISSUE_DAYS,
                    due_days__range=DUE_DAYS,
                    proposal_days__range=PROPOSAL_DAYS,
                ),
                name="settings_days_within_limits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.community} {self.get_cycle_display()}"

    @classmethod
    def of(cls, community: Community) -> "BillingSettings":
        """The settings of a community; the defaults, unsaved, if it has none yet."""
        found = cls.objects.filter(community=community).first()
        return found or cls(community=community)

    def due_on(self, starts_on: datetime.date) -> datetime.date:
        """When the bills of a period that starts on a day are due."""
        return starts_on + datetime.timedelta(days=self.due_days)

    def due_on_from_now(self, starts_on: datetime.date) -> datetime.date:
        """The same for bills that are issued today: late ones still leave time to pay."""
        soonest = today() + datetime.timedelta(days=LEAST_DAYS_TO_PAY)
        return max(self.due_on(starts_on), soonest)

    def issue_on(self, starts_on: datetime.date) -> datetime.date:
        """When the bills of a period that starts on a day should be issued."""
        return starts_on - datetime.timedelta(days=self.issue_days_before)
