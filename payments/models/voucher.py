"""Payout vouchers (付款凭单): the paper of a refund that was paid out."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models import Community
from core.append_only import append_only
from payments.models.payment import Receipt
from payments.models.refund import Refund

if TYPE_CHECKING:
    from community.models import User


class PayoutVoucherQuerySet(models.QuerySet["PayoutVoucher"]):
    def visible_to(self, user: "User") -> "PayoutVoucherQuerySet":
        """Papers of refunds of `user`'s own accounts, and all of the communities where he works."""
        return self.filter(refund__in=Refund.objects.visible_to(user))


class PayoutVoucher(models.Model):
    """The paper of a refund that was paid out (付款凭单); numbered without gaps, never changed."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="vouchers", verbose_name=_("community")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    refund = models.OneToOneField(
        Refund, on_delete=models.PROTECT, related_name="voucher", verbose_name=_("refund")
    )
    # Of money that goes back the way it was paid: the receipt that this counters (冲红).
    counters = models.ForeignKey(
        Receipt,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="countered_by",
        verbose_name=_("counters the receipt"),
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # A voucher keeps saying what it said: names as they were on the day.
    payee_name = models.CharField(_("payee"), max_length=100)
    handler_name = models.CharField(_("handled by"), max_length=100, blank=True)
    approver_name = models.CharField(_("approved by"), max_length=100, blank=True)
    issued_at = models.DateTimeField(_("issued at"), auto_now_add=True)

    objects = PayoutVoucherQuerySet.as_manager()

    class Meta:
        verbose_name = _("payout voucher")
        verbose_name_plural = _("payout vouchers")
        constraints = [
            models.UniqueConstraint(
                fields=["community", "year", "number"], name="voucher_number_unique"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="voucher_positive"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return self.code

    @property
    def code(self) -> str:
        """The number as printed: F, year and six digits; a receipt's has no letter."""
        return f"F{self.year}{self.number:06d}"
