"""Settlement (结算): what became of the money that a channel owes for a day."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models import Community
from core.append_only import ProtectTruncate, append_only, frozen
from payments.models.bank import BankLine
from payments.models.reconciliation import Reconciliation


class SettlementEntry(models.Model):
    """A part of a day's net: it arrived with a line of the bank, or is explained in words.

    Net of a day = Σ its entries that stand + what is outstanding. An entry is taken back by
    saying who did, never by deleting it.
    """

    reconciliation = models.ForeignKey(
        Reconciliation,
        on_delete=models.PROTECT,
        related_name="entries",
        verbose_name=_("reconciliation"),
    )
    line = models.ForeignKey(
        BankLine,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        verbose_name=_("bank line"),
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=14, decimal_places=2)
    words = models.CharField(_("in words"), max_length=500, blank=True)
    # Empty: they fitted by themselves.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("made by"),
    )
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )
    undone_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    class Meta:
        verbose_name = _("settlement entry")
        verbose_name_plural = _("settlement entries")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reconciliation", "line"],
                condition=Q(undone_at=None),
                name="settlement_entry_one_a_day_and_line",
            ),
            models.CheckConstraint(condition=~Q(amount=0), name="settlement_entry_not_zero"),
            models.CheckConstraint(
                condition=Q(line__isnull=False) | ~Q(words="") & Q(made_by__isnull=False),
                name="settlement_entry_from_the_bank_or_in_words",
            ),
            models.CheckConstraint(
                condition=Q(undone_at=None, undone_by=None)
                | Q(undone_at__isnull=False, undone_by__isnull=False),
                name="settlement_entry_taken_back_by_somebody",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            ProtectTruncate(name="no_truncate"),
            frozen("reconciliation", "line", "amount", "words", "made_by", "made_at"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.reconciliation_id}"


class SettlementMonth(models.Model):
    """A month signed off: every day of it arrived or is explained. Its sums, in yuan, stay."""

    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="settlement_months",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("community"),
    )
    month = models.DateField(_("month"), help_text=_("Its first day."))
    net = models.DecimalField(_("to be paid out"), max_digits=14, decimal_places=2)
    arrived = models.DecimalField(_("arrived"), max_digits=14, decimal_places=2)
    explained = models.DecimalField(_("explained"), max_digits=14, decimal_places=2)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("signed off by"),
    )
    closed_at = models.DateTimeField(_("signed off at"), auto_now_add=True)

    class Meta:
        verbose_name = _("settled month")
        verbose_name_plural = _("settled months")
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(
                fields=["community", "month"], name="settlement_month_signed_off_once"
            ),
            models.CheckConstraint(
                condition=Q(month__day=1), name="settlement_month_is_its_first_day"
            ),
            models.CheckConstraint(
                condition=Q(net=models.F("arrived") + models.F("explained")),
                name="settlement_month_has_nothing_outstanding",
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
