"""What a community promises for each kind of ticket, and the phrases it answers with."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models import Community


class TicketKind(models.TextChoices):
    INQUIRY = "inquiry", _("inquiry")
    COMPLAINT = "complaint", _("complaint")
    SUGGESTION = "suggestion", _("suggestion")
    REPAIR = "repair", _("repair")


class SlaPolicyQuerySet(models.QuerySet["SlaPolicy"]):
    def in_force(self, community: Community, kind: str) -> "SlaPolicy":
        """The community's commitment for a kind of ticket; the default one if it made none."""
        found = self.filter(community=community, kind=kind).first()
        return found or SlaPolicy(community=community, kind=kind)


class SlaPolicy(models.Model):
    """How soon a community answers a kind of ticket. Tickets copy it, so history never moves."""

    DEFAULT_FIRST_RESPONSE_HOURS = 24
    DEFAULT_RESOLUTION_HOURS = 72

    community = models.ForeignKey(
        Community,
        on_delete=models.PROTECT,
        related_name="sla_policies",
        verbose_name=_("community"),
    )
    kind = models.CharField(_("kind"), max_length=12, choices=TicketKind)
    first_response_hours = models.PositiveIntegerField(
        _("first response within, hours"), default=DEFAULT_FIRST_RESPONSE_HOURS
    )
    resolution_hours = models.PositiveIntegerField(
        _("resolution within, hours"), default=DEFAULT_RESOLUTION_HOURS
    )

    objects = SlaPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("service commitment")
        verbose_name_plural = _("service commitments")
        constraints = [
            models.UniqueConstraint(fields=["community", "kind"], name="sla_policy_unique"),
            models.CheckConstraint(
                condition=Q(first_response_hours__gt=0, resolution_hours__gt=0),
                name="sla_policy_hours_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.community} {self.get_kind_display()}"


class ReplyPhrase(models.Model):
    """A ready-made answer (常用语) that staff start a reply from."""

    community = models.ForeignKey(
        Community,
        on_delete=models.CASCADE,
        related_name="reply_phrases",
        verbose_name=_("community"),
    )
    title = models.CharField(_("title"), max_length=50)
    body = models.TextField(_("text"), max_length=2000)
    position = models.PositiveIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("reply phrase")
        verbose_name_plural = _("reply phrases")
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["community", "title"], name="reply_phrase_unique")
        ]

    def __str__(self) -> str:
        return self.title
