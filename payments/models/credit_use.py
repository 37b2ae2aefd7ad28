"""Credit used for open bills because somebody asked for it: who, when, and what it settled."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account, Allocation
from core.append_only import append_only


class CreditUse(models.Model):
    """Credit of an account used for what was open there; the use at issue needs no such row."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="credit_uses", verbose_name=_("account")
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("asked for by"),
    )
    # What makes two presses of one form one use.
    form_token = models.UUIDField(_("form token"))
    used_at = models.DateTimeField(_("used at"), auto_now_add=True)

    class Meta:
        verbose_name = _("use of credit")
        verbose_name_plural = _("uses of credit")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_use_positive"),
            models.UniqueConstraint(fields=["form_token", "account"], name="credit_use_once"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.account} {self.amount}"


class CreditUseLine(models.Model):
    """One charge that a use of credit settled, as far as it did."""

    use = models.ForeignKey(
        CreditUse, on_delete=models.PROTECT, related_name="lines", verbose_name=_("use of credit")
    )
    allocation = models.OneToOneField(
        Allocation,
        on_delete=models.PROTECT,
        related_name="credit_use_line",
        verbose_name=_("allocation"),
    )

    class Meta:
        verbose_name = _("line of a use of credit")
        verbose_name_plural = _("lines of uses of credit")
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.allocation}"
