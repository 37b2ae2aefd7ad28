"""Account statements (银行流水): what the bank says came and went, kept as it says it."""

from typing import TYPE_CHECKING

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from community.models import Community
from core.append_only import ProtectTruncate, append_only, frozen
from payments.banks import PROFILES

if TYPE_CHECKING:
    from community.models import User


class BankStatementQuerySet(models.QuerySet["BankStatement"]):
    def visible_to(self, user: "User") -> "BankStatementQuerySet":
        """Those of the communities where `user` works."""
        return self.filter(community__in=Community.objects.visible_to(user))


class BankStatement(models.Model):
    """A file that was taken over. The file itself is not kept: it is full of people's accounts."""

    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="bank_statements",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("community"),
    )
    profile = models.CharField(_("bank"), max_length=20)  # a key of payments.banks
    name = models.CharField(_("file name"), max_length=200, blank=True)
    digest = models.CharField(_("SHA-256 of the file"), max_length=64)
    rows = models.PositiveIntegerField(_("lines in the file"))
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    imported_at = models.DateTimeField(_("imported at"), auto_now_add=True)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("imported by"),
    )

    objects = BankStatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("bank statement")
        verbose_name_plural = _("bank statements")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["community", "digest"], name="bank_statement_file_once"
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.profile} {self.first_day}–{self.last_day}"

    @property
    def bank(self) -> str:
        """What the bank is called."""
        known = PROFILES.get(self.profile)
        return str(known.label) if known else self.profile


class BankLineQuerySet(models.QuerySet["BankLine"]):
    def waiting(self) -> "BankLineQuerySet":
        """Payouts of a channel that no day accounts for, here or in the statement of another
        community that has the same account."""
        shared_out = BankLine.objects.filter(
            key=OuterRef("key"), entries__isnull=False, entries__undone_at=None
        )
        return self.filter(~Exists(shared_out), use=BankLine.Use.CHANNEL)


class BankLine(models.Model):
    """An entry of the account. What the bank says never changes; what it is taken for may."""

    class Use(models.TextChoices):
        PAYER = "payer", _("from a payer")
        CHANNEL = "channel", _("payout of a channel")
        IGNORED = (
            "ignored",
            pgettext_lazy("bank line", "nobody's payment"),
        )  # interest, fees, debits

    statement = models.ForeignKey(
        BankStatement, on_delete=models.PROTECT, related_name="lines", verbose_name=_("statement")
    )
    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="bank_lines",
        db_index=False,  # the unique constraint's index begins with it
        verbose_name=_("community"),
    )
    row = models.PositiveIntegerField(_("row of the file"))
    # The bank's number; where there is none what the line says, and which of its equals it is.
    key = models.CharField(max_length=100, db_index=True)
    serial = models.CharField(_("bank's number"), max_length=64, blank=True)
    booked_on = models.DateField(_("booked on"))
    booked_time = models.TimeField(_("booked at"), null=True, blank=True)
    amount = models.DecimalField(
        _("amount, yuan"), max_digits=14, decimal_places=2, help_text=_("Below zero: money out.")
    )
    balance = models.DecimalField(
        _("balance after it, yuan"), max_digits=16, decimal_places=2, null=True, blank=True
    )
    name = models.CharField(_("other side"), max_length=200, blank=True)
    # Encrypted (core.encryption): a bank account is sensitive personal information.
    account = models.CharField(_("account of the other side"), max_length=500, blank=True)
    summary = models.CharField(_("kind of entry"), max_length=200, blank=True)
    memo = models.CharField(_("memo"), max_length=200, blank=True)
    use = models.CharField(_("taken for"), max_length=10, choices=Use)
    # Whose payout it is by its name: a key of payments.providers.
    provider = models.CharField(_("channel"), max_length=20, blank=True)
    # Whoever took it for something else than its name says.
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    objects = BankLineQuerySet.as_manager()

    class Meta:
        verbose_name = _("bank line")
        verbose_name_plural = _("bank lines")
        ordering = ["booked_on", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["community", "key"], name="bank_line_once"),
            models.CheckConstraint(
                condition=~Q(use="channel") | Q(amount__gt=0) & ~Q(provider=""),
                name="bank_line_payout_comes_from_a_channel",
            ),
        ]
        indexes = [models.Index(fields=["community", "use", "booked_on"], name="bank_line_use")]
        triggers = [
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            ProtectTruncate(name="no_truncate"),
            frozen(
                "statement",
                "community",
                "row",
                "key",
                "serial",
                "booked_on",
                "booked_time",
                "amount",
                "balance",
                "name",
                "account",
                "summary",
                "memo",
                "provider",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount} {self.name}"
