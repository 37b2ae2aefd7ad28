"""Charges: what is owed, line by line."""

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from billing.models.credit import Allocation, CreditEntry
from core.append_only import append_only
from core.sql import total_of


def taken_back(charge: str = "pk") -> Exists:
    """Whether a reversal entry names the charge that `charge` leads to."""
    return Exists(
        CreditEntry.objects.filter(
            charge=OuterRef(charge), kind=CreditEntry.Kind.REVERSAL, reverses__isnull=True
        )
    )


class ChargeQuerySet(models.QuerySet["Charge"]):
    def with_open(self) -> "ChargeQuerySet":
        """Annotates `settled` and `open_amount`, in yuan."""
        return self.annotate(
            settled=total_of(Allocation.objects.filter(charge=OuterRef("pk")))
        ).annotate(open_amount=F("amount") - F("settled"))

    def open(self) -> "ChargeQuerySet":
        """Charges of which something is still owed."""
        return self.with_open().filter(Q(open_amount__gt=0))

    def standing(self) -> "ChargeQuerySet":
        """Charges that were not taken back by a run's reversal or a correction."""
        return self.exclude(taken_back())

    def oldest_first(self) -> "ChargeQuerySet":
        """The order in which money settles charges when the payer does not choose (docs/domain.md).

        Within a bill principal before late fee, unless the community turned that round.
        """
        return self.annotate(
            due=Coalesce("bill__due_on", "due_on", "starts_on"),
            late_first=Coalesce(
                "account__community__billing_settings__late_fee_first", models.Value(False)
            ),
            late=models.Case(
                models.When(kind=Charge.Kind.LATE_FEE, late_first=True, then=models.Value(0)),
                models.When(kind=Charge.Kind.LATE_FEE, then=models.Value(2)),
                default=models.Value(1),
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
        "billing.Account",
        on_delete=models.PROTECT,
        related_name="charges",
        verbose_name=_("account"),
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
    # Only where there is no bill to say it: opening arrears and extra charges.
    due_on = models.DateField(_("due on"), null=True, blank=True)
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
