"""Facts that became known after a run was computed: a correction may be due."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.models.noting import PAYERS, UNITS, VACANCIES, noting
from billing.models.run import BillRun
from community.models import Community, Occupancy, Unit, Vacancy

if TYPE_CHECKING:
    from community.models import User


class LateFactQuerySet(models.QuerySet["LateFact"]):
    def visible_to(self, user: "User") -> "LateFactQuerySet":
        return self.filter(unit__community__in=Community.objects.visible_to(user))

    def due(self) -> "LateFactQuerySet":
        """Those that came after the bills were issued: nobody has looked yet what they change."""
        return self.filter(run__state__in=(BillRun.State.ISSUED, BillRun.State.CLOSED))


class LateFact(models.Model):
    """Something about a unit that a run's computation did not know.

    Written by the triggers of `billing.models.noting`, cleared by the next computation that looks
    at the unit. It may be noted of a fact that changes no amount; it is never left out. Notes of a
    run that is not issued yet bridge the moment between its last look and its issue.
    """

    class Kind(models.TextChoices):
        PAYER = "payer", _("another payer")
        UNIT = "unit", _("another area, type or handover")
        VACANCY = "vacancy", _("vacancy")
        READING = "reading", _("another reading")
        TARIFF = "tariff", _("another fee standard")
        SHARED_COST = "shared_cost", _("another shared cost")
        FOUND = "found", _("found when somebody looked")

    # Without a constraint in the database, whose check would lock the run: a reading must not wait
    # for the minutes in which somebody computes a correction.
    run = models.ForeignKey(
        BillRun,
        on_delete=models.CASCADE,
        related_name="late_facts",
        db_constraint=False,
        verbose_name=_("run"),
    )
    unit = models.ForeignKey(
        Unit, on_delete=models.CASCADE, related_name="+", db_index=False, verbose_name=_("unit")
    )
    kind = models.CharField(_("what is new"), max_length=12, choices=Kind)
    noted_at = models.DateTimeField(_("noted at"), db_default=Now())

    objects = LateFactQuerySet.as_manager()

    class Meta:
        verbose_name = _("late fact")
        verbose_name_plural = _("late facts")

    def __str__(self) -> str:
        return f"{self.run} {self.unit} {self.get_kind_display()}"


# What the register says of units and people lies below billing, so the triggers on its tables are
# declared up here.


class NotedOccupancy(Occupancy):
    class Meta:
        proxy = True
        default_permissions = ()
        triggers = noting("payer", PAYERS, slack=1)


class NotedVacancy(Vacancy):
    class Meta:
        proxy = True
        default_permissions = ()
        triggers = noting("vacancy", VACANCIES)


class NotedUnit(Unit):
    class Meta:
        proxy = True
        default_permissions = ()
        # Whoever is deleted has no days left to be billed, and no row to point at.
        triggers = [each for each in noting("unit", UNITS) if each.name != "note_delete"]
