"""What a provider told us, as it came."""

from collections.abc import Mapping

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from payments.models.order import PaymentOrder


class ProviderEventQuerySet(models.QuerySet["ProviderEvent"]):
    def astray(self, accounts: Mapping[str, str]) -> "ProviderEventQuerySet":
        """Those refused about no order of ours, of the merchant accounts by provider's key."""
        mine = Q(pk=None)
        for provider, merchant in accounts.items():
            mine |= Q(provider=provider, merchant=merchant)
        ours = PaymentOrder.objects.filter(out_trade_no=OuterRef("out_trade_no"))
        return self.filter(mine, ~Exists(ours), state=ProviderEvent.State.REFUSED)


class ProviderEvent(models.Model):
    """A verified callback as it came, stored before it is answered and processed after."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        PROCESSED = "processed", _("processed")
        REFUSED = "refused", _("refused")  # genuine, but does not fit our rows: a human looks

    provider = models.CharField(_("provider"), max_length=20)
    merchant = models.CharField(_("merchant account"), max_length=50, blank=True)
    event_id = models.CharField(_("event"), max_length=64)
    out_trade_no = models.CharField(_("order number"), max_length=64, blank=True)
    payload = models.JSONField(_("content"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.RECEIVED)
    outcome = models.CharField(_("outcome"), max_length=300, blank=True)
    received_at = models.DateTimeField(_("received at"), auto_now_add=True)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    objects = ProviderEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider event")
        verbose_name_plural = _("provider events")
        constraints = [
            models.UniqueConstraint(fields=["provider", "event_id"], name="provider_event_unique")
        ]
        indexes = [
            models.Index(
                fields=["received_at"], condition=Q(state="received"), name="provider_event_waiting"
            ),
            models.Index(
                fields=["out_trade_no"], condition=Q(state="refused"), name="provider_event_refused"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
