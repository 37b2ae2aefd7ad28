"""What a community brought along when it moved here: arrears and prepayments, row by row."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.account import Account
from billing.models.charge import Charge
from billing.models.credit import CreditEntry
from billing.models.tariff import FeeItem
from core.append_only import append_only


class OpeningBalance(models.Model):
    """A row of an opening balance (期初余额) and what it became.

    Owed (+): a charge without a bill. Prepaid (−): a credit entry, for which item and days may be
    missing. The row keeps what a credit entry cannot say, so that the same file is known again.
    """

    account = models.ForeignKey(
        Account,
        on_delete=models.PROTECT,
        related_name="opening_balances",
        verbose_name=_("account"),
    )
    fee_item = models.ForeignKey(
        FeeItem, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("fee item")
    )
    starts_on = models.DateField(_("from"), null=True, blank=True)
    ends_on = models.DateField(_("to"), null=True, blank=True)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    # Below 0: prepaid.
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    charge = models.OneToOneField(
        Charge,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="opening_balance",
        verbose_name=_("charge"),
    )
    credit_entry = models.OneToOneField(
        CreditEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="opening_balance",
        verbose_name=_("credit entry"),
    )
    imported_at = models.DateTimeField(_("imported at"), auto_now_add=True)

    class Meta:
        verbose_name = _("opening balance")
        verbose_name_plural = _("opening balances")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "fee_item", "starts_on", "ends_on"],
                nulls_distinct=False,
                name="opening_balance_once",
            ),
            models.CheckConstraint(
                condition=(
                    Q(amount__gt=0, charge__isnull=False, credit_entry__isnull=True)
                    & Q(fee_item__isnull=False, starts_on__isnull=False)
                    & Q(ends_on__isnull=False, due_on__isnull=False)
                    | Q(amount__lt=0, charge__isnull=True, credit_entry__isnull=False)
                ),
                name="opening_balance_is_owed_or_prepaid",
            ),
            models.CheckConstraint(
                condition=Q(starts_on__isnull=True)
                | Q(ends_on__isnull=True)
                | Q(ends_on__gte=F("starts_on")),
                name="opening_balance_dates_in_order",
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"
