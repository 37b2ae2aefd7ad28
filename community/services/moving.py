"""Moving out: who pays for a unit stops on a day, and perhaps somebody else goes on.

A sale (过户) ends what hangs on the ownership, as the transfers of a file do; a tenant who leaves
ends nobody but himself.
"""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from community.models import Occupancy, Party, Unit
from community.services.imports import lock
from community.services.owners import Parties

ONE_DAY = datetime.timedelta(days=1)


class MoveRefused(Exception):
    """The register does not allow it; says why."""


@dataclass(frozen=True)
class Successor:
    """Who pays from the day after: somebody on the register, or a new name and phone."""

    name: str
    phone: str = ""
    role: Occupancy.Role = Occupancy.Role.OWNER


@dataclass
class Moved:
    """What was changed, as plain values to keep: enough to take it back."""

    ended: list[tuple[int, str | None]] = field(default_factory=list)  # occupancy, its last day
    began: int | None = None  # the successor's occupancy

    def as_json(self) -> dict[str, Any]:
        return {"ended": [list(one) for one in self.ended], "began": self.began}


@transaction.atomic
def move_out(
    *, unit: Unit, party: Party, day: datetime.date, successor: Successor | None = None
) -> Moved:
    """Ends what `party` pays for on `day`, his last; `successor` pays from the day after.

    Where the register says so already nothing is changed. Raises MoveRefused for somebody who does
    not pay on that day, and for a successor where another one is on the register.
    """
    lock(unit.community)
    occupancies = Occupancy.objects.select_for_update().filter(unit=unit)
    payer = occupancies.payers().on(day).filter(party=party).first()
    if payer is None:
        raise MoveRefused(_("he does not pay for this unit on that day"))
    moved = Moved()
    if payer.ends_on != day:
        staying = occupancies.on(day + ONE_DAY).filter(starts_on__lte=day)
        for occupancy in staying.filter(_ending(payer)):
            moved.ended.append((occupancy.pk, _written(occupancy.ends_on)))
            occupancy.ends_on = day
            occupancy.save(update_fields=["ends_on"])
    if successor is not None:
        _let_in(unit, successor, day + ONE_DAY, moved)
    return moved


@transaction.atomic
def take_back(*, unit: Unit, moved: dict[str, Any]) -> None:
    """The register as it was before `move_out` (its `Moved` as kept).

    Raises MoveRefused where it was changed again since.
    """
    lock(unit.community)
    try:
        with transaction.atomic():
            if moved.get("began"):
                Occupancy.objects.filter(pk=moved["began"], unit=unit).delete()
            for pk, last_day in moved.get("ended", ()):
                Occupancy.objects.filter(pk=pk, unit=unit).update(ends_on=last_day)
    except IntegrityError as error:
        raise MoveRefused(
            _("somebody else is on the register for these days; correct the register first")
        ) from error


def _ending(payer: Occupancy) -> Q:
    """Who goes with the payer: a tenant only himself, an owner all but the tenants who do not pay.

    A family goes with the owner: the register does not tell whose family it is.
    """
    if payer.role == Occupancy.Role.TENANT:
        return Q(party=payer.party_id)
    return Q(is_payer=True) | ~Q(role=Occupancy.Role.TENANT)


def _let_in(unit: Unit, successor: Successor, day: datetime.date, moved: Moved) -> None:
    parties = Parties(unit.community)
    key = (successor.name, successor.phone)
    parties.want(key)
    parties.write()
    party = parties.ids[key]
    if Occupancy.objects.filter(unit=unit, is_payer=True, party=party).on(day).exists():
        return
    # An owner who lives there already and pays from now on is on the register once, not twice.
    for known in Occupancy.objects.filter(unit=unit, party=party, is_payer=False).on(day):
        moved.ended.append((known.pk, _written(known.ends_on)))
        known.ends_on = max(day - ONE_DAY, known.starts_on)
        known.save(update_fields=["ends_on"])
    try:
        with transaction.atomic():
            began = Occupancy.objects.create(
                unit=unit, party_id=party, role=successor.role, is_payer=True, starts_on=day
            )
    except IntegrityError as error:
        raise MoveRefused(
            _("somebody else is on the register for the days after: leave the new payer empty")
        ) from error
    moved.began = began.pk


def _written(day: datetime.date | None) -> str | None:
    return day.isoformat() if day else None
