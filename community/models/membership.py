"""What staff may do in a community, and which party a resident's account stands for."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from community.models.community import Community, Unit
from community.models.party import Party

if TYPE_CHECKING:
    from community.models.user import User


class Role(models.TextChoices):
    """Roles of staff in one community. A manager may do whatever the others may."""

    CLERK = "clerk", _("front desk clerk")
    ACCOUNTANT = "accountant", _("accountant")
    MANAGER = "manager", _("manager")


class Membership(models.Model):
    """A user works in a community, in one role."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="memberships",
        verbose_name=_("user"),
    )
    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("community")
    )
    role = models.CharField(_("role"), max_length=12, choices=Role)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["user", "community"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.community} {self.get_role_display()}"


class Binding(models.Model):
    """A user stands for a party: he sees the accounts, bills and receipts of that party."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="bindings",
        verbose_name=_("user"),
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="bindings", verbose_name=_("party")
    )
    created_at = models.DateTimeField(_("bound at"), auto_now_add=True)

    class Meta:
        verbose_name = _("binding")
        verbose_name_plural = _("bindings")
        constraints = [models.UniqueConstraint(fields=["user", "party"], name="binding_unique")]

    def __str__(self) -> str:
        return f"{self.user} = {self.party}"


class BindingRequestQuerySet(models.QuerySet["BindingRequest"]):
    def visible_to(self, user: "User") -> "BindingRequestQuerySet":
        """A resident's own requests; staff see those of their communities."""
        return self.filter(
            models.Q(user=user) | models.Q(unit__community__in=Community.objects.visible_to(user))
        )


class BindingRequest(models.Model):
    """A resident claims a unit (绑定): by the phone on the register, or by staff approval."""

    class State(models.TextChoices):
        PENDING = "pending", _("waiting")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    TRANSITIONS = {
        State.PENDING: {State.APPROVED, State.REJECTED},
        State.APPROVED: set(),
        State.REJECTED: set(),
    }

    class Method(models.TextChoices):
        PHONE = "phone", _("phone number on the register")
        CODE = "code", _("code printed on the notice")
        STAFF = "staff", _("approved at the front desk")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="binding_requests",
        verbose_name=_("user"),
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="binding_requests", verbose_name=_("unit")
    )
    claimed_name = models.CharField(_("your name"), max_length=100)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    method = models.CharField(_("method"), max_length=10, choices=Method, default=Method.STAFF)
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("party")
    )
    created_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    objects = BindingRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("binding request")
        verbose_name_plural = _("binding requests")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "unit"],
                condition=models.Q(state="pending"),
                name="binding_request_one_pending",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="approved") | models.Q(party__isnull=False),
                name="binding_request_approved_has_party",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} → {self.unit}"
