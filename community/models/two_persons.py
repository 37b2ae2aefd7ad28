"""What one person asks for and another decides on."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from community.models.user import User

MOST_WORDS = 500


class TwoPersonRequest(models.Model):
    """A request with its state, who asked, who decided, and in what words.

    Taking back is the asker's own business. Each model of it has a `decided_by_another` among its
    constraints; community/services/decisions.py has the rules in words.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("waiting for approval")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        WITHDRAWN = "withdrawn", _("withdrawn")

    TRANSITIONS = {
        State.REQUESTED: {State.APPROVED, State.REJECTED, State.WITHDRAWN},
        State.APPROVED: set(),
        State.REJECTED: set(),
        State.WITHDRAWN: set(),
    }

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("asked by"),
    )
    requested_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision = models.CharField(_("words of the decision"), max_length=MOST_WORDS, blank=True)

    class Meta:
        abstract = True

    def note_decision(self, state: str, *, by: "User", words: str = "") -> None:
        """Writes down, without saving, what became of it, by whom and why."""
        self.state = state
        self.decided_by, self.decided_at = by, timezone.now()
        self.decision = words.strip()[:MOST_WORDS]


def decided_by_another(name: str) -> models.CheckConstraint:
    """The database's word that nobody approves or rejects what he asked for himself."""
    return models.CheckConstraint(
        condition=~Q(state__in=["approved", "rejected"])
        | Q(decided_by__isnull=False) & ~Q(decided_by=F("requested_by")),
        name=name,
    )
