"""What lessens an account (credit entries), and what of it settles which charge (allocations).

The triggers hold the bounds of charges, entries and accounts under any interleaving of writers.
"""

import pgtrigger
from django.db import models
from django.db.models import F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.append_only import append_only
from core.sql import total_of

# An account's lock serialises everything that settles its charges. NO KEY: a bill run that only
# adds charges to the account need not wait.
_CREDIT_NEVER_NEGATIVE = """
    PERFORM 1 FROM billing_account
      WHERE id IN (SELECT account_id FROM new_rows) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT account_id FROM new_rows) touched
        WHERE (SELECT COALESCE(SUM(amount), 0) FROM billing_creditentry e
               WHERE e.account_id = touched.account_id)
            < (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               JOIN billing_creditentry e ON e.id = a.credit_entry_id
               WHERE e.account_id = touched.account_id)
    ) THEN
        RAISE EXCEPTION 'credit of an account would fall below 0' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


class CreditEntryQuerySet(models.QuerySet["CreditEntry"]):
    def with_unused(self) -> "CreditEntryQuerySet":
        """Annotates `unused`: what of the entry neither settles anything nor went back, in yuan."""
        own = OuterRef("pk")
        return self.annotate(
            unused=F("amount")
            + total_of(CreditEntry.objects.filter(takes_from=own))
            - total_of(Allocation.objects.filter(credit_entry=own))
        )


class CreditEntry(models.Model):
    """What lessens an account: a payment (+), a refund (−), a waiver, a reversal of a charge."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")
        WAIVER = "waiver", _("waiver")
        DISCOUNT = "discount", _("discount")
        WRITE_OFF = "write_off", _("write-off")
        REVERSAL = "reversal", _("reversal of a charge")
        OPENING = "opening", _("opening credit")
        # Computed once more from what is known now, a late fee came to less than was posted.
        LATE_BACK = "late_back", _("late fee taken back")

    account = models.ForeignKey(
        "billing.Account",
        on_delete=models.PROTECT,
        related_name="credit_entries",
        verbose_name=_("account"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    # The day the money counts from, which may be earlier than the day we learned of it.
    value_date = models.DateField(_("value date"))
    reverses = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversed_by",
        verbose_name=_("reverses"),
    )
    # What a refund gives back of, where it is of one payment; so too at the twin of such a refund,
    # so that the sum of both is what went.
    takes_from = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="taken_by",
        verbose_name=_("credit entry"),
    )
    # The charge that a waiver, write-off or reversal lessens: it settles that one and no other.
    charge = models.ForeignKey(
        "billing.Charge",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="lessened_by",
        verbose_name=_("lessens"),
    )
    adjustment = models.ForeignKey(
        "billing.Adjustment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_entries",
        verbose_name=_("adjustment"),
    )
    # The run whose reversal or correction took the charge back.
    run = models.ForeignKey(
        "billing.BillRun",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        verbose_name=_("bill run"),
    )
    created_at = models.DateTimeField(_("posted at"), auto_now_add=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(amount__gt=0, reverses__isnull=True) & ~Q(kind="refund")
                    # A line of 0.00 is taken back too: a vacancy that was none.
                    | Q(amount=0, reverses__isnull=True, kind="reversal", charge__isnull=False)
                    | Q(amount__lt=0) & (Q(kind="refund") | Q(reverses__isnull=False))
                    # A refund that could not be paid out is given back.
                    | Q(amount__gt=0, kind="refund", reverses__isnull=False)
                ),
                name="credit_entry_sign",
            ),
            models.CheckConstraint(
                condition=Q(takes_from__isnull=True) | Q(kind="refund"),
                name="credit_entry_refund_takes",
            ),
            # A charge is taken back as a whole and once; less than the whole is a waiver.
            models.UniqueConstraint(
                fields=["charge"],
                condition=Q(kind="reversal", reverses__isnull=True),
                name="charge_reversed_once",
            ),
        ]
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="credit_not_negative",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_rows"),
                func=_CREDIT_NEVER_NEGATIVE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"


# Each question starts from the new rows and looks up the rest: asked of the charges instead, the
# planner may sum the allocations of every charge there is before it looks which ones are new.
_ALLOCATION_WITHIN_BOUNDS = """
    PERFORM 1 FROM billing_account
      WHERE id IN (SELECT c.account_id FROM new_rows n JOIN billing_charge c ON c.id = n.charge_id)
      ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM new_rows n
        JOIN billing_charge c ON c.id = n.charge_id
        JOIN billing_creditentry e ON e.id = n.credit_entry_id
        WHERE c.account_id <> e.account_id
    ) THEN
        RAISE EXCEPTION 'allocation joins two accounts' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT charge_id FROM new_rows) touched
        WHERE (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               WHERE a.charge_id = touched.charge_id)
          NOT BETWEEN 0
          AND (SELECT c.amount FROM billing_charge c WHERE c.id = touched.charge_id)
    ) THEN
        RAISE EXCEPTION 'a charge would be settled by more than its amount'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM (SELECT DISTINCT credit_entry_id FROM new_rows) touched
        WHERE (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               WHERE a.credit_entry_id = touched.credit_entry_id)
          NOT BETWEEN 0
          AND (SELECT GREATEST(e.amount, 0) FROM billing_creditentry e
               WHERE e.id = touched.credit_entry_id)
    ) THEN
        RAISE EXCEPTION 'a credit entry would settle more than its amount'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1
        FROM (SELECT DISTINCT c.account_id FROM new_rows n
              JOIN billing_charge c ON c.id = n.charge_id) touched
        WHERE (SELECT COALESCE(SUM(amount), 0) FROM billing_creditentry e
               WHERE e.account_id = touched.account_id)
            < (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               JOIN billing_creditentry e ON e.id = a.credit_entry_id
               WHERE e.account_id = touched.account_id)
    ) THEN
        RAISE EXCEPTION 'credit of an account would fall below 0' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


class Allocation(models.Model):
    """So much of a credit entry settles so much of a charge (核销); undone by a negative twin."""

    credit_entry = models.ForeignKey(
        CreditEntry,
        on_delete=models.PROTECT,
        related_name="allocations",
        verbose_name=_("credit entry"),
    )
    charge = models.ForeignKey(
        "billing.Charge",
        on_delete=models.PROTECT,
        related_name="allocations",
        verbose_name=_("charge"),
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    undoes = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="undone_by",
        verbose_name=_("undoes"),
    )
    created_at = models.DateTimeField(_("posted at"), auto_now_add=True)

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, undoes__isnull=True)
                | Q(amount__lt=0, undoes__isnull=False),
                name="allocation_sign",
            ),
        ]
        triggers = [
            *append_only(),
            pgtrigger.Trigger(
                name="within_bounds",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_rows"),
                func=_ALLOCATION_WITHIN_BOUNDS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"
