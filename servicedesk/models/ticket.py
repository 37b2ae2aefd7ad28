"""Tickets: inquiries, complaints, suggestions and repairs (工单), and their clocks."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Bill
from community.models import Community, Unit

if TYPE_CHECKING:
    from community.models import User


class TicketKind(models.TextChoices):
    INQUIRY = "inquiry", _("inquiry")
    COMPLAINT = "complaint", _("complaint")
    SUGGESTION = "suggestion", _("suggestion")
    REPAIR = "repair", _("repair")


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

    class Meta:
        verbose_name = _("service commitment")
        verbose_name_plural = _("service commitments")
        constraints = [
            models.UniqueConstraint(fields=["community", "kind"], name="sla_policy_unique")
        ]

    def __str__(self) -> str:
        return f"{self.community} {self.get_kind_display()}"


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: "User") -> "TicketQuerySet":
        """A resident's own tickets; staff see those of their communities."""
        return self.filter(Q(reporter=user) | Q(community__in=Community.objects.visible_to(user)))

    def open(self) -> "TicketQuerySet":
        return self.exclude(state__in=[Ticket.State.RESOLVED, Ticket.State.CLOSED])

    def waiting_for_first_response(self) -> "TicketQuerySet":
        return self.open().filter(first_responded_at__isnull=True)

    def by_urgency(self) -> "TicketQuerySet":
        """The clock that runs out first comes first."""
        return self.annotate(
            next_due_at=models.Case(
                models.When(
                    first_responded_at__isnull=True,
                    then=F("first_response_due_at"),
                ),
                default=models.functions.Coalesce("promised_at", "resolution_due_at"),
            )
        ).order_by("next_due_at", "id")


class Ticket(models.Model):
    """What somebody asked or complained about, and how far we are."""

    class State(models.TextChoices):
        NEW = "new", _("new")
        IN_PROGRESS = "in_progress", _("in progress")
        RESOLVED = "resolved", _("resolved")
        CLOSED = "closed", _("closed")

    TRANSITIONS = {
        State.NEW: {State.IN_PROGRESS, State.RESOLVED},
        State.IN_PROGRESS: {State.RESOLVED},
        State.RESOLVED: {State.IN_PROGRESS, State.CLOSED},
        State.CLOSED: set(),
    }

    class Finding(models.TextChoices):
        OUR_FAULT = "our_fault", _("our fault")
        MISUNDERSTANDING = "misunderstanding", _("a misunderstanding")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="tickets", verbose_name=_("community")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=TicketKind)
    subject = models.CharField(_("subject"), max_length=100)
    body = models.TextField(_("what happened"), max_length=4000)
    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("unit")
    )
    bill = models.ForeignKey(
        Bill,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tickets",
        verbose_name=_("bill"),
    )
    # A resident with an account, or a name and a phone taken down at the desk.
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tickets",
        verbose_name=_("reported by"),
    )
    contact_name = models.CharField(_("name"), max_length=100, blank=True)
    contact_phone = models.CharField(_("phone"), max_length=20, blank=True)
    form_token = models.UUIDField(unique=True)  # two presses of one button file one ticket
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.NEW)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="assigned_tickets",
        verbose_name=_("assigned to"),
    )
    created_at = models.DateTimeField(_("reported at"), default=timezone.now)
    # The three clocks, as promised when the ticket came in.
    first_response_due_at = models.DateTimeField(_("first response due"))
    first_responded_at = models.DateTimeField(_("first responded at"), null=True, blank=True)
    promised_at = models.DateTimeField(_("promised reply"), null=True, blank=True)
    resolution_due_at = models.DateTimeField(_("resolution due"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)
    finding = models.CharField(_("finding"), max_length=20, choices=Finding, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["new", "in_progress"], resolved_at__isnull=True)
                | Q(state__in=["resolved", "closed"], resolved_at__isnull=False),
                name="ticket_resolved_has_time",
            )
        ]
        indexes = [
            models.Index(
                fields=["first_response_due_at"],
                condition=Q(first_responded_at__isnull=True),
                name="ticket_first_response_clock",
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"


class TicketMessage(models.Model):
    """Something said on a ticket; internal notes are for staff."""

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="messages", verbose_name=_("ticket")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("author"),
    )
    from_staff = models.BooleanField(_("from staff"))
    is_internal = models.BooleanField(_("internal note"), default=False)
    body = models.TextField(_("message"), max_length=4000)
    created_at = models.DateTimeField(_("written at"), auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.body[:50]


class TicketBreach(models.Model):
    """A clock of a ticket ran out before we did what we promised; never taken back."""

    class Clock(models.TextChoices):
        FIRST_RESPONSE = "first_response", _("first response")
        PROMISED_REPLY = "promised_reply", _("promised reply")
        RESOLUTION = "resolution", _("resolution")

    ticket = models.ForeignKey(
        Ticket, on_delete=models.PROTECT, related_name="breaches", verbose_name=_("ticket")
    )
    clock = models.CharField(_("clock"), max_length=16, choices=Clock)
    due_at = models.DateTimeField(_("was due"))
    noticed_at = models.DateTimeField(_("noticed at"), auto_now_add=True)

    class Meta:
        verbose_name = _("breach")
        verbose_name_plural = _("breaches")
        constraints = [
            # A promise may be renewed and broken again, so the due time is part of the key.
            models.UniqueConstraint(fields=["ticket", "clock", "due_at"], name="breach_once")
        ]

    def __str__(self) -> str:
        return f"{self.ticket} {self.get_clock_display()}"
