"""Moving out (搬离结清): a payer's account at a unit, settled up to a day."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import Account
from community.models import Community, Unit
from core.append_only import frozen

if TYPE_CHECKING:
    from community.models import User


class ClearanceQuerySet(models.QuerySet["Clearance"]):
    def visible_to(self, user: "User") -> "ClearanceQuerySet":
        """Those of `user`'s own accounts, and all of the communities where he works."""
        return self.filter(account__in=Account.objects.visible_to(user))

    def standing(self) -> "ClearanceQuerySet":
        return self.exclude(state=Clearance.State.WITHDRAWN)


class Clearance(models.Model):
    """Somebody stops paying for a unit: begun on a day, cleared when nothing is owed either way."""

    class State(models.TextChoices):
        OPEN = "open", _("being settled")
        CLEARED = "cleared", _("cleared")
        WITHDRAWN = "withdrawn", _("taken back")

    TRANSITIONS = {
        State.OPEN: {State.CLEARED, State.WITHDRAWN},
        State.CLEARED: set(),
        State.WITHDRAWN: set(),
    }

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="clearances", verbose_name=_("community")
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="clearances", verbose_name=_("unit")
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="clearances", verbose_name=_("account")
    )
    # The last day for which the payer pays.
    day = models.DateField(_("last day"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    # What the register was like before, so that it can be taken back (community.services.moving).
    moved = models.JSONField(default=dict)
    # The runs that issued the final bills.
    runs = models.JSONField(default=list, blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("begun by"),
    )
    opened_at = models.DateTimeField(_("begun at"), auto_now_add=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("ended by"),
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    # What somebody let be although it is on no bill, [{item, from, to, why}], and why he did.
    accepted = models.JSONField(_("accepted as not billed"), default=list, blank=True)
    accepted_reason = models.CharField(_("why it is not billed"), max_length=200, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("accepted by"),
    )
    accepted_at = models.DateTimeField(_("accepted at"), null=True, blank=True)
    # What the note says, as it was when it was given out; {} before.
    snapshot = models.JSONField(_("as it was"), default=dict, blank=True)

    objects = ClearanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("clearance")
        verbose_name_plural = _("clearances")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(state="open"),
                name="clearance_open_once_an_account",
            ),
            models.UniqueConstraint(
                fields=["account", "day"],
                condition=~Q(state="withdrawn"),
                name="clearance_once_a_day",
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | Q(
                    state__in=["cleared", "withdrawn"],
                    ended_at__isnull=False,
                    ended_by__isnull=False,
                ),
                name="clearance_ended_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="cleared") & ~Q(snapshot={})
                | ~Q(state="cleared") & Q(snapshot={}),
                name="clearance_keeps_what_it_said",
            ),
            models.CheckConstraint(
                condition=Q(accepted=[], accepted_reason="", accepted_by=None, accepted_at=None)
                | ~Q(accepted=[])
                & ~Q(accepted_reason="")
                & Q(accepted_by__isnull=False, accepted_at__isnull=False),
                name="clearance_accepted_with_a_reason",
            ),
        ]
        triggers = [frozen("community", "unit", "account", "day", "moved")]

    def __str__(self) -> str:
        return f"{self.unit} {self.day}"

    @property
    def code(self) -> str:
        """The number as printed: J, the year and the row's number."""
        return f"J{self.opened_at:%Y}{self.pk:06d}"
