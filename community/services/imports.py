"""What every table import shares: naming units, collecting what is wrong, counting what it did."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from community.models import Community, Unit
from core import tables

Source = Path | str | bytes | IO[bytes]

UNIT_COLUMNS = (
    tables.Column("楼栋", "building", tables.code(max_length=20)),
    tables.Column("单元", "entrance", tables.code(max_length=20), optional=True, blank=""),
    tables.Column("房号", "room", tables.code(max_length=20)),
)


@dataclass
class Imported:
    """What an import did, in rows of its file."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    dry_run: bool = False

    def as_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass
class Problems:
    """Collects what is wrong with the rows of a file; `refuse` raises them all at once.

    A row with a bad cell is checked as well, as far as it could be read: whoever mends the file
    wants every fault of a row at once, but none that is only the shadow of another.
    """

    found: list[tables.BadCell] = field(default_factory=list)

    def add(self, row: tables.Row, column: str, message: str) -> None:
        """Something is wrong with what a row says in a column."""
        self.found.append(tables.BadCell(row.number, column, row.text(column)[:80], message))

    def add_double(self, row: tables.Row, column: str, first: int) -> None:
        """A row says what an earlier row of the same file says already."""
        self.add(row, column, _("says the same as row %(row)s") % {"row": first})

    def add_reversed(self, row: tables.Row, column: str, *, first: str, last: str) -> bool:
        """Whether a row's last day lies before its first; then that is a problem of `column`."""
        if not row.reads(first, last) or row[first] is None or row[last] is None:
            return False
        if row[first] <= row[last]:
            return False
        self.add(row, column, _("lies before the first day"))
        return True

    def refuse(self) -> None:
        """TableRefused if anything is wrong."""
        if self.found:
            raise tables.TableRefused(self.found)


class KnownUnit(NamedTuple):
    """What an import has to know of a unit on record."""

    id: int
    building_id: int


# What rooms above have to say after an import: sentences about a community.
Announcer = Callable[[Community], list[str]]

_announcers: list[Announcer] = []


def announce_after_imports(announcer: Announcer) -> None:
    """Have a room above say what an import means for it."""
    _announcers.append(announcer)


def announcements(community: Community) -> list[str]:
    """What is to be said of a community after something was imported."""
    return [words for announcer in _announcers for words in announcer(community)]


def unit_code(row: tables.Row) -> str:
    """The code of the unit that a row with the UNIT_COLUMNS names; '' if it could not be read."""
    if not row.reads("building", "entrance", "room"):
        return ""
    return Unit.make_code(building=row["building"], entrance=row["entrance"], room=row["room"])


def units_by_code(community: Community) -> dict[str, KnownUnit]:
    """Every unit of a community."""
    found = Unit.objects.filter(community=community).values_list("code", "id", "building_id")
    return {code: KnownUnit(pk, building) for code, pk, building in found.iterator()}


def find_unit(row: tables.Row, units: dict[str, KnownUnit], problems: Problems) -> KnownUnit | None:
    """The unit a row names; None, and a problem, if it is not on the register."""
    code = unit_code(row)
    unit = units.get(code)
    if unit is None and code:
        message = _("%(code)s is not a unit on the register") % {"code": code}
        problems.add(row, "房号", message)
    return unit


@contextmanager
def writing_to(community: Community, *, dry_run: bool) -> Iterator[None]:
    """One transaction that no other import or bill run of the community overlaps.

    A dry run does everything, so that it finds everything that is wrong, and takes it back.
    """
    with transaction.atomic():
        lock(community)
        yield
        if dry_run:
            transaction.set_rollback(True)


def lock(community: Community) -> None:
    """Wait until nobody else imports into or bills the community, until the transaction ends."""
    Community.objects.select_for_update(no_key=True).get(pk=community.pk)
