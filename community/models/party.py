"""Who owns, rents and pays, since when; and spans when nobody lives there."""

import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func
from django.db.models.functions import Right
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from community.models.community import Community, Unit

if TYPE_CHECKING:
    from community.models.user import User


class DateRange(Func):
    """PostgreSQL's daterange(start, end, bounds); a NULL end is open."""

    function = "DATERANGE"
    output_field = DateRangeField()


def today() -> datetime.date:
    """The day in the community (Asia/Shanghai)."""
    return timezone.localdate()


class PartyQuerySet(models.QuerySet["Party"]):
    def visible_to(self, user: "User") -> "PartyQuerySet":
        """Parties that `user` stands for, and all of the communities he works in."""
        return self.filter(
            models.Q(community__in=Community.objects.visible_to(user))
            | models.Q(pk__in=user.bindings.values("party_id"))
        )


class Party(models.Model):
    """A person or company on the register. Same name and phone in a community = one party."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="parties", verbose_name=_("community")
    )
    name = models.CharField(_("name"), max_length=100)
    phone = models.CharField(_("phone"), max_length=20, blank=True)
    email = models.EmailField(_("email"), blank=True)
    # For the front desk's search: "zhang san" and "zs" (filled from the name by the services).
    pinyin = models.CharField(max_length=200, blank=True, editable=False)
    pinyin_initials = models.CharField(max_length=50, blank=True, editable=False)

    objects = PartyQuerySet.as_manager()

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        constraints = [
            models.UniqueConstraint(fields=["community", "name", "phone"], name="party_unique")
        ]
        indexes = [
            # The desk searches by beginnings and by the phone's end. The operator class lets LIKE
            # use an index whatever the database's language.
            *(
                models.Index(
                    fields=["community", field],
                    name=name,
                    opclasses=["int8_ops", "varchar_pattern_ops"],
                )
                for field, name in (
                    ("phone", "party_phone"),
                    ("pinyin_initials", "party_pinyin"),
                    ("name", "party_name"),
                )
            ),
            models.Index(F("community"), Right("phone", 4), name="party_phone_ending"),
        ]

    def __str__(self) -> str:
        return self.name


class OccupancyQuerySet(models.QuerySet["Occupancy"]):
    def on(self, day: datetime.date) -> "OccupancyQuerySet":
        """Occupancies in force on `day` (both ends inclusive)."""
        return self.filter(starts_on__lte=day).filter(
            models.Q(ends_on__isnull=True) | models.Q(ends_on__gte=day)
        )

    def current(self) -> "OccupancyQuerySet":
        return self.on(today())

    def payers(self) -> "OccupancyQuerySet":
        return self.filter(is_payer=True)


class Occupancy(models.Model):
    """A party at a unit from a day to a day, both inclusive; at most one payer a day."""

    class Role(models.TextChoices):
        OWNER = "owner", _("owner")
        TENANT = "tenant", _("tenant")
        FAMILY = "family", _("family")
        DEVELOPER = "developer", _("developer")

    # The register tells who owns, rarely since when: then since the beginning of the records.
    BEGINNING = datetime.date(1900, 1, 1)

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="occupancies", verbose_name=_("unit")
    )
    party = models.ForeignKey(
        Party, on_delete=models.PROTECT, related_name="occupancies", verbose_name=_("party")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.OWNER)
    is_payer = models.BooleanField(_("pays"), default=True)
    starts_on = models.DateField(_("from"), default=BEGINNING)
    ends_on = models.DateField(_("to"), null=True, blank=True)

    objects = OccupancyQuerySet.as_manager()

    class Meta:
        verbose_name = _("occupancy")
        verbose_name_plural = _("occupancies")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="occupancy_dates_in_order",
            ),
            ExclusionConstraint(
                name="occupancy_one_payer_a_day",
                expressions=[
                    ("unit", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=models.Q(is_payer=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.party} {self.starts_on}"


class Vacancy(models.Model):
    """A span, both days inclusive, in which nobody uses a unit (空置)."""

    unit = models.ForeignKey(
        Unit, on_delete=models.PROTECT, related_name="vacancies", verbose_name=_("unit")
    )
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))

    class Meta:
        verbose_name = _("vacancy")
        verbose_name_plural = _("vacancies")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                name="vacancy_dates_in_order",
            ),
            ExclusionConstraint(
                name="vacancy_no_overlap",
                expressions=[
                    ("unit", RangeOperators.EQUAL),
                    (
                        DateRange("starts_on", "ends_on", models.Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit} {self.starts_on}–{self.ends_on}"
