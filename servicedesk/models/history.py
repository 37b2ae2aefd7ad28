"""What was said and done on a ticket, and which of its clocks ran out."""

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from servicedesk.models.clock import Clock


class TicketMessage(models.Model):
    """Something said on a ticket; internal notes are for staff."""

    ticket = models.ForeignKey(
        "servicedesk.Ticket",
        on_delete=models.PROTECT,
        related_name="messages",
        verbose_name=_("ticket"),
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
    form_token = models.UUIDField(unique=True, db_default=RandomUUID())  # two presses say it once
    created_at = models.DateTimeField(_("written at"), default=timezone.now)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.body[:50]


class TicketEvent(models.Model):
    """A step of a ticket, kept so that the timeline tells what was done and promised, by whom."""

    class Kind(models.TextChoices):
        STARTED = "started", _("taken up")
        ASSIGNED = "assigned", _("assigned")
        PROMISED = "promised", _("reply promised")
        RESOLVED = "resolved", _("resolved")
        REOPENED = "reopened", _("reopened")
        CLOSED = "closed", _("closed")

    ticket = models.ForeignKey(
        "servicedesk.Ticket",
        on_delete=models.PROTECT,
        related_name="events",
        verbose_name=_("ticket"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("assigned to"),
    )
    promised_at = models.DateTimeField(_("promised reply"), null=True, blank=True)
    created_at = models.DateTimeField(_("at"), default=timezone.now)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return f"{self.ticket} {self.get_kind_display()}"


class TicketBreach(models.Model):
    """A clock of a ticket ran out before we did what we promised; never taken back."""

    Clock = Clock

    ticket = models.ForeignKey(
        "servicedesk.Ticket",
        on_delete=models.PROTECT,
        related_name="breaches",
        verbose_name=_("ticket"),
    )
    clock = models.CharField(_("clock"), max_length=16, choices=Clock.choices)
    due_at = models.DateTimeField(_("was due"))
    noticed_at = models.DateTimeField(_("noticed at"), default=timezone.now)

    class Meta:
        verbose_name = _("breach")
        verbose_name_plural = _("breaches")
        constraints = [
            # A promise may be renewed and broken again, so the due time is part of the key.
            models.UniqueConstraint(fields=["ticket", "clock", "due_at"], name="breach_once")
        ]

    def __str__(self) -> str:
        return f"{self.ticket} {self.get_clock_display()}"
