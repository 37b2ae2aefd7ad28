"""What staff change about what somebody owes, with reason, evidence and a second person's word."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.account import Account
from billing.models.charge import Charge
from billing.models.tariff import FeeItem
from community.models import Community, StoredFile
from community.models.two_persons import TwoPersonRequest, decided_by_another
from core.append_only import frozen

if TYPE_CHECKING:
    from community.models import User


class AdjustmentQuerySet(models.QuerySet["Adjustment"]):
    def visible_to(self, user: "User") -> "AdjustmentQuerySet":
        """Those of `user`'s own accounts, and all of the communities where he works."""
        return self.filter(account__in=Account.objects.visible_to(user))

    def waiting(self) -> "AdjustmentQuerySet":
        return self.filter(state=Adjustment.State.REQUESTED)


class Adjustment(TwoPersonRequest):
    """A waiver, discount, write-off or extra charge (减免): asked for by one, decided by another.

    Approved, it is posted in the same transaction: credit entries that name it, or a charge.
    """

    class Kind(models.TextChoices):
        WAIVER = "waiver", _("waiver")
        DISCOUNT = "discount", _("discount")
        WRITE_OFF = "write_off", _("write-off")
        EXTRA = "extra", _("extra charge")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("community")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="adjustments", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    # What is lessened; None for an extra charge. A late fee not yet posted is posted when asked.
    lessens = models.ForeignKey(
        Charge,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="adjustments",
        verbose_name=_("line"),
    )
    amount = models.DecimalField(_("amount, yuan"), max_digits=12, decimal_places=2)
    reason = models.TextField(_("reason"), max_length=1000)
    evidence = models.ForeignKey(
        StoredFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("evidence"),
    )
    # Paper stays where it is filed: what it is and where it lies.
    evidence_note = models.CharField(_("evidence on paper"), max_length=200, blank=True)
    # For an extra charge: what for, and until when it is to be paid.
    fee_item = models.ForeignKey(
        FeeItem,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("fee item"),
    )
    due_on = models.DateField(_("due on"), null=True, blank=True)
    charge = models.OneToOneField(
        Charge,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="adjustment",
        verbose_name=_("became"),
    )
    # Two presses of one form ask once.
    form_token = models.UUIDField(unique=True, null=True, editable=False)
    objects = AdjustmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("adjustment")
        verbose_name_plural = _("adjustments")
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="adjustment_positive"),
            models.CheckConstraint(
                condition=Q(kind="extra", lessens__isnull=True, fee_item__isnull=False)
                & Q(due_on__isnull=False)
                | ~Q(kind="extra") & Q(lessens__isnull=False),
                name="adjustment_says_of_what",
            ),
            decided_by_another("adjustment_decided_by_another"),
            models.CheckConstraint(
                condition=~Q(kind="extra", state="approved") | Q(charge__isnull=False),
                name="adjustment_extra_has_charge",
            ),
        ]
        # What is approved is what was asked for.
        triggers = [
            frozen("community", "account", "kind", "lessens", "amount", "fee_item", "requested_by")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"
