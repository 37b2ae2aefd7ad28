"""Deposits (押金): money that is held for a payer, given back, or kept for a reason."""

from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account
from community.models import Community
from core.append_only import append_only
from core.sql import total_of
from payments.models.payment import Payment

if TYPE_CHECKING:
    from community.models import User


class DepositQuerySet(models.QuerySet["Deposit"]):
    def visible_to(self, user: "User") -> "DepositQuerySet":
        """Deposits of `user`'s own accounts, and all of the communities where he works."""
        return self.filter(account__in=Account.objects.visible_to(user))

    def with_held(self) -> "DepositQuerySet":
        """Annotates `held`: what is neither given back nor kept, in yuan."""
        return self.annotate(
            held=F("amount") + total_of(DepositEntry.objects.filter(deposit=OuterRef("pk")))
        )

    def held(self) -> "DepositQuerySet":
        """Those of which something is still held."""
        return self.with_held().filter(Q(held__gt=0))


class Deposit(models.Model):
    """Money held for a purpose, such as while somebody decorates; never credit of the account."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="deposits", verbose_name=_("community")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="deposits", verbose_name=_("account")
    )
    purpose = models.CharField(_("what for"), max_length=50)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, related_name="deposit", verbose_name=_("payment")
    )
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)

    objects = DepositQuerySet.as_manager()

    class Meta:
        verbose_name = _("deposit")
        verbose_name_plural = _("deposits")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="deposit_positive"),
            models.CheckConstraint(condition=~Q(purpose=""), name="deposit_says_what_for"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.purpose} {self.amount}"


# The deposit's row lock makes two refunds of it see each other.
_WITHIN_THE_DEPOSIT = """
    PERFORM 1 FROM payments_deposit
      WHERE id IN (SELECT deposit_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT deposit_id FROM new_rows) touched
        JOIN payments_deposit d ON d.id = touched.deposit_id
        WHERE (SELECT d.amount + COALESCE(SUM(e.amount), 0) FROM payments_depositentry e
               WHERE e.deposit_id = d.id) NOT BETWEEN 0 AND d.amount
    ) THEN
        RAISE EXCEPTION 'more would be taken from a deposit than is held'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


class DepositEntry(models.Model):
    """What lessens a deposit (−): given back or kept. A failed pay-out is undone by a twin (+)."""

    class Kind(models.TextChoices):
        RETURNED = "returned", _("given back")
        WITHHELD = "withheld", _("kept")

    deposit = models.ForeignKey(
        Deposit, on_delete=models.PROTECT, related_name="entries", verbose_name=_("deposit")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    refund = models.ForeignKey(
        "payments.Refund",
        on_delete=models.PROTECT,
        related_name="deposit_entries",
        verbose_name=_("refund"),
    )
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    created_at = models.DateTimeField(_("posted at"), auto_now_add=True)

    class Meta:
        verbose_name = _("deposit entry")
        verbose_name_plural = _("deposit entries")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__lt=0, reverses__isnull=True)
                | Q(amount__gt=0, reverses__isnull=False),
                name="deposit_entry_sign",
            ),
            models.UniqueConstraint(
                fields=["refund", "kind"],
                condition=Q(reverses__isnull=True),
                name="deposit_entry_once_a_refund",
            ),
        ]
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="within_the_deposit",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_rows"),
                func=_WITHIN_THE_DEPOSIT,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deposit} {self.amount}"
