"""What is charged for, and at which price, from when to when."""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.models.noting import PICKED_UNITS, TARIFFS, noting
from community.models import Building, Community, DateRange, Unit
from core.append_only import frozen


class FeeItem(models.Model):
    """A fee item (费目) of a community; its position orders the lines of a bill."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="fee_items", verbose_name=_("community")
    )
    name = models.CharField(_("name"), max_length=50)
    position = models.PositiveIntegerField(_("position"), default=0)
    # Water is known only afterwards: a run bills such an item for the period before its own.
    in_arrears = models.BooleanField(_("billed for the period before"), default=False)

    class Meta:
        verbose_name = _("fee item")
        verbose_name_plural = _("fee items")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["community", "name"], name="fee_item_name_unique")
        ]

    def __str__(self) -> str:
        return self.name


class Tariff(models.Model):
    """A version of a fee standard (收费标准) for one kind of unit, in force between two dates.

    A version that is published is never edited: a new price is a new version, and the old one only
    gets its last day. Where a building has a tariff of its own for an item, it beats the
    all-building one on the days it is in force.
    """

    class Method(models.TextChoices):
        AREA = "area", _("per m² and month")
        HOUSEHOLD = "household", _("per unit and month")
        USAGE = "usage", _("by usage")
        TIERED = "tiered", _("by usage in tiers")
        SHARED_AREA = "shared_area", _("shared by area")
        SHARED_HOUSEHOLD = "shared_household", _("shared equally")
        ONCE = "once", _("once, per unit")

    class PricingForm(models.TextChoices):
        """How the price came about, as it must be published (明码标价)."""

        GOVERNMENT_GUIDED = "government_guided", _("government-guided price")
        MARKET = "market", _("market price")

    class Rounding(models.TextChoices):
        WHOLE = "whole", _("once for the line")
        MONTHLY = "monthly", _("month by month")

    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, related_name="tariffs", verbose_name=_("fee item")
    )
    unit_kind = models.CharField(_("unit type"), max_length=10, choices=Unit.Kind)
    building = models.ForeignKey(
        Building,
        on_delete=models.PROTECT,
        related_name="tariffs",
        null=True,
        blank=True,
        verbose_name=_("building"),
        help_text=_("Empty: all buildings."),
    )
    # A version for hand-picked units (`TariffUnit`) beats both others on its days.
    picked = models.BooleanField(_("for hand-picked units only"), default=False)
    method = models.CharField(_("method"), max_length=20, choices=Method)
    # Yuan per m² and month, per unit and month, or per m³; empty for tiers and shared costs.
    price = models.DecimalField(
        _("price, yuan"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    # "15:3.45;25:4.83;:5.83": cumulative upper bounds in m³ per month, and the price up to there.
    tiers = models.CharField(_("tiers"), max_length=200, blank=True)
    vacancy_factor = models.DecimalField(
        _("vacancy factor"), max_digits=6, decimal_places=4, default=Decimal(1)
    )
    starts_on = models.DateField(_("in force from"))
    ends_on = models.DateField(_("in force to"), null=True, blank=True)
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Rounding, default=Rounding.WHOLE
    )
    service_standard = models.TextField(_("service standard"), blank=True)
    legal_basis = models.CharField(_("legal basis"), max_length=500, blank=True)
    pricing_form = models.CharField(
        _("pricing form"), max_length=20, choices=PricingForm, blank=True
    )
    # Why it came without a proposal, and why it got its last day by hand.
    reason = models.CharField(_("reason"), max_length=500, blank=True, db_default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("entered by"),
    )
    end_reason = models.CharField(_("why it ends"), max_length=500, blank=True, db_default="")
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("ended by"),
    )

    class Meta:
        verbose_name = _("tariff")
        verbose_name_plural = _("tariffs")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="tariff_dates_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(price__isnull=True) | models.Q(price__gte=0),
                name="tariff_price_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(vacancy_factor__gte=0), name="tariff_factor_not_negative"
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(
                        method__in=["area", "household", "usage", "once"],
                        price__isnull=False,
                        tiers="",
                    )
                    | models.Q(method="tiered", price__isnull=True) & ~models.Q(tiers="")
                    | models.Q(
                        method__in=["shared_area", "shared_household"],
                        price__isnull=True,
                        tiers="",
                    )
                ),
                name="tariff_price_fits_method",
            ),
            models.CheckConstraint(
                condition=models.Q(picked=False) | models.Q(building__isnull=True),
                name="tariff_picked_names_units_not_building",
            ),
            # A NULL would never conflict, so "all buildings" takes part as 0.
            ExclusionConstraint(
                name="tariff_no_overlap",
                expressions=[
                    ("fee_item", RangeOperators.EQUAL),
                    ("unit_kind", RangeOperators.EQUAL),
                    (Coalesce("building_id", models.Value(0)), RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=models.Q(picked=False),
            ),
        ]
        triggers = [
            frozen(
                "fee_item",
                "unit_kind",
                "building",
                "method",
                "price",
                "tiers",
                "vacancy_factor",
                "starts_on",
                "rounding",
                "picked",
            ),
            *noting("tariff", TARIFFS),
        ]

    def __str__(self) -> str:
        return f"{self.fee_item} {self.get_unit_kind_display()} {self.starts_on}"


# What an exclusion constraint would say if the days stood in this table. The item's lock makes two
# versions that are being published at the same moment see each other.
_ONE_TARIFF_A_DAY = """
    PERFORM 1 FROM billing_feeitem i
      JOIN billing_tariff t ON t.fee_item_id = i.id
      WHERE t.id = NEW.tariff_id FOR NO KEY UPDATE OF i;
    IF EXISTS (
        SELECT 1 FROM billing_tariff t
        JOIN billing_tariffunit u ON u.unit_id = NEW.unit_id AND u.tariff_id <> t.id
        JOIN billing_tariff other ON other.id = u.tariff_id
        WHERE t.id = NEW.tariff_id AND other.fee_item_id = t.fee_item_id
          AND daterange(t.starts_on, t.ends_on, '[]')
              && daterange(other.starts_on, other.ends_on, '[]')
    ) THEN
        RAISE EXCEPTION 'a unit is picked by two tariffs on one day'
            USING ERRCODE = 'exclusion_violation';
    END IF;
    RETURN NEW;
"""


class TariffUnit(models.Model):
    """A unit that a hand-picking tariff is for."""

    tariff = models.ForeignKey(
        Tariff, on_delete=models.CASCADE, related_name="units", verbose_name=_("tariff")
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="picked_by", verbose_name=_("unit")
    )

    class Meta:
        verbose_name = _("unit of a tariff")
        verbose_name_plural = _("units of a tariff")
        constraints = [models.UniqueConstraint(fields=["tariff", "unit"], name="tariff_unit_once")]
        triggers = [
            pgtrigger.Trigger(
                name="one_tariff_a_day",
                level=pgtrigger.Row,
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=_ONE_TARIFF_A_DAY,
            ),
            *noting("tariff", PICKED_UNITS),
        ]

    def __str__(self) -> str:
        return f"{self.tariff} {self.unit}"
