"""Who looked at an online order or message that a machine could not settle, and what came of it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.append_only import append_only
from payments.models.event import ProviderEvent
from payments.models.order import PaymentOrder


class OrderLook(models.Model):
    """A person's word that an order needs nobody any more; never changed.

    It covers the order's `problem` of then and the messages refused up to `seen_at`, the time of
    the page that he saw: whatever came later waits for somebody again.
    """

    order = models.ForeignKey(
        PaymentOrder, on_delete=models.PROTECT, related_name="looks", verbose_name=_("order")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("looked at by"),
    )
    words = models.CharField(_("what was done"), max_length=500)
    problem = models.CharField(_("problem"), max_length=300, blank=True)
    seen_at = models.DateTimeField(_("seen at"))
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)

    class Meta:
        verbose_name = _("look at an order")
        verbose_name_plural = _("looks at orders")
        constraints = [
            models.CheckConstraint(condition=~models.Q(words=""), name="order_look_says_what"),
            models.UniqueConstraint(fields=["order", "by", "seen_at"], name="order_look_once"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.order} {self.words}"


class EventLook(models.Model):
    """A person's word that a message about no order of ours needs nobody any more; never changed.

    One holds for all communities that share the merchant account.
    """

    event = models.OneToOneField(
        ProviderEvent, on_delete=models.PROTECT, related_name="look", verbose_name=_("event")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("looked at by"),
    )
    words = models.CharField(_("what was done"), max_length=500)
    made_at = models.DateTimeField(_("made at"), auto_now_add=True)

    class Meta:
        verbose_name = _("look at a message")
        verbose_name_plural = _("looks at messages")
        constraints = [
            models.CheckConstraint(condition=~models.Q(words=""), name="event_look_says_what")
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.event} {self.words}"
