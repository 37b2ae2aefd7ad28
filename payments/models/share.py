"""A bill's link for the family: whoever has it may pay, and sees nothing of the person."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Bill

if TYPE_CHECKING:
    from community.models import User


class BillShareQuerySet(models.QuerySet["BillShare"]):
    def visible_to(self, user: "User") -> "BillShareQuerySet":
        """Those that `user` made himself."""
        return self.filter(created_by=user)

    def valid(self) -> "BillShareQuerySet":
        """Neither expired nor taken back."""
        return self.filter(revoked_at=None, expires_at__gt=timezone.now())


class BillShare(models.Model):
    """A link to one bill. The address is signed; the row ends it: by time, or taken back."""

    bill = models.ForeignKey(
        Bill, on_delete=models.PROTECT, related_name="shares", verbose_name=_("bill")
    )
    # Orders that come by the link are his: he sees them, and their receipts.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="bill_shares",
        verbose_name=_("shared by"),
    )
    created_at = models.DateTimeField(_("shared at"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    revoked_at = models.DateTimeField(_("taken back at"), null=True, blank=True)

    objects = BillShareQuerySet.as_manager()

    class Meta:
        verbose_name = _("shared bill")
        verbose_name_plural = _("shared bills")
        constraints = [
            models.UniqueConstraint(
                fields=["bill", "created_by"],
                condition=Q(revoked_at__isnull=True),
                name="bill_share_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bill} – {self.expires_at:%Y-%m-%d}"
