"""Tickets: inquiries, complaints, suggestions and repairs (工单), and their clocks."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.functions import Least
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models import Bill
from community.models import Community, Unit
from servicedesk.models.clock import CLOCKS, Clock, RunningClock
from servicedesk.models.history import TicketBreach
from servicedesk.models.policy import SlaPolicy, TicketKind

if TYPE_CHECKING:
    from community.models import User


def _running(clock: Clock) -> Case:
    """SQL: when `clock` runs out, NULL once it was stopped."""
    fields = CLOCKS[clock]
    return Case(When(**{f"{fields.stopped}__isnull": True}, then=F(fields.due)))


class TicketQuerySet(models.QuerySet["Ticket"]):
    def visible_to(self, user: "User") -> "TicketQuerySet":
        """A resident's own tickets; staff see those of their communities."""
        return self.filter(Q(reporter=user) | Q(community__in=Community.objects.visible_to(user)))

    def of_resident(self, user: "User") -> "TicketQuerySet":
        """Tickets that `user` filed himself."""
        return self.filter(reporter=user)

    def open(self) -> "TicketQuerySet":
        return self.filter(state__in=[Ticket.State.NEW, Ticket.State.IN_PROGRESS])

    def breached(self) -> "TicketQuerySet":
        """Tickets of which at least one clock ran out, however they ended."""
        return self.filter(Exists(TicketBreach.objects.filter(ticket=OuterRef("pk"))))

    def by_urgency(self) -> "TicketQuerySet":
        """The clock that runs out first comes first; tickets without a running clock come last.

        Annotates `next_due_at`, None when every clock has stopped.
        """
        return self.annotate(
            # PostgreSQL's LEAST passes over NULLs: a stopped clock takes no part.
            next_due_at=Least(*(_running(clock) for clock in CLOCKS)),
        ).order_by(F("next_due_at").asc(nulls_last=True), "-id")


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
    # The three clocks, as promised when the ticket came in: the policy's hours are copied, so a
    # commitment that changes later moves nothing here.
    first_response_hours = models.PositiveIntegerField(
        _("first response within, hours"), default=SlaPolicy.DEFAULT_FIRST_RESPONSE_HOURS
    )
    resolution_hours = models.PositiveIntegerField(
        _("resolution within, hours"), default=SlaPolicy.DEFAULT_RESOLUTION_HOURS
    )
    first_response_due_at = models.DateTimeField(_("first response due"))
    first_responded_at = models.DateTimeField(_("first responded at"), null=True, blank=True)
    promised_at = models.DateTimeField(_("promised reply"), null=True, blank=True)
    promise_kept_at = models.DateTimeField(_("answered as promised at"), null=True, blank=True)
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
            ),
            # Nothing is resolved without a word to the person who asked.
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True) | Q(first_responded_at__isnull=False),
                name="ticket_resolved_was_answered",
            ),
            models.CheckConstraint(
                condition=Q(promise_kept_at__isnull=True) | Q(promised_at__isnull=False),
                name="ticket_promise_kept_was_made",
            ),
        ]
        # What the beat scan reads: only clocks that run.
        indexes = [
            models.Index(
                fields=["first_response_due_at"],
                condition=Q(first_responded_at__isnull=True),
                name="ticket_first_response_clock",
            ),
            models.Index(
                fields=["promised_at"],
                condition=Q(promised_at__isnull=False, promise_kept_at__isnull=True),
                name="ticket_promise_clock",
            ),
            models.Index(
                fields=["resolution_due_at"],
                condition=Q(resolved_at__isnull=True),
                name="ticket_resolution_clock",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject}"

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.NEW, self.State.IN_PROGRESS}

    @property
    def running_clocks(self) -> list[RunningClock]:
        """The clocks that run, the one that runs out first in front."""
        running = [
            RunningClock(clock, getattr(self, fields.due))
            for clock, fields in CLOCKS.items()
            if getattr(self, fields.stopped) is None and getattr(self, fields.due) is not None
        ]
        return sorted(running, key=lambda each: each.due_at)

    @property
    def next_clock(self) -> RunningClock | None:
        """The clock that runs out first; None when nothing is owed to the reporter."""
        return next(iter(self.running_clocks), None)
