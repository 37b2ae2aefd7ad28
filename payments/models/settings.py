"""What a community decided about money."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from community.models import Community


class PaymentSettings(models.Model):
    """One row a community; without one the defaults below hold."""

    class PaidTwice(models.TextChoices):
        CREDIT = "credit", _("keep it as credit for other bills")
        REFUND = "refund", _("ask for a refund, which a person approves")

    community = models.OneToOneField(
        Community,
        on_delete=models.PROTECT,
        related_name="payment_settings",
        verbose_name=_("community"),
    )
    # Paid online for bills that somebody had paid meanwhile: it never settles anything else.
    paid_twice = models.CharField(
        _("money paid twice"), max_length=10, choices=PaidTwice, default=PaidTwice.CREDIT
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("changed by"),
    )
    changed_at = models.DateTimeField(_("changed at"), auto_now=True)

    class Meta:
        verbose_name = _("payment settings")
        verbose_name_plural = _("payment settings")

    def __str__(self) -> str:
        return f"{self.community} {self.get_paid_twice_display()}"

    @classmethod
    def of(cls, community: Community) -> "PaymentSettings":
        """The settings of a community; the defaults, unsaved, if it has none yet."""
        found = cls.objects.filter(community=community).first()
        return found or cls(community=community)
