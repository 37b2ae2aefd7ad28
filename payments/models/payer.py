"""Whom a provider's own app knows a user as: personal data, shown to nobody."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class PayerIdentity(models.Model):
    """One user as one app knows him: WeChat's openid, which is another one for each app.

    A user may have several: who signs in on the phone of his daughter pays by her WeChat there. A
    session remembers which one it is.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="payer_identities",
        verbose_name=_("user"),
    )
    app = models.CharField(_("app"), max_length=64)  # the provider's number of it: WeChat's AppID
    identity = models.CharField(_("identity in the app"), max_length=128)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("identity of a payer")
        verbose_name_plural = _("identities of payers")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "app", "identity"], name="payer_identity_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.app} {self.pk}"  # never the identity
