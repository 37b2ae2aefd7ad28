"""Periods: the whole months that a community is billed for, and when their bills should be out."""

import datetime

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext

from community.models import Community, DateRange, today


class BillingPeriodQuerySet(models.QuerySet["BillingPeriod"]):
    def late(self, on: datetime.date | None = None) -> "BillingPeriodQuerySet":
        """Planned periods whose bills should be out, and are not, on a day (today)."""
        return self.filter(issued_at__isnull=True, issue_on__lt=on or today())


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

    objects = BillingPeriodQuerySet.as_manager()

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

    @property
    def is_late(self) -> bool:
        """Whether its bills should have been issued before today."""
        return self.issued_at is None and self.issue_on is not None and self.issue_on < today()
