"""Somebody says that a unit is vacant, with proof; another person confirms it."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from community.models.community import Community, Unit
from community.models.party import Vacancy
from community.models.stored_file import StoredFile
from community.models.two_persons import TwoPersonRequest, decided_by_another

if TYPE_CHECKING:
    from community.models.user import User


class VacancyRequestQuerySet(models.QuerySet["VacancyRequest"]):
    def visible_to(self, user: "User") -> "VacancyRequestQuerySet":
        """What `user` asked for himself; staff see those of their communities."""
        return self.filter(
            Q(requested_by=user) | Q(unit__community__in=Community.objects.visible_to(user))
        )

    def waiting(self) -> "VacancyRequestQuerySet":
        return self.filter(state=VacancyRequest.State.REQUESTED)


class VacancyRequest(TwoPersonRequest):
    """A span, both days inclusive, that is to be recorded as vacant (空置); becomes a `Vacancy`."""

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="vacancy_requests", verbose_name=_("unit")
    )
    starts_on = models.DateField(_("vacant from"))
    ends_on = models.DateField(_("vacant to"))
    reason = models.CharField(_("reason"), max_length=500)
    evidence = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, related_name="+", verbose_name=_("evidence")
    )
    vacancy = models.OneToOneField(
        Vacancy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="request",
        verbose_name=_("became"),
    )
    # Two presses of one form ask once.
    form_token = models.UUIDField(unique=True, editable=False)
    objects = VacancyRequestQuerySet.as_manager()

    class Meta:
        verbose_name = _("vacancy request")
        verbose_name_plural = _("vacancy requests")
        ordering = ["-requested_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")), name="vacancy_request_dates_in_order"
            ),
            decided_by_another("vacancy_request_decided_by_another"),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(vacancy__isnull=False),
                name="vacancy_request_approved_has_vacancy",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.starts_on}–{self.ends_on}"
