"""Long work that somebody waits for: a row that shows how far it is, and what came of it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from community.models.community import Community
from community.models.stored_file import StoredFile

if TYPE_CHECKING:
    from community.models.user import User


class JobQuerySet(models.QuerySet["Job"]):
    def visible_to(self, user: "User") -> "JobQuerySet":
        """Jobs of the communities where `user` works."""
        return self.filter(community__in=Community.objects.visible_to(user))

    def live(self) -> "JobQuerySet":
        """Jobs that are waiting or at work."""
        return self.filter(state__in=Job.LIVE)


class Job(models.Model):
    """One piece of long work (DESIGN, habit 11). Run again, it does nothing twice."""

    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("at work")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        FAILED = "failed", _("failed")

    TRANSITIONS = {
        State.QUEUED: {State.RUNNING, State.FAILED},
        State.RUNNING: {State.RUNNING, State.DONE, State.REFUSED, State.FAILED},
        State.DONE: set(),
        State.REFUSED: set(),
        State.FAILED: set(),
    }
    LIVE = (State.QUEUED, State.RUNNING)

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="jobs", verbose_name=_("community")
    )
    kind = models.CharField(_("kind"), max_length=50)
    # What the job is about, as ids and plain values; with the kind it tells two jobs apart.
    params = models.JSONField(default=dict)
    key = models.CharField(max_length=200)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("of"), default=0)
    # Why it was refused, or what it found: a sentence for whoever asked, in his language.
    message = models.TextField(_("message"), blank=True)
    result_url = models.CharField(max_length=300, blank=True)
    file = models.ForeignKey(
        StoredFile,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="jobs",
        verbose_name=_("file"),
    )
    language = models.CharField(max_length=10, default=settings.LANGUAGE_CODE)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("asked at"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-id"]
        constraints = [
            # A double press finds the job of the first.
            models.UniqueConstraint(
                fields=["community", "key"],
                condition=Q(state__in=["queued", "running"]),
                name="job_live_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["done", "refused", "failed"], finished_at__isnull=False),
                name="job_finished_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.get_state_display()}"

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE

    @property
    def percent(self) -> int | None:
        """How much is done; None while nobody knows how much there is."""
        return min(100, self.done * 100 // self.total) if self.total else None
