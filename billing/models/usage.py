"""What was used and what was spent together: meters, readings, shared costs."""

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.models.noting import READINGS, SHARED_COSTS, noting
from billing.models.tariff import FeeItem, Tariff
from community.models import Building, Community, Occupancy, Unit

if TYPE_CHECKING:
    from community.models import User


class Meter(models.Model):
    """The place where a unit's usage is measured for one fee item, whichever device hangs there."""

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="meters", verbose_name=_("unit")
    )
    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, related_name="meters", verbose_name=_("fee item")
    )
    serial = models.CharField(_("meter number"), max_length=50, blank=True, db_default="")
    # A meter of 5 digits goes from 99999 to 0; without a number it never rolls over.
    digits = models.PositiveSmallIntegerField(_("digits before the point"), null=True, blank=True)

    class Meta:
        verbose_name = _("meter")
        verbose_name_plural = _("meters")
        constraints = [models.UniqueConstraint(fields=["unit", "fee_item"], name="meter_unique")]

    def __str__(self) -> str:
        return f"{self.unit} {self.fee_item}"


class MeterReading(models.Model):
    """What a meter showed on a day (抄表)."""

    meter = models.ForeignKey(
        Meter, on_delete=models.PROTECT, related_name="readings", verbose_name=_("meter")
    )
    read_on = models.DateField(_("read on"))
    value = models.DecimalField(_("reading, m³"), max_digits=14, decimal_places=3)
    # Added to the value, it makes one rising series of a meter that was replaced or rolled over:
    # usage is the difference of value + shift.
    shift = models.DecimalField(max_digits=14, decimal_places=3, db_default=Decimal(0))
    is_estimated = models.BooleanField(_("estimated"), db_default=False)
    # An estimate that the next real reading proved too high stands for this instead.
    corrected_value = models.DecimalField(
        _("corrected reading, m³"), max_digits=14, decimal_places=3, null=True, blank=True
    )
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("read by"),
    )
    note = models.CharField(_("note"), max_length=200, blank=True, db_default="")

    class Meta:
        verbose_name = _("meter reading")
        verbose_name_plural = _("meter readings")
        constraints = [
            models.UniqueConstraint(fields=["meter", "read_on"], name="reading_one_a_day"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="reading_not_negative"),
            models.CheckConstraint(
                condition=models.Q(corrected_value__isnull=True) | models.Q(is_estimated=True),
                name="reading_only_estimates_are_corrected",
            ),
        ]
        triggers = noting("reading", READINGS)

    def __str__(self) -> str:
        return f"{self.meter} {self.read_on} {self.value}"


class MeterReplacement(models.Model):
    """A device that gave way to another: what the old one showed last and the new one first.

    A meter that passed 99999 and began again at 0 is the same to arithmetic: the old value is then
    100000, the new one 0, and the day that of the reading which showed it.
    """

    class Kind(models.TextChoices):
        REPLACED = "replaced", _("replaced")
        ROLLED_OVER = "rolled_over", _("began again at 0")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind, db_default=Kind.REPLACED)
    meter = models.ForeignKey(
        Meter, on_delete=models.PROTECT, related_name="replacements", verbose_name=_("meter")
    )
    replaced_on = models.DateField(_("replaced on"))
    old_value = models.DecimalField(_("last reading, m³"), max_digits=14, decimal_places=3)
    new_value = models.DecimalField(_("first reading, m³"), max_digits=14, decimal_places=3)
    old_serial = models.CharField(_("old meter number"), max_length=50, blank=True)
    new_serial = models.CharField(_("new meter number"), max_length=50, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("recorded by"),
    )

    class Meta:
        verbose_name = _("meter replacement")
        verbose_name_plural = _("meter replacements")
        constraints = [
            models.UniqueConstraint(
                fields=["meter", "replaced_on", "kind"], name="replacement_once_a_day"
            ),
            models.CheckConstraint(
                condition=models.Q(old_value__gte=0, new_value__gte=0),
                name="replacement_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.replaced_on}"


class SharedCostQuerySet(models.QuerySet["SharedCost"]):
    def visible_to(self, user: "User") -> "SharedCostQuerySet":
        """Costs that a unit where `user` lived at their end shares, all of where he works.

        A unit shares a cost if a standard shares its item there on the cost's last day.
        """
        last_day = OuterRef(OuterRef("ends_on"))
        shares = Tariff.objects.filter(
            Q(ends_on=None) | Q(ends_on__gte=last_day),
            Q(picked=False) & (Q(building=None) | Q(building=OuterRef("unit__building")))
            | Q(units__unit=OuterRef("unit")),
            fee_item=OuterRef(OuterRef("fee_item")),
            method__in=(Tariff.Method.SHARED_AREA, Tariff.Method.SHARED_HOUSEHOLD),
            unit_kind=OuterRef("unit__kind"),
            starts_on__lte=last_day,
        )
        at_home = Occupancy.objects.filter(
            Q(ends_on=None) | Q(ends_on__gte=OuterRef("ends_on")),
            Exists(shares),
            unit__building=Coalesce(OuterRef("building"), F("unit__building")),
            party__bindings__user=user,
            starts_on__lte=OuterRef("ends_on"),
            unit__community=OuterRef("fee_item__community"),
        )
        works = Q(fee_item__community__in=Community.objects.visible_to(user))
        return self.filter(works | Q(Exists(at_home)))


class SharedCost(models.Model):
    """A cost shared over the units in scope, to the fen (公摊); billed in the period of its end."""

    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, related_name="shared_costs", verbose_name=_("fee item")
    )
    building = models.ForeignKey(
        Building,
        on_delete=models.PROTECT,
        related_name="shared_costs",
        null=True,
        blank=True,
        verbose_name=_("building"),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # What for, for everybody who shares it: "electricity of the lifts, meter 0032".
    note = models.CharField(_("note"), max_length=200, blank=True, db_default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("entered by"),
    )

    objects = SharedCostQuerySet.as_manager()

    class Meta:
        verbose_name = _("shared cost")
        verbose_name_plural = _("shared costs")
        constraints = [
            models.UniqueConstraint(
                fields=["fee_item", "building", "starts_on", "ends_on"],
                nulls_distinct=False,
                name="shared_cost_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                name="shared_cost_dates_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(amount__gte=0), name="shared_cost_not_negative"
            ),
        ]
        triggers = noting("shared_cost", SHARED_COSTS)

    def __str__(self) -> str:
        return f"{self.fee_item} {self.starts_on}–{self.ends_on}"
