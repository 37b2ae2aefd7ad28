"""Where the numbers of receipts and of payout vouchers have got to."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from community.models import Community


class NumberSeries(models.Model):
    """The last number used in a community and year; its row lock makes numbers gapless."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField(_("year"))
    last_number = models.PositiveIntegerField(_("last number"), default=0)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.community} {self.year}: {self.last_number}"


class ReceiptSeries(NumberSeries):
    """Of receipts (收据)."""

    class Meta:
        verbose_name = _("receipt series")
        verbose_name_plural = _("receipt series")
        constraints = [
            models.UniqueConstraint(fields=["community", "year"], name="receipt_series_unique")
        ]


class VoucherSeries(NumberSeries):
    """Of payout vouchers (付款凭单)."""

    class Meta:
        verbose_name = _("voucher series")
        verbose_name_plural = _("voucher series")
        constraints = [
            models.UniqueConstraint(fields=["community", "year"], name="voucher_series_unique")
        ]
