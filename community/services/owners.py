"""Owners as a register names them: found, corrected, or added, set-wise."""

from collections import Counter, defaultdict
from typing import NamedTuple

from django.utils.translation import gettext as _

from community.models import Community, Occupancy, Party
from community.names import pinyin
from community.services.imports import Problems
from core import tables
from core.copying import copy_rows, reserve_ids

Key = tuple[str, str]  # name and phone: in a community they are one party


class _Owner(NamedTuple):
    occupancy: int
    party: int
    key: Key


class Parties:
    """The parties of a community by name and phone; `write` adds those asked for and not known."""

    def __init__(self, community: Community) -> None:
        self.community = community
        self.ids: dict[Key, int] = {}
        self.emails: dict[Key, str] = {}
        self._wanted: dict[Key, str] = {}
        found = Party.objects.filter(community=community)
        for pk, name, phone, email in found.values_list("id", "name", "phone", "email").iterator():
            self.ids[name, phone] = pk
            self.emails[name, phone] = email

    def want(self, key: Key, email: str = "") -> str:
        """Ask for a party; the first e-mail address given for it counts and is returned."""
        if not self._wanted.get(key):
            self._wanted[key] = email
        return self._wanted[key]

    def rename(self, old: Key, new: Key) -> None:
        """One person's name or phone is corrected."""
        name, phone = new
        full, initials = pinyin(name)
        pk = self.ids[new] = self.ids.pop(old)
        self.emails[new] = self.emails.pop(old)
        Party.objects.filter(pk=pk).update(
            name=name, phone=phone, pinyin=full, pinyin_initials=initials
        )

    def write(self) -> None:
        """Add the parties that are not on record, and take over new e-mail addresses."""
        new = [key for key in self._wanted if key not in self.ids]
        fresh = zip(new, reserve_ids(Party, len(new)), strict=True)
        self.ids.update(fresh)
        copy_rows(
            Party,
            ["id", "community", "name", "phone", "email", "pinyin", "pinyin_initials"],
            (
                (self.ids[key], self.community.pk, *key, self._wanted[key], *pinyin(key[0]))
                for key in new
            ),
        )
        changed = [
            Party(pk=self.ids[key], email=email)
            for key, email in self._wanted.items()
            if email and self.emails.get(key, email) != email
        ]
        Party.objects.bulk_update(changed, ["email"], batch_size=2000)


class Owners:
    """Compares the owners of a register with those on record, then writes the difference."""

    def __init__(self, community: Community, problems: Problems) -> None:
        self.problems = problems
        self.parties = Parties(community)
        self._owners: dict[int, list[_Owner]] = defaultdict(list)  # by unit, oldest first
        self._occupancies: Counter[int] = Counter()  # by party
        self._has_payer: set[int] = set()  # units
        self._corrections: dict[Key, list[tuple[_Owner, Key]]] = defaultdict(list)
        self._new: list[tuple[int, Key, bool]] = []
        found = Occupancy.objects.filter(unit__community=community).order_by("starts_on", "id")
        for pk, unit, party, role, pays, name, phone in found.values_list(
            "id", "unit_id", "party_id", "role", "is_payer", "party__name", "party__phone"
        ).iterator():
            self._occupancies[party] += 1
            if pays:
                self._has_payer.add(unit)
            if role == Occupancy.Role.OWNER:
                self._owners[unit].append(_Owner(pk, party, (name, phone)))

    def compare(self, unit: int, row: tables.Row) -> bool:
        """Note what a row changes about the owner of a unit on record; True if it does."""
        if not row.reads("owner", "phone"):
            return False
        key = row["owner"], row["phone"]
        email = row["email"] if row.reads("email") else ""
        owners = self._owners.get(unit)
        if not owners:
            self.add(unit, row, email)
            return True
        if any(owner.key == key for owner in owners):
            counts = self.parties.want(key, email)
            return email == counts != "" and self.parties.emails[key] != counts
        alike = [o for o in owners if o.key[0] == key[0] or (key[1] and o.key[1] == key[1])]
        if not alike:
            message = _("is not the owner on record: import the transfer with its day")
            self.problems.add(row, "业主姓名", message)
            return False
        self._corrections[alike[-1].key].append((alike[-1], key))
        self.parties.want(key, email)
        return True

    def add(self, unit: int, row: tables.Row, email: str) -> None:
        """The owner of a unit that has none on record."""
        key = row["owner"], row["phone"]
        self.parties.want(key, email)
        self._new.append((unit, key, unit not in self._has_payer))

    def write(self) -> None:
        """Write parties, corrections and new occupancies."""
        moved = self._rename()
        self.parties.write()
        for owner, key in moved:
            Occupancy.objects.filter(pk=owner.occupancy).update(party_id=self.parties.ids[key])
        copy_rows(
            Occupancy,
            ["unit", "party", "role", "is_payer", "starts_on", "ends_on"],
            (
                (unit, self.parties.ids[key], "owner", pays, Occupancy.BEGINNING, None)
                for unit, key, pays in self._new
            ),
        )

    def _rename(self) -> list[tuple[_Owner, Key]]:
        """Correct parties of which every unit says the same; returns what has to move instead.

        A person who owns three units and is corrected at one of them only is two persons.
        """
        moved = []
        for old, corrections in self._corrections.items():
            new = {key for _owner, key in corrections}
            everywhere = len(corrections) == self._occupancies[corrections[0][0].party]
            if len(new) == 1 and everywhere and not new & self.parties.ids.keys():
                self.parties.rename(old, new.pop())
            else:
                moved += corrections
        return moved
