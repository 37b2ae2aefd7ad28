"""Accounts: one payer at one unit, what he was charged, what lessens it, and what settled what.

    open(charge)    = amount − Σ allocations                 between 0 and amount
    credit(account) = Σ credit entries − Σ allocations       never below 0
    balance         = Σ charges − Σ credit entries

The triggers below hold the first two lines under any interleaving; `verify_books` checks all three.
"""

from typing import TYPE_CHECKING

import pgtrigger
from django.db import models
from django.db.models import F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from community.models import Community, Party, Unit
from core.append_only import append_only
from core.sql import total_of

if TYPE_CHECKING:
    from community.models import User


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, user: "User") -> "AccountQuerySet":
        """Accounts of the parties `user` stands for, and all of the communities where he works.

        A new owner is another party, so he neither sees nor inherits the old one's account.
        """
        return self.filter(
            Q(community__in=Community.objects.visible_to(user))
            | Q(party__in=user.bindings.values("party_id"))
        )

    def of_resident(self, user: "User") -> "AccountQuerySet":
        """Accounts of the parties `user` stands for."""
        return self.filter(party__in=user.bindings.values("party_id"))

    def with_balance(self) -> "AccountQuerySet":
        """Annotates `charged`, `credited`, `allocated`, `balance`, `credit` and `owed`, in yuan.

        `owed` is what is open on charges, `credit` what is not yet used; balance = owed − credit.
        """
        own = {"account": OuterRef("pk")}
        return self.annotate(
            charged=total_of(Charge.objects.filter(**own)),
            credited=total_of(CreditEntry.objects.filter(**own)),
            allocated=total_of(Allocation.objects.filter(charge__account=OuterRef("pk"))),
        ).annotate(
            balance=F("charged") - F("credited"),
            credit=F("credited") - F("allocated"),
            owed=F("charged") - F("allocated"),
        )


class Account(models.Model):
    """One payer at one unit; balance and credit belong to it."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("community")
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("unit")
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="accounts", verbose_name=_("payer")
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(fields=["unit", "party"], name="account_unit_party_unique")
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.party}"


class ChargeQuerySet(models.QuerySet["Charge"]):
    def visible_to(self, user: "User") -> "ChargeQuerySet":
        return self.filter(account__in=Account.objects.visible_to(user))

    def with_open(self) -> "ChargeQuerySet":
        """Annotates `settled` and `open_amount`, in yuan."""
        return self.annotate(
            settled=total_of(Allocation.objects.filter(charge=OuterRef("pk")))
        ).annotate(open_amount=F("amount") - F("settled"))

    def open(self) -> "ChargeQuerySet":
        """Charges of which something is still owed."""
        return self.with_open().filter(Q(open_amount__gt=0))

    def oldest_first(self) -> "ChargeQuerySet":
        """The order in which money settles charges when the payer does not choose (DOMAIN.md)."""
        return self.annotate(
            due=Coalesce("bill__due_on", "starts_on"),
            late=models.Case(
                models.When(kind=Charge.Kind.LATE_FEE, then=models.Value(1)),
                default=models.Value(0),
            ),
        ).order_by("due", "bill_id", "late", "fee_item__position", "fee_item_id", "starts_on", "id")


class Charge(models.Model):
    """One line of what is owed; never negative, never changed. A correction is a credit entry."""

    class Kind(models.TextChoices):
        FEE = "fee", _("fee")
        LATE_FEE = "late_fee", _("late fee")
        EXTRA = "extra", _("extra charge")
        OPENING = "opening", _("opening arrears")

    # The indexes on this table are paid for by every bill run: only the two paths that pages use.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="charges", verbose_name=_("account")
    )
    bill = models.ForeignKey(
        "billing.Bill",
        on_delete=models.PROTECT,
        related_name="charges",
        null=True,
        blank=True,
        verbose_name=_("bill"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.FEE)
    fee_item = models.ForeignKey(
        "billing.FeeItem",
        on_delete=models.PROTECT,
        related_name="charges",
        db_index=False,
        verbose_name=_("fee item"),
    )
    tariff = models.ForeignKey(
        "billing.Tariff",
        on_delete=models.PROTECT,
        related_name="charges",
        null=True,
        blank=True,
        db_index=False,
        verbose_name=_("tariff"),
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    # What the amount was computed from: m² or m³ or 1 unit; yuan (NULL: a share of a cost);
    # months (NULL: days do not count); vacancy factor.
    quantity = models.DecimalField(_("quantity"), max_digits=14, decimal_places=3)
    unit_price = models.DecimalField(
        _("price, yuan"), max_digits=12, decimal_places=4, null=True, blank=True
    )
    months = models.DecimalField(
        _("months"), max_digits=10, decimal_places=6, null=True, blank=True
    )
    factor = models.DecimalField(_("factor"), max_digits=6, decimal_places=4)
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)

    objects = ChargeQuerySet.as_manager()

    class Meta:
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="charge_not_negative"),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="charge_dates_in_order"
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.fee_item} {self.starts_on}–{self.ends_on} {self.amount}"


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
        """Annotates `unused`: what of the entry has settled nothing yet, in yuan."""
        return self.annotate(
            unused=F("amount") - total_of(Allocation.objects.filter(credit_entry=OuterRef("pk")))
        )


class CreditEntry(models.Model):
    """What lessens an account: a payment (+), a refund (−), a waiver, a reversal of a charge."""

    class Kind(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")
        WAIVER = "waiver", _("waiver")
        REVERSAL = "reversal", _("reversal of a charge")
        OPENING = "opening", _("opening credit")

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="credit_entries", verbose_name=_("account")
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
    created_at = models.DateTimeField(_("posted at"), auto_now_add=True)

    objects = CreditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(amount__gt=0, reverses__isnull=True) & ~Q(kind="refund")
                    | Q(amount__lt=0) & (Q(kind="refund") | Q(reverses__isnull=False))
                ),
                name="credit_entry_sign",
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
        SELECT 1 FROM billing_charge c
        WHERE c.id IN (SELECT charge_id FROM new_rows)
          AND (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               WHERE a.charge_id = c.id) NOT BETWEEN 0 AND c.amount
    ) THEN
        RAISE EXCEPTION 'a charge would be settled by more than its amount'
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT 1 FROM billing_creditentry e
        WHERE e.id IN (SELECT credit_entry_id FROM new_rows)
          AND (SELECT COALESCE(SUM(a.amount), 0) FROM billing_allocation a
               WHERE a.credit_entry_id = e.id) NOT BETWEEN 0 AND GREATEST(e.amount, 0)
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
        Charge, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("charge")
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
