"""Communities, their buildings and units."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from community.models.user import User


def natural_key(code: str) -> str:
    """`code` with every number padded to 8 digits, so that text order is natural order.

    2-1-101 sorts before 10-1-101, B1-A-9 before B1-A-10.
    """
    return re.sub(r"\d+", lambda match: match.group().zfill(8), code)


class CommunityQuerySet(models.QuerySet["Community"]):
    def visible_to(self, user: "User") -> "CommunityQuerySet":
        """Communities where `user` works."""
        return self.filter(pk__in=user.memberships.filter(is_active=True).values("community_id"))


class Community(models.Model):
    """A residential community (小区); every record belongs to one."""

    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")],
        help_text=_("Short name in addresses and commands: letters, digits, hyphens, underscores."),
    )
    name = models.CharField(_("name"), max_length=100)
    company = models.CharField(_("property company"), max_length=100, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    hotline = models.CharField(_("service hotline"), max_length=30, blank=True)
    # Where residents transfer to; shown on notices, so public by nature.
    bank_name = models.CharField(_("bank"), max_length=100, blank=True)
    bank_account_name = models.CharField(_("account name"), max_length=100, blank=True)
    bank_account_number = models.CharField(_("account number"), max_length=40, blank=True)

    objects = CommunityQuerySet.as_manager()

    class Meta:
        verbose_name = _("community")
        verbose_name_plural = _("communities")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class Building(models.Model):
    """A building (楼栋) or garage level: whatever the first part of a unit code names."""

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="buildings", verbose_name=_("community")
    )
    code = models.CharField(_("code"), max_length=20)

    class Meta:
        verbose_name = _("building")
        verbose_name_plural = _("buildings")
        constraints = [
            models.UniqueConstraint(fields=["community", "code"], name="building_code_unique")
        ]

    def __str__(self) -> str:
        return self.code


class UnitQuerySet(models.QuerySet["Unit"]):
    def visible_to(self, user: "User") -> "UnitQuerySet":
        """Units where `user` lives or owns today, and all of the communities he works in."""
        return self.filter(
            models.Q(community__in=Community.objects.visible_to(user))
            | models.Q(pk__in=Unit.objects.of_resident(user).values("pk"))
        )

    def of_resident(self, user: "User") -> "UnitQuerySet":
        """Units of which `user` is bound to somebody who lives or owns there today."""
        from community.models.party import Occupancy

        lived_in = Occupancy.objects.current().filter(party__bindings__user=user)
        return self.filter(pk__in=lived_in.values("unit_id"))


class Unit(models.Model):
    """Anything that is billed: a dwelling, shop, parking space or storage room (房屋)."""

    class Kind(models.TextChoices):
        DWELLING = "dwelling", _("dwelling")
        SHOP = "shop", _("shop")
        PARKING = "parking", _("parking space")
        STORAGE = "storage", _("storage room")

    community = models.ForeignKey(
        Community, on_delete=models.PROTECT, related_name="units", verbose_name=_("community")
    )
    building = models.ForeignKey(
        Building, on_delete=models.PROTECT, related_name="units", verbose_name=_("building")
    )
    entrance = models.CharField(_("entrance"), max_length=20, blank=True)
    room = models.CharField(_("room"), max_length=20)
    code = models.CharField(_("unit code"), max_length=64)
    # Bytewise order whatever the database's language: hyphens count.
    sort_key = models.CharField(max_length=200, editable=False, db_collation="C")
    kind = models.CharField(_("type"), max_length=10, choices=Kind)
    area = models.DecimalField(
        _("built area, m²"),
        max_digits=10,
        decimal_places=2,
        validators=[MinValueValidator(Decimal(0))],
    )
    handover_date = models.DateField(_("handover date"), null=True, blank=True)

    objects = UnitQuerySet.as_manager()

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering = ["community", "sort_key"]
        constraints = [
            models.UniqueConstraint(fields=["community", "code"], name="unit_code_unique"),
            models.CheckConstraint(condition=models.Q(area__gte=0), name="unit_area_not_negative"),
        ]
        indexes = [
            models.Index(fields=["community", "sort_key"], name="unit_natural_order"),
            models.Index(fields=["community", "room"], name="unit_room"),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: object, **kwargs: object) -> None:
        self.sort_key = natural_key(self.code)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @staticmethod
    def make_code(*, building: str, entrance: str, room: str) -> str:
        """The unit code `3-2-1502`; a unit without entrance is `S-01` or `B1-A-023`."""
        return "-".join(part for part in (building, entrance, room) if part)
