"""What of an online order is for an account rather than for a bill."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account
from payments.models.order import PaymentOrder


class OrderAccount(models.Model):
    """A part of an order that becomes credit (prepaid), or settles what is on no bill."""

    class Purpose(models.TextChoices):
        PREPAYMENT = "prepayment", _("prepayment")
        # Opening arrears and extra charges: owed, but on no bill.
        UNBILLED = "unbilled", _("owed without a bill")

    order = models.ForeignKey(
        PaymentOrder,
        on_delete=models.PROTECT,
        related_name="account_lines",
        verbose_name=_("order"),
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="order_lines", verbose_name=_("account")
    )
    purpose = models.CharField(_("for"), max_length=10, choices=Purpose)
    # The months that a prepayment was computed for, both days inclusive: what the payer was told.
    months = models.PositiveSmallIntegerField(_("months"), null=True, blank=True)
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("order line of an account")
        verbose_name_plural = _("order lines of accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "account", "purpose"], name="order_account_unique"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_account_positive"),
            models.CheckConstraint(
                condition=~Q(purpose="prepayment")
                | Q(months__isnull=False, starts_on__isnull=False, ends_on__isnull=False),
                name="order_prepayment_says_months",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.account} {self.amount}"
