"""Who looked at which personal data in the clear, and why."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from community.models.community import Community
from community.models.party import Party
from core.append_only import append_only

if TYPE_CHECKING:
    from community.models.user import User


class AccessLogQuerySet(models.QuerySet["AccessLog"]):
    def visible_to(self, user: "User") -> "AccessLogQuerySet":
        """The entries of the communities where `user` works."""
        return self.filter(community__in=Community.objects.visible_to(user))


class AccessLog(models.Model):
    """One look at what is masked otherwise; never changed, never deleted."""

    class Field(models.TextChoices):
        PHONE = "phone", _("phone")
        EMAIL = "email", _("email")
        BANK_ACCOUNT = "bank_account", _("bank account")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="+", verbose_name=_("community")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("seen by"),
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="access_log", verbose_name=_("whose")
    )
    field = models.CharField(_("what"), max_length=20, choices=Field)
    reason = models.CharField(_("reason"), max_length=200)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    objects = AccessLogQuerySet.as_manager()

    class Meta:
        verbose_name = _("look at personal data")
        verbose_name_plural = _("looks at personal data")
        indexes = [models.Index(fields=["community", "-at"], name="access_log_latest")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="access_log_has_reason")
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.user} → {self.party} {self.field}"
