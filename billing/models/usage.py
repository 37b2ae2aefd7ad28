"""What was used and what was spent together: meters, readings, shared costs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.tariff import FeeItem
from community.models import Building, Unit


class Meter(models.Model):
    """A meter of a unit for one fee item."""

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="meters", verbose_name=_("unit")
    )
    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, related_name="meters", verbose_name=_("fee item")
    )

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

    class Meta:
        verbose_name = _("meter reading")
        verbose_name_plural = _("meter readings")
        constraints = [
            models.UniqueConstraint(fields=["meter", "read_on"], name="reading_one_a_day"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="reading_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.meter} {self.read_on} {self.value}"


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

    def __str__(self) -> str:
        return f"{self.fee_item} {self.starts_on}–{self.ends_on}"
